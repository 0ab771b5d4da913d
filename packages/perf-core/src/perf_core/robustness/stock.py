"""Takes stock of a server: what its processes, its folder for temporary files and its ``/metrics`` show."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from perf_core import endpoints
from perf_core.evidence import Stock
from perf_core.live import Live
from perf_core.robustness.leftovers import is_back
from perf_core.sampler import TreeMeter

SETTLING_S = 10.0
"""Until connections are closed, and processes that were lost are replaced."""

_POLL_S = 0.2


def take_stock(live: Live, gauges: Mapping[str, str]) -> Stock | None:
    """Return what a server holds now, None when its processes cannot be seen.

    Args:
        live: The server.
        gauges: Names of gauges of its ``/metrics``, by what they count.
    """
    if live.pid is None:
        return None
    # Asked first: an answer leaves a connection behind for a moment, and the answer before it may as well.
    told = endpoints.gauges(live.url, set(gauges.values()), token=live.token)
    reading = TreeMeter(live.pid).read()
    return Stock(
        rss_mb=reading.rss_mb,
        fds=reading.fds,
        threads=reading.threads,
        processes=reading.processes,
        temporary_files=_files(live.temporary_folder),
        held={what: told[name] for what, name in gauges.items()},
    )


def take_settled_stock(
    live: Live, gauges: Mapping[str, str], before: Stock | None, interrupted: Callable[[], bool]
) -> Stock | None:
    """Return what a server holds once it is at rest: no more than before, or the same for a second.

    Args:
        live: The server.
        gauges: As for :func:`take_stock`.
        before: Its stock before the load; None waits only until nothing changes.
        interrupted: Whether the user wants to stop.
    """
    deadline = time.monotonic() + SETTLING_S
    now = take_stock(live, gauges)
    same_since = time.monotonic()
    while now is not None and time.monotonic() < deadline and not interrupted():
        if before is not None and is_back(before, now):
            break
        if before is None and time.monotonic() - same_since > 1.0:
            break
        time.sleep(_POLL_S)
        later = take_stock(live, gauges)
        if later is None or _counts(later) != _counts(now):
            same_since = time.monotonic()
        now = later
    return now


def _counts(stock: Stock) -> tuple[object, ...]:
    return stock.fds, stock.threads, stock.processes, stock.temporary_files, tuple(stock.held.items())


def _files(folder: Path | None) -> int | None:
    if folder is None:
        return None
    return sum(1 for path in folder.rglob("*") if not path.is_dir())
