from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server_core.observability.metrics import FunctionCollector, ServerMetrics
from server_core.observability.pauses import Durations, Pauses

pytestmark = pytest.mark.anyio

STALL_S = 0.15


def samples_of(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def exposed(pauses: Pauses) -> dict[tuple[str, ...], float]:
    metrics = ServerMetrics()
    metrics.registry.register(FunctionCollector(pauses.metrics))
    return samples_of(metrics.exposition("")[0].decode())


def test_durations_are_counted_by_bucket() -> None:
    durations = Durations((0.001, 0.1))
    for duration_s in (0.0005, 0.001, 0.02, 7.0):
        durations.observe(duration_s)
    assert durations.up_to() == [2, 3, 4]
    assert durations.total_s == pytest.approx(7.0215)
    assert durations.largest_s() == 7.0


@pytest.mark.parametrize(
    ("later_s", "largest_s"),
    [(0.0, 5.0), (9.9, 5.0), (10.0, 5.0), (19.9, 5.0), (20.0, 0.0), (1000.0, 0.0)],
)
def test_a_maximum_is_forgotten_after_10_to_20_seconds(later_s: float, largest_s: float) -> None:
    now_s = 100.0
    durations = Durations((1.0,), lambda: now_s)
    durations.observe(5.0)
    now_s += later_s
    assert durations.largest_s() == largest_s


def test_a_maximum_slides_through_steady_observations() -> None:
    now_s = 0.0
    durations = Durations((1.0,), lambda: now_s)
    durations.observe(5.0)
    for _ in range(300):
        now_s += 0.1
        durations.observe(0.25)
    assert durations.largest_s() == 0.25
    assert durations.up_to()[-1] == 301


async def test_a_blocked_loop_is_late_by_as_long_as_it_was_blocked() -> None:
    pauses = Pauses()
    pauses.start()
    try:
        time.sleep(2 * STALL_S)  # noqa: ASYNC251 - blocks the loop, as a careless tool would
        while not pauses.lag.up_to()[-1]:  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0)
    finally:
        pauses.stop()
    # The timer was due within a tenth of a second, so at least the rest of the stall is seen.
    assert STALL_S < pauses.lag.largest_s() < 60 * STALL_S
    samples = exposed(pauses)
    assert samples[("mcp_event_loop_lag_seconds_count",)] == 1
    assert samples[("mcp_event_loop_lag_seconds_sum",)] == pytest.approx(pauses.lag.largest_s())
    assert samples[("mcp_event_loop_lag_seconds_bucket", "0.1")] == 0
    assert samples[("mcp_event_loop_lag_max_seconds",)] == pytest.approx(pauses.lag.largest_s())


async def test_collections_are_counted_by_generation() -> None:
    pauses = Pauses()
    pauses.start()
    began_s = time.perf_counter()
    try:
        gc.collect(2)
        gc.collect(2)
    finally:
        took_s = time.perf_counter() - began_s
        pauses.stop()
    gc.collect(2)
    samples = exposed(pauses)
    assert samples[("mcp_gc_pause_seconds_count", "2")] == 2, "not the one after the end"
    assert 0 < samples[("mcp_gc_pause_seconds_sum", "2")] <= took_s
    assert 0 < samples[("mcp_gc_pause_max_seconds", "2")] <= samples[("mcp_gc_pause_seconds_sum", "2")]
    assert ("mcp_gc_pause_seconds_count", "0") in samples


async def test_nothing_is_left_in_the_process_after_the_end() -> None:
    before = list(gc.callbacks)
    pauses = Pauses()
    pauses.stop()
    pauses.start()
    assert len(gc.callbacks) == len(before) + 1
    pauses.stop()
    pauses.stop()
    assert gc.callbacks == before


async def test_the_page_shows_both_while_an_app_serves(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async with serving(make_app()) as wires:
        gc.collect()
        first = samples_of((await wires.http.get("/metrics")).text)
        assert first[("mcp_gc_pause_seconds_count", "2")] >= 1
        lags = 0.0
        while not lags:
            await asyncio.sleep(0)  # requests in memory never wait, so that no timer would run
            page = await wires.http.get("/metrics")
            lags = samples_of(page.text)[("mcp_event_loop_lag_seconds_count",)]
        largest_s = samples_of(page.text)[("mcp_event_loop_lag_max_seconds",)]
        assert 0 <= largest_s <= samples_of(page.text)[("mcp_event_loop_lag_seconds_sum",)]
