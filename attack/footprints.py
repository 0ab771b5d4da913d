"""The resources of a server at rest: memory, descriptors, processes, and its own gauges."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median

import psutil
from tallies import Footprint

from perf_core.server.client.endpoints import gauges as read_gauges
from perf_core.server.credentials.access import Access

SETTLING_S = 60.0
"""Longest time until sessions have expired, connections are closed and killed processes are replaced."""

_POLL_S = 0.5
_STABLE_READINGS = 6


def read_footprint(pid: int, url: str, access: Access, gauges: Mapping[str, str]) -> Footprint:
    """Return the resources of a process tree now.

    Args:
        pid: Root of the tree.
        url: MCP endpoint of the server; its metrics are beside it.
        access: How to reach it.
        gauges: Names of gauges in the server's metrics, by what they count.
    """
    values = read_gauges(url, set(gauges.values()), access=access)
    memory, fds, processes = 0, 0, 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            full = process.memory_full_info()
            # Forked workers share most of their pages; the proportional size counts them once.
            memory += getattr(full, "pss", full.rss)
            fds += process.num_fds()
            processes += 1
    counted = {name: values[gauge] or 0.0 for name, gauge in gauges.items()}
    return Footprint(memory / 1e6, fds, processes, counted)


def settled(
    read: Callable[[], Footprint], before: Footprint | None, *, longest_s: float = SETTLING_S
) -> Footprint:
    """Return a footprint once it has settled, or after `longest_s`.

    Args:
        read: Reads the footprint now.
        before: Footprint to return to: settled is what has no more of anything. None: settled is what
            does not change for three seconds, without sessions.
    """
    deadline_s = time.monotonic() + longest_s
    now, same = read(), 0
    while time.monotonic() < deadline_s:
        if before is not None and not now.growth_over(before):
            break
        if before is None and same >= _STABLE_READINGS and not any(now.gauges.values()):
            break
        time.sleep(_POLL_S)
        later = read()
        same = same + 1 if counts(later) == counts(now) else 0
        now = later
    return now


def counts(footprint: Footprint) -> tuple[object, ...]:
    """Return all of a footprint but its memory, which never stands still."""
    return (footprint.fds, footprint.processes, *sorted(footprint.gauges.items()))


def with_median_memory(footprints: Sequence[Footprint]) -> Footprint:
    """Return the last footprint with the median memory of all."""
    return replace(footprints[-1], memory_mb=median(each.memory_mb for each in footprints))
