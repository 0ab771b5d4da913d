"""What an app has to tell of itself on `/metrics`, beside the server's own figures.

publish(mcp, lambda: [GaugeMetricFamily("shop_orders_open", "Orders open now.", value=shop.open_orders)])
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from fastmcp import FastMCP
from prometheus_client.metrics_core import Metric

_logger = logging.getLogger(__name__)

Collect = Callable[[], Iterable[Metric]]


@dataclass(frozen=True)
class _Source:
    collect: Collect
    is_shared: bool


@dataclass(frozen=True)
class Collected:
    """What an app's sources said.

    Attributes:
        metrics: Of all of them.
        shared: Names of the metrics in which all processes of the server say the same.
    """

    metrics: tuple[Metric, ...] = ()
    shared: frozenset[str] = frozenset()


# The app is all that `create_server` hands over, and its author's: nothing is written into it.
_sources: Final[WeakKeyDictionary[FastMCP[Any], list[_Source]]] = WeakKeyDictionary()


def publish(mcp: FastMCP[Any], collect: Collect, *, is_shared: bool = False) -> None:
    """Let `/metrics` show what `collect` returns.

    Args:
        mcp: The app whose server shows it.
        collect: Called on each scrape, in a thread: it may wait for files and locks.
        is_shared: Whether it tells of something that all processes of a server share (`--workers`), such as
            a folder: the largest figure is shown then, not the sum.
    """
    _sources.setdefault(mcp, []).append(_Source(collect, is_shared))


async def collected(mcp: FastMCP[Any]) -> Collected:
    """Return what an app's sources say; one that fails is left out, with an error in the log."""
    sources = _sources.get(mcp)
    return await asyncio.to_thread(_collect, sources) if sources else Collected()


def _collect(sources: list[_Source]) -> Collected:
    metrics: list[Metric] = []
    shared: set[str] = set()
    for source in sources:
        try:
            found = list(source.collect())
        except Exception:  # the server's own figures are needed most when something fails
            _logger.exception("an app's own metrics cannot be read, and are left out")
            continue
        metrics += found
        if source.is_shared:
            shared.update(metric.name for metric in found)
    return Collected(tuple(metrics), frozenset(shared))
