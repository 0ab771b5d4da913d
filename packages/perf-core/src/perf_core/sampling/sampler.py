"""Samples of what process trees use during a load (memory, CPU, files, threads), and of the machine.

Samples are stamped with the machine's clock (seconds since the epoch), as k6 stamps its series.
The list of children is refreshed once a second: walking all processes costs about a millisecond.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import psutil

from perf_core.sampling.cpu_clock import cpu_s, waited_children_cpu_s
from perf_core.sampling.machine import MachineMeter, MachineReading
from perf_core.sampling.periodic import PeriodicThread
from perf_core.sampling.run_queue import RunQueueMeter

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
        wait_s: Seconds for which threads of the tree were ready to run and waited for a CPU; None where the
            system does not count them.
    """

    rss_mb: float
    cpu_s: float
    fds: int
    threads: int
    processes: int
    wait_s: float | None = None


@dataclass(frozen=True)
class Sample:
    """Readings of the server and of the generator at one moment.

    Attributes:
        at_s: Seconds since the epoch.
        server: None when the server's processes are not visible.
        generator: None before k6 starts and after it ends.
        machine: CPU counters of the whole machine; None where the system has none.
        bridge: The bridge alone, in front of a server on stdio; ``server`` is without it then.
    """

    at_s: float
    server: Reading | None
    generator: Reading | None
    machine: MachineReading | None = None
    bridge: Reading | None = None


@dataclass(eq=False)
class _Member:
    """A process of the tree that has not ended, as far as the meter knows.

    Attributes:
        parent: Its parent when it was found; None for the root.
        own_s: CPU seconds of its own.
        waited_s: CPU seconds of the ended children for which it has waited, seen by the meter or not.
        ended_s: CPU seconds of its ended children that the meter saw.
        counts: Whether it is part of what is measured; its children are in any case.
    """

    process: psutil.Process
    parent: _Member | None = None
    counts: bool = True
    own_s: float = 0.0
    waited_s: float = 0.0
    ended_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds of its own and of its ended children.

        The larger of two sums, not their total: a child that was seen and then waited for is in both.
        """
        return (self.own_s if self.counts else 0.0) + max(self.waited_s, self.ended_s)

    def read_cpu(self) -> None:
        """Read its CPU time.

        Raises:
            psutil.NoSuchProcess: It has ended.
        """
        own_s = cpu_s(self.process)
        self.waited_s = waited_children_cpu_s(self.process)
        self.own_s = own_s


class TreeMeter:
    """Reads one process and all its descendants.

    Children that end between two readings count through the times of waited-for children. A short-lived
    process for which nobody in the tree waits remains invisible.

    Args:
        pid: Root of the tree.
        root_apart: Whether the root is left out, since it is a bridge and the server is below it.
    """

    def __init__(self, pid: int, *, root_apart: bool = False) -> None:
        self._members: dict[int, _Member] = {}
        self._root: psutil.Process | None = None
        # A process may end before the first reading: then there is nothing to read.
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = psutil.Process(pid)
            self._members[pid] = _Member(self._root, counts=not root_apart)
        self._ended_s = 0.0
        self._cpu_s = 0.0
        self._run_queue = RunQueueMeter()
        self._refreshed_at = float("-inf")

    def read(self) -> Reading:
        """Return the tree's current use; once it is gone, everything but the times is zero."""
        self._refresh()
        rss = fds = threads = processes = 0
        ended: list[int] = []
        # Parents come before their children: one that ends meanwhile is then missing, not counted twice.
        for pid, member in list(self._members.items()):
            process = member.process
            try:
                if not member.counts:
                    member.read_cpu()
                    continue
                with process.oneshot():
                    if process.status() == psutil.STATUS_ZOMBIE:
                        # Its time counts until its parent waits for it, and among the parent's from then on.
                        member.read_cpu()
                        continue
                    member_rss, member_threads = process.memory_info().rss, process.num_threads()
                    member_fds = _open_files(process)
                    member.read_cpu()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                # Ended or not readable: nothing of it counts, not even the values read so far.
                ended.append(pid)
                continue
            rss += member_rss
            threads += member_threads
            fds += member_fds
            processes += 1
        self._remove(ended)
        counted = [pid for pid, member in self._members.items() if member.counts]
        return Reading(rss / _MB, self._total_cpu_s(), fds, threads, processes, self._run_queue.read(counted))

    def read_cpu_s(self) -> float:
        """Return only the tree's CPU seconds: takes microseconds, so it can be read many times a second."""
        self._refresh()
        ended: list[int] = []
        for pid, member in self._members.items():
            try:
                member.read_cpu()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                ended.append(pid)
        self._remove(ended)
        return self._total_cpu_s()

    def _total_cpu_s(self) -> float:
        # Between the end of a child and its parent's wait a time may be missing for a moment.
        self._cpu_s = max(self._cpu_s, self._ended_s + sum(m.cpu_s for m in self._members.values()))
        return self._cpu_s

    def _remove(self, pids: Sequence[int]) -> None:
        # Children before their parents, whose own ended children they then are.
        for pid in reversed(pids):
            member = self._members.pop(pid)
            parent = member.parent
            if parent is not None and self._members.get(parent.process.pid) is parent:
                parent.ended_s += member.cpu_s
            else:
                self._ended_s += member.cpu_s

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._root is None or now - self._refreshed_at < _TREE_REFRESH_S:
            return
        self._refreshed_at = now
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in self._root.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    self._add(child)

    def _add(self, child: psutil.Process) -> None:
        member = self._members.get(child.pid)
        if member is not None and member.process == child:
            return
        if member is not None:
            self._remove([child.pid])  # its number has been given to another process
        self._members[child.pid] = _Member(child, self._members.get(child.ppid()))


class ProcessMeter:
    """Reads one process without its children."""

    def __init__(self, pid: int) -> None:
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)
        self._run_queue = RunQueueMeter()

    def read(self) -> Reading | None:
        """Return its current use; None once it is gone."""
        process = self._process
        if process is None:
            return None
        try:
            with process.oneshot():
                rss_mb, threads = process.memory_info().rss / _MB, process.num_threads()
                wait_s = self._run_queue.read([process.pid])
                return Reading(rss_mb, cpu_s(process), _open_files(process), threads, 1, wait_s)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None


def _open_files(process: psutil.Process) -> int:
    # psutil has num_fds on POSIX and num_handles on Windows.
    name = "num_fds" if hasattr(process, "num_fds") else "num_handles"
    count: int = getattr(process, name)()
    return count


class Sampler(PeriodicThread):
    """Samples the server and the generator in a thread; use it as a context manager.

    Args:
        server_pid: Root of the server's process tree; None if it is not visible.
        bridge_pid: Process of the bridge in front of the server, which is sampled apart; None without one.
    """

    def __init__(self, server_pid: int | None, interval_s: float, *, bridge_pid: int | None = None) -> None:
        super().__init__(self._sample, interval_s, "sampler")
        self._server = (
            TreeMeter(server_pid, root_apart=server_pid == bridge_pid) if server_pid is not None else None
        )
        self._bridge = ProcessMeter(bridge_pid) if bridge_pid is not None else None
        self._generator: TreeMeter | None = None
        self._machine = MachineMeter()
        self._samples: list[Sample] = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        # Without a sample at its end the load would lack up to one period: 5 % of the CPU time in 4 s.
        self._sample()

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
                machine=self._machine.read(),
                bridge=self._bridge.read() if self._bridge else None,
            )
        )
