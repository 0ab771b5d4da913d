"""Grades by the published table; figures without enough samples have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core.analysis.figures import Figure
from perf_core.analysis.grades import (
    CLIENTS,
    MEMORY,
    RECOVERY,
    RESPONSE,
    SUCCESS,
    clients_carried,
    grade,
    grades,
)

if TYPE_CHECKING:
    from conftest import Build


@pytest.mark.parametrize(
    ("scale", "value", "expected"),
    [
        # The published table: success rates must reach a level, the others stay below it.
        (SUCCESS, 89.999, "poor"),
        (SUCCESS, 90.0, "acceptable"),
        (SUCCESS, 95.0, "good"),
        (SUCCESS, 99.0, "excellent"),
        (RESPONSE, 5000.0, "poor"),
        (RESPONSE, 4999.9, "acceptable"),
        (RESPONSE, 1999.9, "good"),
        (RESPONSE, 999.9, "excellent"),
        (MEMORY, 100.0, "poor"),
        (MEMORY, 50.0, "acceptable"),
        (MEMORY, 10.0, "good"),
        (MEMORY, -3.0, "excellent"),
        (CLIENTS, 49, "poor"),
        (CLIENTS, 50, "acceptable"),
        (CLIENTS, 100, "good"),
        (CLIENTS, 200, "excellent"),
        (RECOVERY, 60.0, "poor"),
        (RECOVERY, 30.0, "acceptable"),
        (RECOVERY, 9.9, "excellent"),
    ],
)
def test_grades_follow_the_published_levels(scale, value: float, expected: str) -> None:
    assert grade(scale, value) == expected


def graded(name: str, figure: Figure | None):
    by_figure = {each.figure: each for each in grades({} if figure is None else {name: figure})}
    return by_figure[name]


def test_figure_without_enough_samples_is_not_graded() -> None:
    name = "server.rss_growth_mb_per_5_min"
    for figure, reason in (
        (None, "not measured"),
        (Figure(None, 0, 300.0), "no samples"),
        (Figure(None, 0, 300.0, absent="the process is not visible"), "not visible"),
        (Figure(1.0, 1, 60.0), "expected at least 120 s of load, got 60.0 s"),
    ):
        result = graded(name, figure)
        assert result.grade == "not graded"
        assert reason in result.reason
    assert graded(name, Figure(1.0, 1, 120.0)).grade == "excellent"
    assert "expected at least 200 samples" in graded("latency_ms.all.p95", Figure(5.0, 199, 10.0)).reason


def test_missing_recovery_is_poor_after_any_observation_time() -> None:
    assert graded("recovery.slowest_s", Figure(5.0, 3, 60.0)).grade == "excellent"
    assert graded("recovery.slowest_s", Figure(5.0, 3, 60.0, beyond=True)).grade == "poor"


def levels(build: type[Build], *fates: tuple[int, float, float]) -> list:
    return [
        build.stage(f"hold_{vus}", 10.0 * index, 10.0 * index + 10, p95=p95, error_rate=errors)
        for index, (vus, p95, errors) in enumerate(fates)
    ]


def test_clients_carried_are_those_below_the_first_failed_level(build: type[Build]) -> None:
    stages = levels(build, (10, 50, 0), (50, 90, 0.1), (100, 90, 0.11), (200, 60, 0))
    figure = clients_carried(stages)
    assert (figure.value, figure.at_least) == (50, False)
    assert clients_carried(levels(build, (10, 5000, 0))).value == 0
    assert clients_carried([build.stage("ramp_100")]).absent


def test_untried_levels_of_clients_do_not_change_the_grade(
    build: type[Build],
) -> None:
    few = graded("clients_carried", clients_carried(levels(build, (10, 50, 0))))
    assert (few.grade, few.value) == ("not graded", 10)
    assert few.reason == "all clients that were tried were served acceptably"
    some = graded("clients_carried", clients_carried(levels(build, (50, 50, 0), (100, 50, 0))))
    assert (some.grade, some.reason) == ("good", "all clients that were tried were served acceptably")
    all_ = graded("clients_carried", clients_carried(levels(build, (200, 50, 0))))
    assert (all_.grade, all_.reason) == ("excellent", "")
    broke = graded("clients_carried", clients_carried(levels(build, (10, 50, 0), (50, 9000, 0))))
    assert (broke.grade, broke.value) == ("poor", 10)
