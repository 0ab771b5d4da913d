"""How much memory a worker has and may have."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import psutil

_WORN_BYTES: Final = 64_000_000
"""By which a process may have grown after a task; allocators and caches keep what large scores needed."""

_NEAR_BYTES: Final = 32_000_000
"""Who has come so near to the bound has been refused memory, which is asked for in pieces of this order."""


class MemoryBound:
    """Bounds the address space of this process: beyond it allocations fail.

    The address space, not what is resident of it: the system bounds only the former, where memory is asked
    for and before the machine has none left. Some systems do not (Windows, macOS): there is no bound there.

    Args:
        more_bytes: By which the process may grow.
    """

    def __init__(self, more_bytes: int) -> None:
        self._process = psutil.Process()
        memory = self._process.memory_info()
        self._most_bytes = memory.vms + more_bytes
        self._worn_bytes = memory.rss + _WORN_BYTES
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource  # not on Windows

            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if hard != resource.RLIM_INFINITY:
                self._most_bytes = min(self._most_bytes, hard)
            resource.setrlimit(resource.RLIMIT_AS, (self._most_bytes, hard))

    def was_reached(self) -> bool:
        """Return whether the process has ever come so near to its bound that it was refused memory.

        Libraries in C say many things when they are: libxml2, that a document is broken.
        """
        try:
            status = Path("/proc/self/status").read_text()
        except OSError:  # not Linux
            return False
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        peak_bytes = int(lines["VmPeak"].split()[0]) * 1024
        return peak_bytes > self._most_bytes - _NEAR_BYTES

    def is_worn(self) -> bool:
        """Return whether the process has grown so much that another one should take its place."""
        return bool(self._process.memory_info().rss > self._worn_bytes) or self.was_reached()
