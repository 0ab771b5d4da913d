"""Resource figures of this process from the operating system."""

from __future__ import annotations

import functools
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


@functools.cache
def _process() -> psutil.Process:
    import psutil  # nobody asks for these figures before the server is ready

    return psutil.Process()


def uptime_s() -> float:
    """Return the seconds since the process started (not since the server was ready)."""
    return max(0.0, time.time() - _process().create_time())


def rss_bytes() -> int:
    """Return the resident memory in bytes."""
    return int(_process().memory_info().rss)


def cpu_s() -> float:
    """Return the CPU seconds, user and system, since the process started."""
    times = _process().cpu_times()
    return float(times.user + times.system)


def threads() -> int:
    """Return the number of operating-system threads."""
    return int(_process().num_threads())


def open_files() -> int:
    """Return the number of open file descriptors; on Windows, of open handles."""
    if sys.platform == "win32":
        return int(_process().num_handles())
    return int(_process().num_fds())


def start_time_s() -> float:
    """Return the process's start time in seconds since the epoch."""
    return float(_process().create_time())
