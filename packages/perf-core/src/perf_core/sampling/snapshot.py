"""Resource snapshots of an idle server: its processes, temporary files and gauges of ``/metrics``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_core.sampling.sampler import TreeMeter
from perf_core.server.client import endpoints
from perf_core.server.live import LiveServer

SETTLING_S = 10.0
"""Longest wait for connections to close and for killed processes to be replaced."""

_POLL_S = 0.2

_STABLE_S = 1.0
"""Time without a change of the counts after which a server has settled."""

COUNTED_RESOURCES = ("fds", "threads", "processes", "temporary_files")
"""Fields of :class:`ResourceSnapshot` that the lab counts from outside the server."""


@dataclass(frozen=True)
class ResourceSnapshot:
    """Resources of an idle server.

    Attributes:
        rss_mb: Resident memory of its process tree, in MB (10^6 bytes).
        temporary_files: Files in its temporary folder; None when the lab does not know the folder.
        gauges: Values of the gauges of its ``/metrics``, by what they count; None for a gauge it lacks.
    """

    rss_mb: float
    fds: int
    threads: int
    processes: int
    temporary_files: int | None
    gauges: Mapping[str, float | None]


@dataclass(frozen=True)
class SnapshotPair:
    """Resource snapshots before and after a load."""

    before: ResourceSnapshot
    after: ResourceSnapshot

    @property
    def gauges(self) -> dict[str, tuple[float, float]]:
        """Values before and after of each gauge that both snapshots have."""
        pairs = {name: (value, self.after.gauges.get(name)) for name, value in self.before.gauges.items()}
        return {
            name: (before, after)
            for name, (before, after) in pairs.items()
            if before is not None and after is not None
        }

    @property
    def has_growth(self) -> bool:
        """Whether any count or gauge is higher after than before; memory does not matter."""
        counts = [
            (getattr(self.before, name) or 0, getattr(self.after, name) or 0) for name in COUNTED_RESOURCES
        ]
        return any(after > before for before, after in (*counts, *self.gauges.values()))


def take_snapshot(live: LiveServer, gauges: Mapping[str, str]) -> ResourceSnapshot | None:
    """Return the server's resources now, or None if its processes are invisible; see ``Scenario.gauges``."""
    if live.pid is None:
        return None
    # Before the processes are read: the request itself holds a connection open for a moment.
    values = endpoints.gauges(live.url, set(gauges.values()), access=live.access)
    reading = TreeMeter(live.pid, root_apart=live.pid == live.bridge_pid).read()
    return ResourceSnapshot(
        rss_mb=reading.rss_mb,
        fds=reading.fds,
        threads=reading.threads,
        processes=reading.processes,
        temporary_files=_file_count(live.temporary_folder),
        gauges={counted: values[name] for counted, name in gauges.items()},
    )


def take_settled_snapshot(
    live: LiveServer,
    gauges: Mapping[str, str],
    before: ResourceSnapshot | None,
    interrupted: Callable[[], bool],
) -> ResourceSnapshot | None:
    """Return the server's resources once it has settled, or after :data:`SETTLING_S` at the latest.

    Args:
        before: Snapshot before the load: the server has settled when nothing exceeds it. None: it has
            settled when nothing changes for a second.
    """
    deadline = time.monotonic() + SETTLING_S
    now = take_snapshot(live, gauges)
    same_since = time.monotonic()
    while now is not None and time.monotonic() < deadline and not interrupted():
        if before is not None and not SnapshotPair(before, now).has_growth:
            break
        if before is None and time.monotonic() - same_since > _STABLE_S:
            break
        time.sleep(_POLL_S)
        later = take_snapshot(live, gauges)
        if later is None or _counts(later) != _counts(now):
            same_since = time.monotonic()
        now = later
    return now


def _counts(snapshot: ResourceSnapshot) -> tuple[object, ...]:
    return (*(getattr(snapshot, name) for name in COUNTED_RESOURCES), *snapshot.gauges.items())


def _file_count(folder: Path | None) -> int | None:
    if folder is None:
        return None
    return sum(1 for path in folder.rglob("*") if not path.is_dir())
