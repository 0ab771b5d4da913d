"""Processes killed on purpose: only matching ones, and while they are busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from perf_core.sampling.kills import ProcessKiller, killable

# A parent with three children, one of which burns CPU time. The parent and two children have the mark.
# Children report when they are up: until then an idle one uses CPU time too.
FAMILY = """
import subprocess, sys
def child(code):
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); " + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    return process
idle = child("input()  # worker-mark")
other = child("input()")
busy = child("exec('while True: pass')  # worker-mark")
print(busy.pid, idle.pid, other.pid, flush=True)
sys.stdin.read()  # worker-mark
"""


@pytest.fixture
def family() -> Iterator[tuple[int, list[int]]]:
    """A process with children: its number and those of the busy, the idle and the unmarked child."""
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


@pytest.mark.process
def test_only_childless_descendants_that_match_are_killable(family) -> None:
    root, (busy, idle, _other) = family
    assert {each.pid for each in killable(root, "worker-mark")} == {busy, idle}
    # The parent matches too, but has children: killing it would stop more than one worker.
    assert {each.pid for each in killable(os.getpid(), "worker-mark")} == {busy, idle}
    assert killable(root, "no such mark") == []
    assert killable(2**22 + 1, "worker-mark") == []


@pytest.mark.process
def test_busy_process_is_killed_first(family) -> None:
    root, (busy, idle, other) = family
    start = time.time()
    with ProcessKiller(root, "worker-mark", load_s=1.9) as killer:
        deadline = time.monotonic() + 30
        while not killer.kills and time.monotonic() < deadline:
            time.sleep(0.01)
    (kill,) = killer.kills
    assert (kill.pid, kill.was_busy) == (busy, True)
    assert kill.at_s - start >= 1.0
    assert psutil.Process(idle).is_running()
    assert psutil.Process(other).is_running()


@pytest.mark.parametrize(("pid", "pattern"), [(None, "worker-mark"), (1, "")])
def test_nothing_is_killed_without_a_server_or_a_pattern(pid: int | None, pattern: str) -> None:
    killer = ProcessKiller(pid, pattern, load_s=5.0)
    with killer:
        assert killer._attempts_left == 0
    assert killer.kills == ()


@pytest.mark.process
def test_killing_ends_with_the_load(family) -> None:
    root, _ = family
    start = time.monotonic()
    with ProcessKiller(root, "worker-mark", load_s=600.0) as killer:
        pass
    # The first kill would be due after 84 s.
    assert time.monotonic() - start < 60
    assert killer.kills == ()


@pytest.mark.parametrize(
    ("load_s", "kills", "interval_s"), [(60.0, 5, 8.4), (10.0, 5, 1.4), (5.0, 3, 1.0), (1.0, 0, 1.0)]
)
def test_kills_are_spread_over_the_first_70_percent_of_the_load(
    load_s: float, kills: int, interval_s: float
) -> None:
    killer = ProcessKiller(1, "worker-mark", load_s)
    assert (killer._attempts_left, killer._interval_s) == (kills, pytest.approx(interval_s))
