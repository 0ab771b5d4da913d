"""Takes stock of a server: what its processes, its folder for temporary files and its ``/metrics`` show."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_core.sampling.sampler import TreeMeter
from perf_core.server import endpoints
from perf_core.server.live import Live

SETTLING_S = 10.0
"""Until connections are closed, and processes that were lost are replaced."""

_POLL_S = 0.2

COUNTED = ("fds", "threads", "processes", "temporary_files")
"""What is counted of a server from outside."""


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


@dataclass(frozen=True)
class Stock:
    """What a server holds while nobody asks it for anything.

    Attributes:
        rss_mb: Resident memory of its process tree, in MB (10^6 bytes).
        fds: Open file descriptors (handles on Windows).
        threads: Threads.
        processes: Processes.
        temporary_files: Files in its folder for temporary ones; None when it is not known which that is.
        held: What its ``/metrics`` say it holds, by what is counted; None where it does not tell.
    """

    rss_mb: float
    fds: int
    threads: int
    processes: int
    temporary_files: int | None
    held: Mapping[str, float | None]


@dataclass(frozen=True)
class Stocks:
    """A server's stock before and after a load."""

    before: Stock
    after: Stock


def is_back(before: Stock, now: Stock) -> bool:
    """Return whether a server holds no more than before, its memory apart."""
    counted = all((getattr(now, what) or 0) <= (getattr(before, what) or 0) for what in COUNTED)
    held = held_before_and_after(Stocks(before, now))
    return counted and all(after <= earlier for earlier, after in held.values())


def held_before_and_after(stocks: Stocks) -> dict[str, tuple[float, float]]:
    """Return what the server counts itself, before and after, where it tells both."""
    found: dict[str, tuple[float, float]] = {}
    for what, before in stocks.before.held.items():
        after = stocks.after.held.get(what)
        if before is not None and after is not None:
            found[what] = before, after
    return found
