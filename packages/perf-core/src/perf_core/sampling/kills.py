"""Kill processes of a server while it works, at even intervals."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass

import psutil

from perf_core.sampling.cpu_clock import cpu_s
from perf_core.sampling.periodic import PeriodicThread

KILLS_PER_RUN = 5
"""Kills during one load; fewer when the load is too short."""

_SHORTEST_INTERVAL_S = 1.0

_KILLING_SHARE = 0.7
"""Share of the load in which processes are killed; the rest is time to recover from the last kill."""

_CPU_WINDOW_S = 0.01
"""Time between two readings of a process's CPU clock; a process that used CPU in between is busy."""

_BUSY_WAIT_S = 0.5
"""Longest wait for a busy process; after that an idle one is killed."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kill:
    """A process that the lab killed, when (since the epoch), and whether it used CPU time just before."""

    at_s: float
    pid: int
    was_busy: bool


class ProcessKiller(PeriodicThread):
    """Kills one process after another from a background thread; use it as a context manager.

    Args:
        pid: Root of the server's process tree; None kills nothing.
        pattern: Text in the command lines of the processes to kill; empty kills nothing. Only processes
            without children are killed.
        load_s: Length of the load; the kills are spread over its first 70 %.
    """

    def __init__(self, pid: int | None, pattern: str, load_s: float) -> None:
        killing_s = load_s * _KILLING_SHARE
        interval_s = max(_SHORTEST_INTERVAL_S, killing_s / KILLS_PER_RUN)
        super().__init__(self._attempt, interval_s, "process-killer", delay_s=interval_s)
        self._root = pid
        self._pattern = pattern
        count = min(KILLS_PER_RUN, int(killing_s / interval_s))
        self._attempts_left = count if pid is not None and pattern else 0
        self._kills: list[Kill] = []

    @property
    def kills(self) -> tuple[Kill, ...]:
        """Processes killed so far, in order."""
        return tuple(self._kills)

    def _attempt(self) -> None:
        if self._root is not None and self._attempts_left > 0:
            self._attempts_left -= 1
            self._kill_one(self._root)

    def _kill_one(self, root: int) -> None:
        deadline = time.monotonic() + _BUSY_WAIT_S
        while not self.stopping.is_set():
            candidates = killable(root, self._pattern)
            busy = _busy_process(candidates)
            if busy is None and time.monotonic() < deadline:
                continue
            victim = busy or next(iter(candidates), None)
            if victim is None:
                _logger.warning(
                    "expected a process below %d with %r in its command line, got none; nothing was killed",
                    root,
                    self._pattern,
                )
                return
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                at_s = time.time()
                victim.kill()
                self._kills.append(Kill(at_s, victim.pid, busy is not None))
            return


def killable(root: int, pattern: str) -> list[psutil.Process]:
    """Return the childless processes below ``root`` whose command line contains ``pattern``."""
    try:
        descendants = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    matches = []
    for process in descendants:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if pattern in " ".join(process.cmdline()) and not process.children():
                matches.append(process)
    return matches


def _busy_process(processes: list[psutil.Process]) -> psutil.Process | None:
    """Return a process that uses CPU time right now, or None."""
    before: list[tuple[psutil.Process, float]] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            before.append((process, cpu_s(process)))
    time.sleep(_CPU_WINDOW_S)
    for process, used_s in before:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if cpu_s(process) > used_s:
                return process
    return None
