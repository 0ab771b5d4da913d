"""CPU time of a process, as exactly as the system reports it.

Linux keeps a clock in nanoseconds for each process; it covers all threads, including ended ones, and takes
less than a microsecond to read. ``/proc/<pid>/stat``, which psutil reads, counts in ticks of 10 ms: 1 %
of a slice of one second. ``/proc/<pid>/schedstat`` covers only the first thread.
Source: clock_getcpuclockid(3); the clock's number is computed as glibc does.

The kernel adds the time of an ended child to its parent's record when the parent waits for it, in ticks of
10 ms. Of children that live too short to be seen, nothing else is left.
"""

from __future__ import annotations

import os
import sys
import time

import psutil

HAS_CLOCKS = sys.platform == "linux"
"""Whether the system has a clock in nanoseconds for each process."""

_SCHEDULER_CLOCK = 2

_CUTIME, _CSTIME = 13, 14
"""Positions of the times of waited-for children in ``/proc/<pid>/stat``, counted from the field after the
name."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if HAS_CLOCKS else 100


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used, without its children.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    if HAS_CLOCKS:
        clock = (~process.pid << 3) | _SCHEDULER_CLOCK
        try:
            return time.clock_gettime_ns(clock) / 1e9
        except OSError as error:
            raise psutil.NoSuchProcess(process.pid) from error
    times = process.cpu_times()
    return float(times.user + times.system)


def waited_children_cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of ended children for which a process has waited, and of their children.

    Zero on macOS and Windows, which do not count them, and for a parent that ignores SIGCHLD.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    if not HAS_CLOCKS:
        return 0.0
    try:
        # psutil would parse all of it, which takes three times as long.
        descriptor = os.open(f"/proc/{process.pid}/stat", os.O_RDONLY)
        try:
            text = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise psutil.NoSuchProcess(process.pid) from error
    # The name of the process is in brackets and may contain any character. Source: proc_pid_stat(5).
    fields = text[text.rindex(b")") + 2 :].split()
    return (int(fields[_CUTIME]) + int(fields[_CSTIME])) / _TICKS_PER_S
