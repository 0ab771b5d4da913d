"""The heartbeat of k6, felt from outside: the clock of its CPU time.

k6 works at least every 50 ms, even when its users pause, since it collects its metrics that often. Its CPU
clock, which Linux keeps in nanoseconds, therefore moves as often. A clock that stands still means that k6 did
nothing: it was stopped, frozen or starved. k6's own timers cannot tell this as well, since they skip what
they missed, and it sends its metrics only once per period. Reading the clock costs k6 nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from perf_core.sampling.cpu_clock import HAS_CLOCKS, cpu_s
from perf_core.sampling.periodic import PeriodicThread

INTERVAL_S = 0.05

SHORTEST_STILL_S = 0.2
"""Shortest time that is recorded."""


@dataclass(frozen=True)
class Still:
    """A time in which k6 did nothing, in seconds since the epoch; it may be up to two intervals longer."""

    start_s: float
    end_s: float


class Pulse(PeriodicThread):
    """Watches the CPU clock of a process in a thread; use it as a context manager.

    Systems without a clock in nanoseconds have no pulse: there, ``stills`` is empty.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(self._feel, INTERVAL_S, "pulse")
        self._process: psutil.Process | None = None
        if HAS_CLOCKS and psutil.pid_exists(pid):
            self._process = psutil.Process(pid)
        self._cpu_s = -1.0
        self._since_s = self._until_s = time.time()
        self._stills: list[Still] = []

    @property
    def stills(self) -> tuple[Still, ...]:
        """Times in which the process did nothing, in order; complete once the context is left."""
        return tuple(self._stills)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[arg-type] # passed on as they came
        self._keep()

    def _feel(self) -> None:
        if self._process is None:
            return
        now_s = time.time()
        try:
            used_s = cpu_s(self._process)
        except psutil.NoSuchProcess:
            self._process = None
            return
        if used_s == self._cpu_s:
            self._until_s = now_s
            return
        self._keep()
        self._cpu_s, self._since_s, self._until_s = used_s, now_s, now_s

    def _keep(self) -> None:
        if self._until_s - self._since_s >= SHORTEST_STILL_S:
            self._stills.append(Still(self._since_s, self._until_s))
