"""An app's own metrics on `/metrics`, beside the server's."""

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


async def test_published_metrics_are_collected_in_a_thread_on_each_scrape(
    serving: Callable[..., Any],
) -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    threads: list[int] = []

    def orders() -> Iterator[Metric]:
        threads.append(threading.get_ident())
        yield GaugeMetricFamily("shop_orders", "Orders open now.", value=len(threads))

    publish(mcp, orders)
    publish(mcp, lambda: [GaugeMetricFamily("shop_carts", "Carts.", value=7)])
    async with serving(create_app(mcp, ServerSettings(_env_file=None))) as wires:
        first, second = [(await wires.http.get("/metrics")).text for _ in range(2)]
    assert "# HELP shop_orders Orders open now.\n# TYPE shop_orders gauge\nshop_orders 1.0\n" in first
    assert "shop_orders 2.0\n" in second
    assert "shop_carts 7.0\n" in second
    assert "mcp_workers 1.0\n" in second
    assert threading.get_ident() not in threads


async def test_the_metrics_of_another_app_are_not_shown(serving: Callable[..., Any]) -> None:
    one, other = FastMCP("one"), FastMCP("other")
    publish(one, lambda: [GaugeMetricFamily("one_orders", "Orders.", value=1)])
    assert "one_orders" not in await page(serving, other)


async def test_a_source_that_fails_is_left_out_and_logged(
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


async def test_the_names_of_shared_metrics_are_collected() -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    publish(mcp, lambda: [GaugeMetricFamily("shop_orders", "Orders.", value=1)], is_shared=True)
    publish(mcp, lambda: [GaugeMetricFamily("shop_carts", "Carts.", value=1)])
    collected = await app_metrics.collect_app_metrics(mcp)
    assert collected.shared == {"shop_orders"}
    assert [metric.name for metric in collected.metrics] == ["shop_orders", "shop_carts"]


async def test_publishing_does_not_keep_an_app_alive() -> None:
    mcp: FastMCP[Any] = FastMCP("shop")
    publish(mcp, list)
    gone = weakref.ref(mcp)
    del mcp
    gc.collect()
    assert gone() is None
