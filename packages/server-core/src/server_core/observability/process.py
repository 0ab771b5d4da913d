"""What the operating system knows about this process."""

from __future__ import annotations

import sys
import time

import psutil

_PROCESS = psutil.Process()


def uptime_s() -> float:
    """Seconds since the process was started (not since the server was ready)."""
    return max(0.0, time.time() - _PROCESS.create_time())


def rss_bytes() -> int:
    """Resident memory in bytes."""
    return int(_PROCESS.memory_info().rss)


def cpu_s() -> float:
    """CPU seconds, user and system, since the process was started."""
    times = _PROCESS.cpu_times()
    return float(times.user + times.system)


def threads() -> int:
    """Number of operating-system threads."""
    return int(_PROCESS.num_threads())


def open_files() -> int:
    """Open file descriptors; on Windows open handles."""
    if sys.platform == "win32":
        return int(_PROCESS.num_handles())
    return int(_PROCESS.num_fds())


def start_time_s() -> float:
    """Start of the process in seconds since the epoch."""
    return float(_PROCESS.create_time())
