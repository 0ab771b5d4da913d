"""Memory limit of a worker process."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path
from typing import Final

import psutil

_GROWTH_BYTES: Final = 64_000_000
"""Growth after which a process is replaced; allocators and caches keep what large scores needed."""

_FREE_BYTES: Final = 16_000_000
"""Growth after which free memory is given back to the system. That takes 1 to 11 ms; the C library keeps it
otherwise, 20 MB in each worker after some large scores."""

_NEAR_BYTES: Final = 32_000_000
"""Distance from the limit that means refused memory, since allocations are about this large."""


class MemoryLimit:
    """Limits the address space of this process; allocations beyond it fail.

    It limits the address space and not resident memory because the system can refuse only the former, at
    allocation and before the machine runs out. Windows and macOS have no such limit.

    Args:
        more_bytes: Memory by which the process may grow.
    """

    def __init__(self, more_bytes: int) -> None:
        self._process = psutil.Process()
        memory = self._process.memory_info()
        self._most_bytes = memory.vms + more_bytes
        self._replace_above_bytes = memory.rss + _GROWTH_BYTES
        self._give_back_above_bytes = memory.rss + _FREE_BYTES
        self._give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource  # not on Windows

            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if hard != resource.RLIM_INFINITY:
                self._most_bytes = min(self._most_bytes, hard)
            resource.setrlimit(resource.RLIMIT_AS, (self._most_bytes, hard))

    def was_reached(self) -> bool:
        """Return whether the process has ever come close enough to its limit to be refused memory.

        C libraries report that in many ways; libxml2 says that the document is broken.
        """
        try:
            status = Path("/proc/self/status").read_text()
        except OSError:  # not Linux
            return False
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        peak_bytes = int(lines["VmPeak"].split()[0]) * 1024
        return peak_bytes > self._most_bytes - _NEAR_BYTES

    def has_outgrown(self) -> bool:
        """Return whether the process has grown so much that it should be replaced.

        Free memory is given back before, where the C library can.
        """
        rss = self._process.memory_info().rss
        if rss > self._give_back_above_bytes and self._give_back is not None:
            self._give_back(0)
            rss = self._process.memory_info().rss
            self._give_back_above_bytes = max(self._give_back_above_bytes, rss + _FREE_BYTES)
        return bool(rss > self._replace_above_bytes) or self.was_reached()
