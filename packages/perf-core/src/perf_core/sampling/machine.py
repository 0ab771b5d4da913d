"""CPU time of the whole machine, which tells a busy machine from a slow server.

Only the CPUs that the lab may use count, since the server and k6 inherit its affinity.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_PRESSURE = Path("/proc/pressure/cpu")


@dataclass(frozen=True)
class MachineReading:
    """CPU counters of the machine; differences between two readings count.

    Attributes:
        cpus: Number of CPUs that the lab may use.
        busy_s: CPU seconds that these CPUs spent on processes, user and system.
        steal_s: CPU seconds that the host of a virtual machine gave to others while these CPUs had work.
        pressure_s: Seconds in which some task of the machine waited for a CPU (PSI, ``some``); None if the
            kernel does not report it.
        lab_cpu_s: CPU seconds of the lab itself, without server and k6.
    """

    cpus: int
    busy_s: float
    steal_s: float
    pressure_s: float | None
    lab_cpu_s: float


class MachineMeter:
    """Reads the counters of the machine; a reading takes about 0.1 ms."""

    def __init__(self) -> None:
        process = psutil.Process()
        # Not on macOS, which has none of these counters.
        self._cpus = frozenset(process.cpu_affinity()) if sys.platform == "linux" else frozenset()

    def read(self) -> MachineReading | None:
        """Return the counters; None on systems without them."""
        if not self._cpus:
            return None
        each = psutil.cpu_times(percpu=True)
        # Without the time of interrupts: those of the measured load itself belong to no process.
        usable = [times for number, times in enumerate(each) if number in self._cpus]
        return MachineReading(
            cpus=len(self._cpus),
            busy_s=sum(times.user + times.nice + times.system for times in usable),
            steal_s=sum(times.steal for times in usable),
            pressure_s=_pressure_s(),
            lab_cpu_s=time.process_time(),
        )


def _pressure_s() -> float | None:
    """Return the total of the line ``some avg10=0.00 avg60=0.00 avg300=0.00 total=1234``, which is in µs."""
    try:
        some = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, IndexError, ValueError):
        return None
