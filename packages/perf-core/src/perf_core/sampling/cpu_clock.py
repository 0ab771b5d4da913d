"""CPU time of a process, as exactly as the system reports it.

Linux keeps a clock in nanoseconds for each process; it covers all threads, including ended ones, and takes
less than a microsecond to read. ``/proc/<pid>/stat``, which psutil reads, counts in ticks of 10 ms: 1 %
of a slice of one second. ``/proc/<pid>/schedstat`` covers only the first thread.
Source: clock_getcpuclockid(3); the clock's number is computed as glibc does.
"""

from __future__ import annotations

import sys
import time

import psutil

_HAS_CLOCKS = sys.platform == "linux"
_SCHEDULER_CLOCK = 2


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used, without its children.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    if _HAS_CLOCKS:
        clock = (~process.pid << 3) | _SCHEDULER_CLOCK
        try:
            return time.clock_gettime_ns(clock) / 1e9
        except OSError as error:
            raise psutil.NoSuchProcess(process.pid) from error
    times = process.cpu_times()
    return float(times.user + times.system)
