"""Processes that are killed on purpose: only those that may be, and while they work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from perf_core.sampling.kills import Striker, strikeable

# A parent with two children of which one burns CPU time and one sleeps; both have the mark, as it has itself.
FAMILY = """
import subprocess, sys
waiting = "import sys; sys.stdin.read()"
def child(code):
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
busy = child("while True: pass  # worker-mark")
idle = child(waiting + "  # worker-mark")
other = child(waiting)
print(busy.pid, idle.pid, other.pid, flush=True)
sys.stdin.read()  # worker-mark
"""


@pytest.fixture
def family() -> Iterator[tuple[int, list[int]]]:
    """A process with children: its number and those of the busy, the idle and the other child."""
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        try:
            yield parent.pid, children
        finally:
            for pid in (*children, parent.pid):
                try:
                    psutil.Process(pid).kill()
                except psutil.NoSuchProcess:
                    continue


def test_only_childless_processes_below_with_the_mark_may_be_struck(family) -> None:
    root, (busy, idle, _other) = family
    assert {each.pid for each in strikeable(root, "worker-mark")} == {busy, idle}
    # The parent has the mark, too, and children: whoever strikes it strikes more than one worker.
    assert {each.pid for each in strikeable(os.getpid(), "worker-mark")} == {busy, idle}
    assert strikeable(root, "no such mark") == []
    assert strikeable(2**22 + 1, "worker-mark") == []


def test_one_that_works_is_struck_first(family) -> None:
    root, (busy, idle, other) = family
    began = time.time()
    with Striker(root, "worker-mark", load_s=1.9) as striker:
        deadline = time.monotonic() + 20
        while not striker.strikes and time.monotonic() < deadline:
            psutil.Process(root).is_running()
    (strike,) = striker.strikes
    assert (strike.pid, strike.was_busy) == (busy, True)
    assert strike.at_s - began >= 1.0
    assert psutil.Process(idle).is_running()
    assert psutil.Process(other).is_running()


@pytest.mark.parametrize(("pid", "mark"), [(None, "worker-mark"), (1, "")])
def test_nobody_is_struck_without_a_server_or_a_mark(pid: int | None, mark: str) -> None:
    with Striker(pid, mark, load_s=0.1) as striker:
        pass
    assert striker.strikes == ()


def test_it_stops_with_the_load_and_not_later(family) -> None:
    root, _ = family
    began = time.monotonic()
    with Striker(root, "worker-mark", load_s=600.0):
        pass
    assert time.monotonic() - began < 5
