"""Run-queue wait: the time for which threads were ready to run and no CPU was free for them.

Linux counts it for each thread in ``/proc/<pid>/task/<tid>/schedstat`` (run time and wait in nanoseconds,
number of turns). ``/proc/<pid>/schedstat`` looks like the sum of all threads and covers only the first one.
The counter of a thread ends with it, so that the last value of each is kept.
Source: https://docs.kernel.org/scheduler/sched-stats.html
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

_LARGEST_SHARE = 0.02
"""Share of a core that reading may cost; a thread takes some 12 µs, so that 1,000 threads are read every
0.6 s instead of every 0.2 s."""


class RunQueueMeter:
    """Sums the run-queue wait of all threads that it has seen, including ended ones."""

    def __init__(self) -> None:
        self._wait_ns: dict[tuple[int, int], int] = {}
        self._ended_ns = 0
        self._not_before_s = float("-inf")
        self._has_counters = _counts_waits()

    def read(self, pids: Iterable[int]) -> float | None:
        """Return the seconds that the threads of all processes so far waited; None if it is not counted.

        Args:
            pids: Processes that run now.
        """
        if not self._has_counters:
            return None
        began_s = time.monotonic()
        if began_s >= self._not_before_s:
            self._refresh(pids)
            ended_s = time.monotonic()
            self._not_before_s = ended_s + (ended_s - began_s) / _LARGEST_SHARE
        return (self._ended_ns + sum(self._wait_ns.values())) / 1e9

    def _refresh(self, pids: Iterable[int]) -> None:
        now: dict[tuple[int, int], int] = {}
        for pid in pids:
            with contextlib.suppress(OSError):
                # With os.listdir, as making a Path of each thread would take as long as reading it.
                for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
                    # A thread may end at any moment.
                    with contextlib.suppress(OSError):
                        now[pid, int(thread)] = _wait_ns(f"/proc/{pid}/task/{thread}/schedstat")
        for thread_id, wait_ns in self._wait_ns.items():
            # A counter that went back belongs to a new thread with the number of an ended one.
            if now.get(thread_id, -1) < wait_ns:
                self._ended_ns += wait_ns
        self._wait_ns = now


def _wait_ns(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return int(os.read(descriptor, 100).split()[1])
    finally:
        os.close(descriptor)


def _counts_waits() -> bool:
    """Return whether the system has these counters; a kernel that does not count reports zeros."""
    try:
        return int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[0]) > 0
    except (OSError, ValueError, IndexError):
        return False
