from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.anyio


async def test_the_page_shows_traffic_sessions_and_process(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    before_cpu_s = sum(psutil.Process().cpu_times()[:2])
    async with serving(make_app()) as wires:
        session = await wires.open_session()
        await wires.open_session()
        await wires.delete(session)
        await wires.call("echo", {"text": "hi"})
        await wires.stateless("no/such/method")
        page = await wires.http.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }
    assert samples[("mcp_sessions_open",)] == 1
    assert samples[("mcp_sessions_created_total",)] == 2
    assert samples[("mcp_requests_in_flight",)] == 1, "the scrape itself"
    assert samples[("mcp_http_responses_total", "404")] == 1
    assert samples[("mcp_http_responses_total", "202")] == 2
    process = psutil.Process()
    open_files = process.num_handles if sys.platform == "win32" else process.num_fds
    assert samples[("process_resident_memory_bytes",)] == pytest.approx(process.memory_info().rss, rel=0.3)
    assert samples[("process_start_time_seconds",)] == pytest.approx(process.create_time())
    assert samples[("process_threads",)] == pytest.approx(process.num_threads(), abs=5)
    assert samples[("process_open_fds",)] == pytest.approx(open_files(), abs=20)
    assert before_cpu_s <= samples[("process_cpu_seconds_total",)] <= sum(process.cpu_times()[:2])
    assert 0 < samples[("process_uptime_seconds",)] <= time.time() - process.create_time()


async def test_two_apps_in_one_process_are_counted_separately(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    first, second = make_app(), make_app()
    async with serving(first) as wires:
        await wires.call("echo", {"text": "hi"})
    assert b'mcp_tool_calls_total{tool="echo"} 1.0' in first.metrics.exposition("")[0]
    assert b'mcp_tool_calls_total{tool="echo"}' not in second.metrics.exposition("")[0]


async def test_the_page_is_openmetrics_if_the_client_accepts_it(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async with serving(make_app()) as wires:
        page = await wires.http.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert page.text.endswith("# EOF\n")
