"""Memory growth per five minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perf_core.analysis.evidence import ShapeFindings
from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.shapes import memory

if TYPE_CHECKING:
    from conftest import Build


def used(slope_mb_per_h: float | None, interval: tuple[float, float] | None = None) -> ServerUse:
    memory = MemoryTrend(100.0, 130.0, 110.0, slope_mb_per_h, interval)
    return ServerUse(memory, 1.0, 10.0, Trend(1, 1, 1), Trend(1, 1, 1), 1)


def test_memory_growth_per_five_minutes_with_its_interval(build: type[Build]) -> None:
    found = memory.find(build.evidence([], server=used(24.0, (12.0, 60.0))))
    sentence = build.finding(found, "Memory").text
    assert "changes by +2.00 MB in 5 minutes (95 % interval +1.00 to +5.00)" in sentence
    assert "130.0 MB at its peak" in sentence
    assert memory.find(build.evidence([], server=used(None))) == ShapeFindings()
    assert memory.find(build.evidence([], server=None)) == ShapeFindings()
