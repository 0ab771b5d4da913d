"""CPU time of the servers, read every few milliseconds while they are loaded alternately."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from perf_core.comparison.schedule import Side
from perf_core.sampling.periodic import PeriodicThread
from perf_core.sampling.sampler import TreeMeter

INTERVAL_S = 0.02
"""Short enough for several readings in the rest between two pairs of slices."""


@dataclass(frozen=True)
class CpuReading:
    """CPU seconds that each visible server has used since its start; ``at_s`` counts from the epoch."""

    at_s: float
    cpu_s: dict[Side, float]


class CpuLog(PeriodicThread):
    """Reads the CPU time of all servers in a thread; use it as a context manager.

    Args:
        pids: Roots of the servers' process trees; None for a server that is not visible.
        bridges: Sides whose root is a bridge, which is left out.
    """

    def __init__(self, pids: dict[Side, int | None], bridges: Collection[Side] = ()) -> None:
        super().__init__(self._read, INTERVAL_S, "cpu-log")
        self._meters = {
            side: TreeMeter(pid, root_apart=side in bridges) for side, pid in pids.items() if pid is not None
        }
        self._readings: list[CpuReading] = []

    @property
    def readings(self) -> tuple[CpuReading, ...]:
        """Readings so far, in order."""
        return tuple(self._readings)

    def _read(self) -> None:
        used = {side: meter.read_cpu_s() for side, meter in self._meters.items()}
        self._readings.append(CpuReading(time.time(), used))
