"""The profiler beside a load: py-spy itself, and what becomes of a py-spy that cannot do its work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.runs import profiling
from perf_core.runs.profiling import FOLDED_NAME, REFUSED, Profiler, find_py_spy

pytestmark = pytest.mark.process

BUSY = """
import time

def inner(number):
    return sum(each * each for each in range(number))

def outer():
    told_s = -1.0
    while True:
        inner(2000)
        if time.process_time() - told_s > 0.1:
            told_s = time.process_time()
            print("another tenth of a second of CPU time", flush=True)

outer()
"""


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program that prints lines, and wait for the first."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            read_lines(process, 1)
            yield process
        finally:
            process.kill()


def read_lines(process: subprocess.Popen[str], number: int) -> None:
    assert process.stdout is not None
    for _ in range(number):
        process.stdout.readline()


def py_spy_that(folder: Path, script: str) -> Path:
    """Return a program in py-spy's place."""
    path = folder / "py-spy"
    path.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_functions_of_a_busy_process_are_seen(tmp_path: Path) -> None:
    with (
        running(sys.executable, "-c", BUSY, "--password=secret") as process,
        Profiler(find_py_spy(), process.pid, tmp_path) as profiler,
    ):
        read_lines(process, 4)
        profile = profiler.finish()
        assert profiler.finish() is profile
    if profile.problem == REFUSED:
        pytest.skip("this system lets nobody trace a process")
    assert profile.problem == ""
    assert profile.samples > 0
    assert profile.processes == 1
    names = {function.name: function for function in profile.functions}
    assert "inner" in names
    assert names["outer"].total_share > 0.9
    assert {path.name for path in tmp_path.iterdir()} == {FOLDED_NAME}
    assert "outer" in (tmp_path / FOLDED_NAME).read_text(encoding="utf-8")
    assert "secret" not in (tmp_path / FOLDED_NAME).read_text(encoding="utf-8")


def test_a_process_that_is_apart_is_not_counted(tmp_path: Path) -> None:
    with (
        running(sys.executable, "-c", BUSY) as process,
        Profiler(find_py_spy(), process.pid, tmp_path, apart=(process.pid,)) as profiler,
    ):
        read_lines(process, 2)
        profile = profiler.finish()
    assert profile.samples == 0
    assert profile.problem


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("import sys; sys.exit('Permission Denied: Try running again with elevated permissions')", REFUSED),
        (
            "import sys; sys.exit('Error: Failed to suspend process: Operation not permitted (os error 1)')",
            REFUSED,
        ),
        (
            "import sys; sys.exit('Error: Unsupported version of Python: 3.99.0')",
            "the profiler gave no samples: Error: Unsupported version of Python: 3.99.0",
        ),
        ("pass", "the profiler gave no samples: no Python thread of the server ran whenever it looked"),
    ],
)
def test_a_profiler_that_fails_says_why(script: str, problem: str, tmp_path: Path) -> None:
    with Profiler(py_spy_that(tmp_path, script), os.getpid(), tmp_path) as profiler:
        profile = profiler.finish()
    assert profile.problem == problem
    assert [path.name for path in tmp_path.iterdir()] == ["py-spy"]


def test_a_server_that_is_no_python_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "_names_below", lambda *_: ["node", "python3.13"])
    script = (
        "import sys; sys.exit('Error: No python processes found in process 7 or any of its subprocesses')"
    )
    with Profiler(py_spy_that(tmp_path, script), os.getpid(), tmp_path) as profiler:
        profile = profiler.finish()
    assert profile.problem == "the profiler reads Python programs only, and the server runs node"


def test_names_of_a_tree_are_told_without_those_apart() -> None:
    with running("sh", "-c", "echo; read line; true") as process:
        shell = Path(shutil.which("sh") or "").resolve().name
        assert profiling._names_below(process.pid, ()) == [shell]
        assert profiling._names_below(process.pid, (process.pid,)) == []


def test_a_profiler_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "_END_S", 0.05)
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    script += "print('Sampling process', flush=True); time.sleep(60)"
    with Profiler(py_spy_that(tmp_path, script), os.getpid(), tmp_path) as profiler:
        assert profiler.finish().problem


def test_without_py_spy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling.shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError) as error:
        find_py_spy()
    assert "mcp-perf-core[profile]" in error.value.hint


def test_memory_that_may_not_be_read_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "_may_be_traced", lambda _pid: False)
    script = (
        "import sys; sys.exit('Error: No python processes found in process 7 or any of its subprocesses')"
    )
    with Profiler(py_spy_that(tmp_path, script), os.getpid(), tmp_path) as profiler:
        assert profiler.finish().problem == REFUSED


def test_own_memory_may_be_read_and_that_of_no_process_is_no_refusal() -> None:
    assert profiling._may_be_traced(os.getpid())
    assert profiling._may_be_traced(2**22)
