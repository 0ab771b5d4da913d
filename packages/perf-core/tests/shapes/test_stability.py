"""Success by hour of a simulated day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.shapes import stability

if TYPE_CHECKING:
    from conftest import Build


def day(build: type[Build], **fates: Any) -> list[Any]:
    hours = [build.stage(f"hour_{hour:02}", 25.0 * hour, 25.0 * hour + 25, calls=50) for hour in range(24)]
    return [replace(each, kind="hold", **fates.get(each.name, {})) for each in hours]


def test_worst_hour_is_the_figure_and_is_named(build: type[Build]) -> None:
    found = stability.find(build.evidence(day(build, hour_13={"error_rate": 0.1})))
    assert found.figures["stability.worst_hour_percent"].value == pytest.approx(90.0)
    assert (
        build.finding(found, "Success by hour").text
        == "1,200 calls in 24 hours; not all right at: 13:00 90.00 % of 50."
    )
    good = stability.find(build.evidence(day(build, hour_07={"calls": 30})))
    assert good.figures["stability.worst_hour_percent"].samples == 30, "the fewest calls of an hour"
    assert good.figures["stability.worst_hour_percent"].value == 100
    assert "all right in every hour" in build.finding(good, "Success by hour").text


def test_timed_errors_of_the_worst_hour_are_known_apart(build: type[Build]) -> None:
    metrics = build.metrics(errors={"wrong_answer": 4, "timeout": 1})
    found = stability.find(build.evidence(day(build, hour_13={"error_rate": 0.1}), metrics=metrics))
    figure = found.figures["stability.worst_hour_percent"]
    assert (figure.timed, figure.sure) == (True, pytest.approx(92.0))


def test_hour_without_answers_counts_as_zero_percent(build: type[Build]) -> None:
    found = stability.find(build.evidence(day(build, hour_03={"calls": 0})))
    figure = found.figures["stability.worst_hour_percent"]
    assert figure.value == 0
    assert figure.samples > 20, "it must be judged"
    assert "03:00 no call" in build.finding(found, "Success by hour").text


def test_day_that_ended_early_has_no_worst_hour(build: type[Build]) -> None:
    whole = day(build)
    found = stability.find(build.evidence(whole[:9], planned_stages=[each.name for each in whole]))
    assert found.figures["stability.worst_hour_percent"].absent == "the day ended after 9 of 24 hours"


def test_memory_growth_is_a_finding_too(build: type[Build]) -> None:
    memory = MemoryTrend(100.0, 130.0, 110.0, 24.0, (12.0, 60.0))
    server = ServerUse(memory, 1.0, 10.0, Trend(1, 1, 1), Trend(1, 1, 1), 1)
    found = stability.find(build.evidence(day(build), server=server))
    assert [each.title for each in found.findings] == ["Success by hour", "Memory"]
