"""Overhead of the protocol, and the pools that a benchmark needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core.adapter import Expectation, Journey, Step
from perf_core.analysis.evidence import ShapeFindings
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.shapes import benchmark
from perf_core.shapes.registry import plan_scenario

if TYPE_CHECKING:
    from conftest import Build


@pytest.mark.parametrize("empty", ["ping", "server/discover"])
def test_protocol_overhead_is_an_empty_request_minus_plain_http(build: type[Build], empty: str) -> None:
    protocol = {
        "GET /health": build.latency(2.0),
        "tools/list": build.latency(9.0),
        empty: build.latency(5.0),
    }
    found = benchmark.find(build.evidence([], metrics=build.metrics(protocol_ms=protocol)))
    overhead = build.finding(found, "Protocol overhead")
    assert overhead.values == {"http_med_ms": 1.0, "empty_request_med_ms": 2.5}
    assert "1.50 ms" in overhead.text


@pytest.mark.parametrize("missing", ["GET /health", "ping"])
def test_no_protocol_overhead_without_both_measurements(build: type[Build], missing: str) -> None:
    protocol = {"GET /health": build.latency(2.0), "ping": build.latency(5.0)}
    del protocol[missing]
    assert benchmark.find(build.evidence([], metrics=build.metrics(protocol_ms=protocol))) == ShapeFindings()


def test_each_tool_needs_a_pool(build: type[Build]) -> None:
    total = Journey("total", (Step("total", {}, Expectation.anything()),))
    pools = {"mix": [build.journey(), total], "add": [build.journey()]}
    with pytest.raises(UsageError, match=r"expected a pool named 'total', got \['add', 'mix'\]"):
        plan_scenario(build.scenario("benchmark", pools), "session", Settings())
    assert plan_scenario(build.scenario("load", pools), "session", Settings()).tools == ("add", "total")
