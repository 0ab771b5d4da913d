"""Samples of the memory, CPU, file descriptors and threads that process trees use during a load.

Samples are stamped with the machine's clock (seconds since the epoch), as k6 stamps its series.
The list of children is refreshed once a second: walking all processes costs about a millisecond.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psutil

from perf_core.sampling.cpu_clock import cpu_s
from perf_core.sampling.periodic import PeriodicThread

_TREE_REFRESH_S = 1.0
_MB = 1e6


@dataclass(frozen=True)
class Reading:
    """Resource use of one process tree at one moment.

    Attributes:
        rss_mb: Resident memory, summed over the tree, in MB (10^6 bytes).
        cpu_s: CPU seconds since the tree started, including processes that have ended.
        fds: Open file descriptors (handles on Windows).
        processes: Running processes; zero when the tree is gone.
    """

    rss_mb: float
    cpu_s: float
    fds: int
    threads: int
    processes: int


@dataclass(frozen=True)
class Sample:
    """Readings of the server and of the generator at one moment.

    Attributes:
        at_s: Seconds since the epoch.
        server: None when the server's processes are not visible.
        generator: None before k6 starts and after it ends.
    """

    at_s: float
    server: Reading | None
    generator: Reading | None


class TreeMeter:
    """Reads one process and all its descendants."""

    def __init__(self, pid: int) -> None:
        self._members: dict[int, psutil.Process] = {}
        self._root: psutil.Process | None = None
        # A process may end before the first reading: then there is nothing to read.
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = self._members[pid] = psutil.Process(pid)
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._refreshed_at = float("-inf")

    def read(self) -> Reading:
        """Return the tree's current use; once it is gone, everything but the CPU time is zero."""
        self._refresh()
        rss = fds = threads = processes = 0
        for pid, member in list(self._members.items()):
            try:
                with member.oneshot():
                    if member.status() == psutil.STATUS_ZOMBIE:
                        raise psutil.NoSuchProcess(pid)
                    member_cpu_s = cpu_s(member)
                    member_rss, member_threads = member.memory_info().rss, member.num_threads()
                    member_fds = _open_files(member)
                    self._cpu_s[pid, member.create_time()] = member_cpu_s
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                # Ended or not readable: nothing of it counts, not even the values read so far.
                del self._members[pid]
                continue
            rss += member_rss
            threads += member_threads
            fds += member_fds
            processes += 1
        return Reading(rss / _MB, sum(self._cpu_s.values()), fds, threads, processes)

    def read_cpu_s(self) -> float:
        """Return only the tree's CPU seconds: takes microseconds, so it can be read many times a second."""
        self._refresh()
        for member in list(self._members.values()):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                self._cpu_s[member.pid, member.create_time()] = cpu_s(member)
        return sum(self._cpu_s.values())

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._root is None or now - self._refreshed_at < _TREE_REFRESH_S:
            return
        self._refreshed_at = now
        try:
            for child in self._root.children(recursive=True):
                self._members.setdefault(child.pid, child)
        except psutil.NoSuchProcess:
            return


def _open_files(process: psutil.Process) -> int:
    # psutil has num_fds on POSIX and num_handles on Windows.
    name = "num_fds" if hasattr(process, "num_fds") else "num_handles"
    count: int = getattr(process, name)()
    return count


class Sampler(PeriodicThread):
    """Samples the server and the generator in a thread; use it as a context manager."""

    def __init__(self, server_pid: int | None, interval_s: float) -> None:
        super().__init__(self._sample, interval_s, "sampler")
        self._server = TreeMeter(server_pid) if server_pid is not None else None
        self._generator: TreeMeter | None = None
        self._samples: list[Sample] = []

    def watch_generator(self, pid: int) -> None:
        """Include the generator's process tree from now on."""
        self._generator = TreeMeter(pid)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Samples so far, in order."""
        return tuple(self._samples)

    def _sample(self) -> None:
        self._samples.append(
            Sample(
                at_s=time.time(),
                server=self._server.read() if self._server else None,
                generator=self._generator.read() if self._generator else None,
            )
        )
