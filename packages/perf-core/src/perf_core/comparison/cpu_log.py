"""CPU time of two servers, read every few milliseconds while slices alternate between them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType

from perf_core.comparison.schedule import SIDES, Side
from perf_core.sampling.sampler import TreeMeter

INTERVAL_S = 0.02
"""A gap between slices must hold several readings."""


@dataclass(frozen=True)
class CpuReading:
    """CPU seconds since each server began.

    Attributes:
        at_s: Seconds since the epoch.
        cpu_s: By side; a server that cannot be seen is absent.
    """

    at_s: float
    cpu_s: dict[Side, float]


class CpuLog:
    """Reads in a thread of its own; use it as a context manager.

    Args:
        pids: Root process of each server; None for one that cannot be seen.
    """

    def __init__(self, pids: dict[Side, int | None]) -> None:
        self._meters = {side: TreeMeter(pid) for side in SIDES if (pid := pids[side]) is not None}
        self._readings: list[CpuReading] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cpu-log", daemon=True)

    def __enter__(self) -> CpuLog:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def readings(self) -> tuple[CpuReading, ...]:
        """The readings so far, in order."""
        return tuple(self._readings)

    def _run(self) -> None:
        while not self._done.is_set():
            used = {side: meter.read_cpu_s() for side, meter in self._meters.items()}
            self._readings.append(CpuReading(time.time(), used))
            self._done.wait(INTERVAL_S)
