"""Grades by the published table; figures without enough samples have none."""

from __future__ import annotations

from dataclasses import replace
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
    held_figures,
)
from perf_core.results.record import Latency

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
        assert result.value is None, "a growth in five minutes would be guessed from one"
    assert graded(name, Figure(1.0, 1, 120.0)).grade == "excellent"
    assert "expected at least 200 samples" in graded("held.worst_p95_ms", Figure(5.0, 199, 10.0)).reason


@pytest.mark.parametrize(
    ("success_percent", "response", "memory"),
    [(90.0, "excellent", "excellent"), (89.9, "not graded", "not graded"), (3.0, "not graded", "not graded")],
)
def test_server_that_answers_wrongly_has_no_good_grades(
    success_percent: float, response: str, memory: str
) -> None:
    figures = {
        "held.success_percent": Figure(success_percent, 1000, 30.0),
        "held.worst_p95_ms": Figure(5.0, 1000, 30.0),
        "server.rss_growth_mb_per_5_min": Figure(1.0, 1, 300.0),
    }
    by_figure = {each.figure: each for each in grades(figures)}
    answered, grown = by_figure["held.worst_p95_ms"], by_figure["server.rss_growth_mb_per_5_min"]
    assert (answered.grade, grown.grade) == (response, memory)
    if response == "not graded":
        assert f"only {success_percent:.3g} % of the calls succeeded" in answered.reason
    slow = {**figures, "held.worst_p95_ms": Figure(9000.0, 1000, 30.0)}
    assert {each.figure: each.grade for each in grades(slow)}["held.worst_p95_ms"] == "poor"


def test_few_calls_say_nothing_of_the_other_grades() -> None:
    figures = {"held.success_percent": Figure(0.0, 9, 30.0), "held.worst_p95_ms": Figure(5.0, 1000, 30.0)}
    assert {each.figure: each.grade for each in grades(figures)}["held.worst_p95_ms"] == "excellent"


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


# --- figures of the stages that hold a level ---


def test_grades_come_from_the_holds_and_from_the_slowest(build: type[Build]) -> None:
    stages = [
        build.stage("ramp_50", 0, 60, p95=9000, calls=9000, error_rate=0.5),
        build.stage("hold_50", 60, 90, p95=300, calls=3000),
        build.stage("hold_100", 90, 120, p95=1500, calls=1000, error_rate=0.2),
    ]
    figures = held_figures(stages, {})
    success, p95 = figures["held.success_percent"], figures["held.worst_p95_ms"]
    assert (success.value, success.samples, success.duration_s) == (pytest.approx(95.0), 4000, 60)
    assert (p95.value, p95.samples, p95.duration_s, p95.beyond) == (1500, 1000, 30, False)
    by_subject = {each.subject: each.grade for each in grades(figures)}
    assert (by_subject["Success rate of the holds"], by_subject["Response, p95 of the slowest hold"]) == (
        "good",
        "good",
    )


@pytest.mark.parametrize(
    ("errors", "timed", "sure"),
    [({"wrong_answer": 200}, False, 95.0), ({"wrong_answer": 199, "timeout": 1}, True, 95.025)],
)
def test_only_timed_errors_of_the_holds_are_excused(
    build: type[Build], errors: dict[str, int], timed: bool, sure: float
) -> None:
    stages = [build.stage("hold_50", 0, 30, calls=3000), build.stage("hold_100", 30, 60, error_rate=0.2)]
    success = held_figures(stages, errors)["held.success_percent"]
    assert (success.timed, success.sure) == (timed, pytest.approx(sure))


@pytest.mark.parametrize(
    "change",
    [
        {"is_silent": True},
        {"calls": 0, "latency_ms": Latency(0, 0, 0, 0, 0, 0, 0, 0)},
        {"latency_ms": Latency(1000, 1, 1, 1, 1, 10.0, 20.0, 30.0, lower_bounds=60)},
    ],
    ids=["silent", "without an answer", "p95 of unanswered calls"],
)
def test_latency_of_a_server_that_did_not_answer_is_poor(
    build: type[Build], change: dict[str, object]
) -> None:
    figures = held_figures([replace(build.stage("hold_50"), **change), build.stage("hold_10", p95=5)], {})
    response = next(each for each in grades(figures) if each.figure == "held.worst_p95_ms")
    assert response.grade == "poor"


def test_few_unanswered_calls_leave_p95_as_it_is(build: type[Build]) -> None:
    latency = Latency(1000, 1, 1, 1, 1, 10.0, 20.0, 30.0, lower_bounds=49)
    figure = held_figures([replace(build.stage("hold_50"), latency_ms=latency)], {})["held.worst_p95_ms"]
    assert not figure.beyond


def test_no_grade_without_a_hold(build: type[Build]) -> None:
    figures = held_figures([build.stage("ramp_50")], {})
    assert all(figure.absent == "no level was held" for figure in figures.values())


def test_silent_level_or_one_without_calls_is_not_carried(build: type[Build]) -> None:
    first, second, third = levels(build, (10, 50, 0), (50, 50, 0), (100, 50, 0))
    assert clients_carried([first, replace(second, is_silent=True), third]).value == 10
    silent = replace(build.stage("hold_50", 10, 20, calls=0), vus=50)
    figure = clients_carried([first, silent, third])
    assert (figure.value, figure.at_least) == (10, False)
