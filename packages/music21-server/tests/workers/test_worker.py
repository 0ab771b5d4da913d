"""A worker that nobody kills ends itself soon after its deadline, with the timers of any system."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

_OVERDUE = """
import faulthandler, os, re, signal, sys
if sys.argv[1] == "without setitimer":
    for name in ("setitimer", "SIGALRM"):
        delattr(signal, name)
from music21_server.workers import worker
worker._PATIENCE_S = 0.0
from music21_server.workers.messages import LENGTH, Task, pack_task
tasks, task = os.pipe()
answers, answer = os.pipe()
message = pack_task(Task(0.2, re.fullmatch, ("(a+)+$", "a" * 60 + "b"), is_followed=False))
os.write(task, LENGTH.pack(len(message)) + message)
worker.serve(tasks, answer, 10**9, None)
"""


@pytest.mark.parametrize(
    "timer",
    [
        pytest.param(
            "with setitimer", marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has none")
        ),
        "without setitimer",
    ],
)
def test_overdue_work_ends_the_process_and_shows_where_it_was(timer: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OVERDUE, timer], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "fullmatch" in done.stderr
    assert "_answer" in done.stderr
