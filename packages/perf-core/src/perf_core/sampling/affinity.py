"""Binding processes to CPUs.

The cores of a virtual machine are not equally fast, since other guests may use them too. Two servers on
different cores differ for that reason alone, and the speed of a server that moves between cores varies.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Split:
    """Separate CPUs for the measured servers and the load generator."""

    servers: tuple[int, ...]
    generator: tuple[int, ...]


def split_cpus() -> Split | None:
    """Return the usable CPUs in two halves, the larger for servers; None with one CPU or on macOS."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        return None
    usable: list[int] = process.cpu_affinity()
    half = len(usable) // 2
    if half == 0:
        return None
    return Split(tuple(usable[: len(usable) - half]), tuple(usable[len(usable) - half :]))


def keep_to(pid: int, cpus: Sequence[int]) -> None:
    """Bind a process, its threads and its descendants to CPUs; processes that have ended are skipped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                _keep_process_to(member, cpus)


def _keep_process_to(process: psutil.Process, cpus: Sequence[int]) -> None:
    if not hasattr(os, "sched_setaffinity"):
        process.cpu_affinity(list(cpus))
        return
    # The system call binds a single thread; threads that it starts later inherit the binding.
    for thread in process.threads():
        os.sched_setaffinity(thread.id, cpus)
