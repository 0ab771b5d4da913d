"""An app's own metrics on `/metrics`, beside those of the server."""

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
class AppMetrics:
    """The metrics of an app."""

    metrics: tuple[Metric, ...] = ()
    shared: frozenset[str] = frozenset()
    """Names of the metrics that have the same value in all workers."""


# Kept here rather than on the app, which belongs to its author.
_sources: Final[WeakKeyDictionary[FastMCP[Any], list[_Source]]] = WeakKeyDictionary()


def publish(mcp: FastMCP[Any], collect: Collect, *, is_shared: bool = False) -> None:
    """Add an app's own metrics to `/metrics`.

    Args:
        mcp: The app.
        collect: Returns the metrics. Called on each scrape, in a thread, so it may wait for files and locks.
        is_shared: Whether the metrics describe something that all workers share (`--workers`), such as a
            folder: `/metrics` then shows the largest value of the workers instead of the sum.

    Example:
        >>> mcp, orders = FastMCP("shop"), ["tea", "milk"]
        >>> publish(mcp, lambda: [GaugeMetricFamily("shop_orders", "Open orders.", value=len(orders))])
    """
    _sources.setdefault(mcp, []).append(_Source(collect, is_shared))


async def collect_app_metrics(mcp: FastMCP[Any]) -> AppMetrics:
    """Return an app's own metrics; a source that fails is left out, with an error in the log."""
    sources = _sources.get(mcp)
    return await asyncio.to_thread(_collect, sources) if sources else AppMetrics()


def _collect(sources: list[_Source]) -> AppMetrics:
    metrics: list[Metric] = []
    shared: set[str] = set()
    for source in sources:
        try:
            collected = list(source.collect())
        except Exception:  # the server's own figures are needed most when something fails
            _logger.exception("an app's own metrics cannot be collected and are left out")
            continue
        metrics += collected
        if source.is_shared:
            shared.update(metric.name for metric in collected)
    return AppMetrics(tuple(metrics), frozenset(shared))
