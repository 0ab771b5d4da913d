"""Memory growth per five minutes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.evidence import ShapeFindings
from perf_core.analysis.figures import figures
from perf_core.analysis.verdict import judge
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


def test_slopes_of_open_files_and_threads_are_told(build: type[Build]) -> None:
    server = replace(
        used(None), fds=Trend(20, 30, 30, 120.0, (110.0, 131.0)), sessions=Trend(1, 1, 1, 0.0, (0.0, 0.0))
    )
    finding = build.finding(memory.find(build.evidence([], server=server)), "Open files and threads")
    assert finding.text == (
        "Open files from 20 to 30, +120.00 per hour (95 % interval +110.00 to +131.00); "
        "sessions from 1 to 1, +0.00 per hour (95 % interval +0.00 to +0.00)."
    )
    assert finding.values == {"open_files_slope_per_h": 120.0, "sessions_slope_per_h": 0.0}


@pytest.mark.parametrize(
    ("trends", "outcomes"),
    [
        (
            {"rss_mb": MemoryTrend(50, 80, 80, 360.0, (350.0, 370.0))},
            {"server.rss_growth_lower_mb_per_5_min"},
        ),
        ({"rss_mb": MemoryTrend(50, 52, 52, 22.0, (21.0, 24.0))}, set()),
        ({"rss_mb": MemoryTrend(50, 90, 60, 300.0, (-900.0, 1500.0))}, set()),
        ({"fds": Trend(9, 14, 14, 60.0, (50.0, 70.0))}, {"server.fds_slope_lower_per_h"}),
        ({"threads": Trend(9, 14, 14, 60.0, (50.0, 70.0))}, {"server.threads_slope_lower_per_h"}),
        ({"threads": Trend(9, 10, 10, 8.0, (-3.0, 20.0))}, set()),
    ],
    ids=["6 MB/min", "warm-up of music21", "collected garbage", "files", "threads", "one more thread"],
)
def test_certain_growth_misses_a_target(
    build: type[Build], trends: dict[str, Any], outcomes: set[str]
) -> None:
    steady: dict[str, Any] = {
        "rss_mb": MemoryTrend(50, 50, 50, 0.0, (0.0, 0.0)),
        "fds": Trend(9, 9, 9, 0.0, (0.0, 0.0)),
        "threads": Trend(9, 9, 9, 0.0, (0.0, 0.0)),
    }
    server = replace(used(0.0), **{**steady, **trends})
    stages = [build.stage("hold_10", 0, 300)]
    all_figures = figures(build.metrics(), stages, [], server, sessions_left=0, uptime_percent=100.0)
    results = judge(memory.SHAPE.targets, all_figures, build.generator(), []).targets
    assert {each.figure for each in results if each.outcome != "met"} == outcomes


def test_nothing_is_told_without_a_server(build: type[Build]) -> None:
    assert memory.find(build.evidence([], server=None)) == ShapeFindings()
