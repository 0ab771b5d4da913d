"""Resource figures of this process from the operating system."""

from __future__ import annotations

import sys
import time

import psutil

_PROCESS = psutil.Process()


def uptime_s() -> float:
    """Return the seconds since the process started (not since the server was ready)."""
    return max(0.0, time.time() - _PROCESS.create_time())


def rss_bytes() -> int:
    """Return the resident memory in bytes."""
    return int(_PROCESS.memory_info().rss)


def cpu_s() -> float:
    """Return the CPU seconds, user and system, since the process started."""
    times = _PROCESS.cpu_times()
    return float(times.user + times.system)


def threads() -> int:
    """Return the number of operating-system threads."""
    return int(_PROCESS.num_threads())


def open_files() -> int:
    """Return the number of open file descriptors; on Windows, of open handles."""
    if sys.platform == "win32":
        return int(_PROCESS.num_handles())
    return int(_PROCESS.num_fds())


def start_time_s() -> float:
    """Return the process's start time in seconds since the epoch."""
    return float(_PROCESS.create_time())
