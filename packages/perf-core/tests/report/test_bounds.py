from __future__ import annotations

from perf_core.report.bounds import bounded
from perf_core.results.record import Latency


def test_bounds_are_marked() -> None:
    latency = Latency(1000, 1, 2, 3, 4, 5, 6, 30_000, 1)
    assert bounded(latency, "max") == "≥ 30,000"
    assert bounded(latency, "p99") == "6.00"
