"""Latency drift, memory, sessions and uptime over a long hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.evidence import ShapeFindings
from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.shapes import endurance

if TYPE_CHECKING:
    from conftest import Build


def held(build: type[Build], medians: list[float | None], **changes: Any) -> ShapeFindings:
    stages = [build.stage("ramp_up", 0, 5), build.stage("hold", 5, 5 + len(medians))]
    rows = [(10.0, 0.0, latency) for latency in [500.0] * 5 + medians + [500.0] * 5]
    return endurance.find(build.evidence(stages, load=build.load_columns(rows), **changes))


def test_drift_compares_the_last_tenth_of_the_hold_with_the_first(build: type[Build]) -> None:
    found = held(build, [10.0] * 10 + [99.0] * 80 + [12.0] * 10)
    figure = found.figures["endurance.latency_drift"]
    assert figure.value == pytest.approx(0.2)
    assert figure.duration_s == 100
    assert "+20.0%" in build.finding(found, "Latency drift").text


def test_faster_at_the_end_is_a_negative_drift(build: type[Build]) -> None:
    assert held(build, [10.0] * 10 + [5.0] * 10).figures["endurance.latency_drift"].value == -0.5


@pytest.mark.parametrize("medians", [[], [10.0] * 9, [None] * 50])
def test_too_few_periods_have_no_drift(build: type[Build], medians: list[float | None]) -> None:
    figure = held(build, medians or [None]).figures["endurance.latency_drift"]
    assert figure.value is None
    assert "too few periods" in figure.absent


def test_findings_on_memory_sessions_and_uptime(build: type[Build]) -> None:
    server = ServerUse(
        MemoryTrend(60.0, 66.0, 65.0, 2.5, (2.25, 2.75)), 1.0, 10.0, Trend(1, 1, 1), Trend(1, 1, 1), 1
    )
    metrics = build.metrics(sessions_opened=50, sessions_closed=48)
    found = held(build, [10.0] * 20, server=server, metrics=metrics, sessions_left=2, uptime_percent=99.25)
    memory = build.finding(found, "Memory")
    assert "+2.50 MB/h (95 % interval +2.25 to +2.75)" in memory.text
    assert memory.values == {"slope_mb_per_h": 2.5}
    sessions = build.finding(found, "Sessions")
    assert "50 opened, 48 deleted; the server holds 2" in sessions.text
    assert sessions.values == {"opened": 50, "closed": 48, "lost": 0, "left_on_server": 2}
    assert build.finding(found, "Uptime").values == {"uptime_percent": 99.25}


def test_lost_sessions_are_told(build: type[Build]) -> None:
    metrics = build.metrics(sessions_opened=50, sessions_closed=44, sessions_lost=6)
    sessions = build.finding(held(build, [10.0] * 20, metrics=metrics, sessions_left=0), "Sessions")
    assert "50 opened, 44 deleted, 6 lost by the server; the server holds 0" in sessions.text


def test_findings_without_data_are_left_out(build: type[Build]) -> None:
    found = held(build, [10.0] * 20)
    assert {each.title for each in found.findings} == {"Latency drift", "Sessions"}
    assert "does not report" in build.finding(found, "Sessions").text
    stateless = held(build, [10.0] * 20, metrics=build.metrics(session_creation_ms=None))
    assert build.finding(stateless, "Sessions").text == "This wire has no sessions."


def test_ten_periods_are_enough_for_a_drift(build: type[Build]) -> None:
    medians: list[float | None] = [10.0] * 9 + [15.0]
    assert held(build, medians).figures["endurance.latency_drift"].value == pytest.approx(0.5)
