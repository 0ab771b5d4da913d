"""What processes use while the load runs: memory, CPU, file descriptors, threads of whole trees.

Readings carry the machine's clock (seconds since the epoch), the same that k6 stamps its series with.
The list of children is refreshed once a second: walking every process costs about a millisecond.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from types import TracebackType

import psutil

from perf_core.sampling.cpu_clock import cpu_s

_TREE_REFRESH_S = 1.0
_MB = 1e6


@dataclass(frozen=True)
class Reading:
    """What one process tree uses at one moment.

    Attributes:
        rss_mb: Resident memory, summed over the tree, in MB (10^6 bytes).
        cpu_s: CPU seconds since the tree began, members that have ended included.
        fds: Open file descriptors (handles on Windows).
        threads: Threads.
        processes: Live processes; zero when the tree is gone.
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
        server: None when the server cannot be seen.
        generator: None before k6 starts and after it ends.
    """

    at_s: float
    server: Reading | None
    generator: Reading | None


class TreeMeter:
    """Reads one process and all its descendants.

    Args:
        pid: Root of the tree.
    """

    def __init__(self, pid: int) -> None:
        self._members: dict[int, psutil.Process] = {}
        self._root: psutil.Process | None = None
        # A process may end before anyone looks at it: then there is nothing to read.
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = self._members[pid] = psutil.Process(pid)
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._refreshed_at = float("-inf")

    def read(self) -> Reading:
        """Return what the tree uses now; all zero but the CPU time once it is gone."""
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
                # Ended, or not ours to see; nothing of it counts, not even what was read so far.
                del self._members[pid]
                continue
            rss += member_rss
            threads += member_threads
            fds += member_fds
            processes += 1
        return Reading(rss / _MB, sum(self._cpu_s.values()), fds, threads, processes)

    def read_cpu_s(self) -> float:
        """Return the tree's CPU seconds alone: microseconds of work, for many readings a second."""
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
    # psutil offers one on POSIX, the other on Windows.
    name = "num_fds" if hasattr(process, "num_fds") else "num_handles"
    count: int = getattr(process, name)()
    return count


class Sampler:
    """Takes samples in a thread of its own; use it as a context manager.

    Args:
        server_pid: Root of the server's tree; None when it cannot be seen.
        interval_s: Time between samples.
    """

    def __init__(self, server_pid: int | None, interval_s: float) -> None:
        self._server = TreeMeter(server_pid) if server_pid is not None else None
        self._generator: TreeMeter | None = None
        self._interval_s = interval_s
        self._samples: list[Sample] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def watch_generator(self, pid: int) -> None:
        """Include the generator's tree from now on."""
        self._generator = TreeMeter(pid)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples so far, in order."""
        return tuple(self._samples)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._done.is_set():
            self._samples.append(
                Sample(
                    at_s=time.time(),
                    server=self._server.read() if self._server else None,
                    generator=self._generator.read() if self._generator else None,
                )
            )
            due += self._interval_s
            # After a pause of the whole machine there is nothing to catch up on.
            due = max(due, time.monotonic())
            self._done.wait(due - time.monotonic())
