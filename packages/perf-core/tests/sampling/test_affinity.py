"""Processes are bound to CPUs with their existing threads and children."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from perf_core.sampling import affinity
from perf_core.sampling.affinity import Split, keep_to, split_cpus

pytestmark = pytest.mark.skipif(
    not hasattr(psutil.Process, "cpu_affinity"), reason="this system binds no process to a CPU"
)

THREADED = """
import subprocess, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("usable", "split"),
    [
        ([3], None),
        ([0, 1], Split((0,), (1,))),
        ([1, 4, 6], Split((1, 4), (6,))),
        (list(range(8)), Split((0, 1, 2, 3), (4, 5, 6, 7))),
    ],
)
def test_usable_cpus_are_halved(
    monkeypatch: pytest.MonkeyPatch, usable: list[int], split: Split | None
) -> None:
    class Here:
        def cpu_affinity(self) -> list[int]:
            return usable

    monkeypatch.setattr(affinity.psutil, "Process", Here)
    assert split_cpus() == split


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity of threads")
def test_threads_and_children_are_bound_too() -> None:
    cpu = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", THREADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        root = psutil.Process(process.pid)
        (child,) = root.children()
        keep_to(process.pid, [cpu])
        threads = [thread.id for member in (root, child) for thread in member.threads()]
        assert len(threads) >= 3
        assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset({cpu})}


@pytest.mark.process
def test_ended_process_is_skipped() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    keep_to(process.pid, [0])
