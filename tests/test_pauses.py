"""Pauses that our servers report are those that the lab reads."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from perf_core.sampling.pauses import PAUSE_METRICS
from perf_core.server.client import endpoints
from server_core.observability.metrics import FunctionCollector
from server_core.observability.pauses import Pauses


def test_lab_reads_the_pauses_that_server_core_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses()
    pauses.lag.observe(0.25)
    pauses.lag.observe(0.5)
    for generation, durations in enumerate(pauses.collections):
        durations.observe(0.125 * (generation + 1))
    registry = CollectorRegistry()
    registry.register(FunctionCollector(pauses.metrics))
    page = SimpleNamespace(text=generate_latest(registry).decode())
    monkeypatch.setattr(endpoints, "_get", lambda *_: page)
    assert endpoints.totals("http://server/mcp", PAUSE_METRICS) == {"gc": 0.75, "lag": 0.75}
