"""Memory that a process tree keeps to itself, as exactly as the system tells it.

Linux: anonymous and shared memory (``Pss_Anon``, ``Pss_Shmem``, ``SwapPss`` of ``/proc/<pid>/smaps_rollup``).
Pages that forked workers share count once, swapped ones still count, and pages of files, which a server
merely reads for the first time, do not: they are no part of what a session costs. Elsewhere the unique set
size, or else the resident memory.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

MemorySource = Literal["pss", "uss", "rss"]
"""Kind of memory that was read: proportional, unique or resident."""

_KEPT_LINES = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")
_KIB = 1024
_KB = 1000


@dataclass(frozen=True)
class KeptMemory:
    """Memory and counts of a process tree at one moment.

    Attributes:
        kb: Memory in kB (10^3 bytes), summed over the tree.
        swapped_kb: The part of it that is in swap.
        fds: Open file descriptors; None where they cannot be read.
        pids: Processes that were read.
    """

    kb: float
    swapped_kb: float
    fds: int | None
    threads: int
    pids: frozenset[int]


class KeptMemoryMeter:
    """Reads the memory of one process and all its descendants; some milliseconds for each 100 MB.

    Args:
        pid: Root of the tree.
        root_apart: Whether the root is left out, since it is a bridge and the server is below it.

    Attributes:
        source: Kind of memory that was read last; the weakest kind of any process of the tree.
    """

    def __init__(self, pid: int, *, root_apart: bool = False) -> None:
        self.source: MemorySource = "pss" if sys.platform == "linux" else "uss"
        self._root_apart = root_apart
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = psutil.Process(pid)

    def read(self) -> KeptMemory | None:
        """Return the tree's memory now; None once it is gone."""
        kb = swapped_kb = 0.0
        fds: int | None = 0
        threads = 0
        pids = set()
        for process in self._members():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                own_kb, own_swapped_kb = self._kept_kb(process)
                own_threads = process.num_threads()
                pids.add(process.pid)
                kb, swapped_kb, threads = kb + own_kb, swapped_kb + own_swapped_kb, threads + own_threads
                own_fds = _open_files(process)
                fds = None if fds is None or own_fds is None else fds + own_fds
        return KeptMemory(kb, swapped_kb, fds, threads, frozenset(pids)) if pids else None

    def _members(self) -> list[psutil.Process]:
        if self._root is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            children = self._root.children(recursive=True)
            return children if self._root_apart else [self._root, *children]
        return []

    def _kept_kb(self, process: psutil.Process) -> tuple[float, float]:
        """Return the memory of one process and the part of it that is swapped.

        Raises:
            psutil.NoSuchProcess: It has ended.
        """
        if self.source == "pss":
            rollup = _rollup(process.pid)
            if rollup is not None:
                return rollup
            # Another user's process: figures of two kinds must not be mixed from one reading to the next.
            self.source = "rss"
        if self.source == "uss":
            try:
                return process.memory_full_info().uss / _KB, 0.0
            except psutil.AccessDenied:
                self.source = "rss"
        return process.memory_info().rss / _KB, 0.0


def _rollup(pid: int) -> tuple[float, float] | None:
    """Return kept and swapped memory in kB from ``smaps_rollup``; None where it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except ProcessLookupError as error:
        raise psutil.NoSuchProcess(pid) from error
    except OSError:
        if not psutil.pid_exists(pid):
            raise psutil.NoSuchProcess(pid) from None
        return None
    if not text:
        # It has ended, and its parent has not yet asked how.
        raise psutil.NoSuchProcess(pid)
    return kept_in(text)


def kept_in(rollup: str) -> tuple[float, float] | None:
    """Return kept and swapped memory in kB of the text of a ``smaps_rollup``.

    Kernels before 5.9 do not tell anonymous memory apart: None.
    """
    sizes = {}
    for line in rollup.splitlines():
        if line.startswith(_KEPT_LINES):
            name, size, *_ = line.split()
            sizes[name] = int(size) * _KIB / _KB
    if "Pss_Anon:" not in sizes:
        return None
    return sum(sizes.values()), sizes.get("SwapPss:", 0.0)


def _open_files(process: psutil.Process) -> int | None:
    # psutil has num_fds on POSIX and num_handles on Windows.
    name = "num_fds" if hasattr(process, "num_fds") else "num_handles"
    try:
        count: int = getattr(process, name)()
    except psutil.AccessDenied:
        return None
    return count
