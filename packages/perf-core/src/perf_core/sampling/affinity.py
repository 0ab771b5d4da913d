"""Which CPUs processes keep to.

The cores of a machine are not equally fast: a neighbour may sit on one of them. Two servers that happen to
run on different cores differ by that, and one that moves between cores varies by it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Split:
    """CPUs of the two sides of a load.

    Attributes:
        servers: For the measured servers.
        generator: For the load generator.
    """

    servers: tuple[int, ...]
    generator: tuple[int, ...]


def split_cpus() -> Split | None:
    """Return the usable CPUs halved, the odd one to the servers.

    Returns:
        None with fewer than two CPUs, or on a system that does not let choose (macOS).
    """
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        return None
    usable: list[int] = process.cpu_affinity()
    half = len(usable) // 2
    if half == 0:
        return None
    return Split(tuple(usable[: len(usable) - half]), tuple(usable[len(usable) - half :]))


def keep_to(pid: int, cpus: Sequence[int]) -> None:
    """Keep a process, its threads and its descendants to some CPUs; those that have ended are passed over."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                _keep_process_to(member, cpus)


def _keep_process_to(process: psutil.Process, cpus: Sequence[int]) -> None:
    if not hasattr(os, "sched_setaffinity"):
        process.cpu_affinity(list(cpus))
        return
    # The system call is about one thread, which those that it starts later take after.
    for thread in process.threads():
        os.sched_setaffinity(thread.id, cpus)
