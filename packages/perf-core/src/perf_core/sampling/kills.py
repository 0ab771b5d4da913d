"""Kills processes below a server while it is at work, at even intervals."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from types import TracebackType

import psutil

from perf_core.sampling.cpu_clock import cpu_s

STRIKES = 5
"""In one load, unless it is too short."""

_SHORTEST_INTERVAL_S = 1.0

_STRUCK_SHARE = 0.7
"""Of the load: after the last strike there must be time to recover."""

_LOOK_S = 0.01
"""Between two looks at the CPU time of a process, which tell whether it works."""

_PATIENCE_S = 0.5
"""For a process to be at work; then one that is not is killed."""

_logger = logging.getLogger(__name__)


class Striker:
    """Kills one process after the other, in a thread of its own; use it as a context manager.

    Args:
        pid: Root of the server's process tree; None kills nothing.
        strikes_at: Part of the command line of those that may be killed; empty kills nothing. Of them only
            those are killed that have no children.
        load_s: Length of the load; the strikes are spread over most of it.
    """

    def __init__(self, pid: int | None, strikes_at: str, load_s: float) -> None:
        self._pid = pid
        self._strikes_at = strikes_at
        struck_s = load_s * _STRUCK_SHARE
        self._interval_s = max(_SHORTEST_INTERVAL_S, struck_s / STRIKES)
        self._most = min(STRIKES, int(struck_s / self._interval_s + 1e-9))
        self._strikes: list[Strike] = []
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Striker:
        if self._pid is not None and self._strikes_at:
            self._thread = threading.Thread(target=self._run, args=(self._pid,), name="striker", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def strikes(self) -> tuple[Strike, ...]:
        """The strikes so far, in order."""
        return tuple(self._strikes)

    def _run(self, root: int) -> None:
        began = time.monotonic()
        for number in range(1, self._most + 1):
            if self._done.wait(max(0.0, began + number * self._interval_s - time.monotonic())):
                return
            self._strike(root)

    def _strike(self, root: int) -> None:
        patient_until = time.monotonic() + _PATIENCE_S
        while not self._done.is_set():
            victims = strikeable(root, self._strikes_at)
            busy = _busy_one(victims)
            if busy is None and time.monotonic() < patient_until:
                continue
            chosen = busy or next(iter(victims), None)
            if chosen is None:
                _logger.warning("no process below %d has %r in its command line", root, self._strikes_at)
                return
            with contextlib.suppress(psutil.NoSuchProcess):
                at_s = time.time()
                chosen.kill()
                self._strikes.append(Strike(at_s, chosen.pid, busy is not None))
            return


def strikeable(root: int, strikes_at: str) -> list[psutil.Process]:
    """Return the childless processes below ``root`` whose command line has ``strikes_at`` in it."""
    try:
        below = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    found = []
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if strikes_at in " ".join(process.cmdline()) and not process.children():
                found.append(process)
    return found


def _busy_one(processes: list[psutil.Process]) -> psutil.Process | None:
    """Return one that used CPU time within some milliseconds, None when none did."""
    before: list[tuple[psutil.Process, float]] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            before.append((process, cpu_s(process)))
    time.sleep(_LOOK_S)
    for process, used_s in before:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if cpu_s(process) > used_s:
                return process
    return None


@dataclass(frozen=True)
class Strike:
    """A process that was killed on purpose.

    Attributes:
        at_s: When, in seconds since the epoch.
        pid: Which.
        was_busy: Whether it was seen at work in that moment.
    """

    at_s: float
    pid: int
    was_busy: bool
