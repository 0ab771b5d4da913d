"""An app's own figures stand beside the server's, whatever becomes of them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastmcp import FastMCP
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from server_core import ServerSettings, create_app, publish
from server_core.observability import app_metrics

pytestmark = pytest.mark.anyio


async def page(serving: Callable[..., Any], mcp: FastMCP[Any]) -> str:
    async with serving(create_app(mcp, ServerSettings(_env_file=None))) as wires:
        text: str = (await wires.http.get("/metrics")).text
        return text


async def test_what_is_published_is_on_the_page_as_it_is_at_that_moment(serving: Callable[..., Any]) -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    asked: list[int] = []

    def orders() -> Iterator[Metric]:
        asked.append(threading.get_ident())
        yield GaugeMetricFamily("shop_orders", "Orders open now.", value=len(asked))

    publish(mcp, orders)
    publish(mcp, lambda: [GaugeMetricFamily("shop_carts", "Carts.", value=7)])
    async with serving(create_app(mcp, ServerSettings(_env_file=None))) as wires:
        first, second = [(await wires.http.get("/metrics")).text for _ in range(2)]
    assert "# HELP shop_orders Orders open now.\n# TYPE shop_orders gauge\nshop_orders 1.0\n" in first
    assert "shop_orders 2.0\n" in second
    assert "shop_carts 7.0\n" in second
    assert "mcp_workers 1.0\n" in second
    assert threading.get_ident() not in asked


async def test_apps_are_told_apart(serving: Callable[..., Any]) -> None:
    one, other = FastMCP("one"), FastMCP("other")
    publish(one, lambda: [GaugeMetricFamily("one_orders", "Orders.", value=1)])
    assert "one_orders" not in await page(serving, other)


async def test_a_source_that_fails_takes_nothing_else_away(
    serving: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    mcp: FastMCP[Any] = FastMCP("shop")

    def broken() -> Iterator[Metric]:
        yield GaugeMetricFamily("shop_half", "Half.", value=1)
        raise OSError("the disk is gone")

    publish(mcp, broken)
    publish(mcp, lambda: [GaugeMetricFamily("shop_carts", "Carts.", value=7)])
    text = await page(serving, mcp)
    assert "shop_carts 7.0" in text
    assert "mcp_workers 1.0" in text
    assert "shop_half" not in text
    assert "the disk is gone" in caplog.text


async def test_names_of_what_processes_share_are_told() -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    publish(mcp, lambda: [GaugeMetricFamily("shop_orders", "Orders.", value=1)], is_shared=True)
    publish(mcp, lambda: [GaugeMetricFamily("shop_carts", "Carts.", value=1)])
    found = await app_metrics.collect_app_metrics(mcp)
    assert found.shared == {"shop_orders"}
    assert [metric.name for metric in found.metrics] == ["shop_orders", "shop_carts"]


async def test_an_app_that_is_gone_is_not_kept() -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    publish(mcp, list)
    gone = weakref.ref(mcp)
    del mcp
    gc.collect()
    assert gone() is None
