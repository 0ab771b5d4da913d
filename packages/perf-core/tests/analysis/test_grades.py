"""Grades by the published table: beside the targets, and never of what was not measured."""

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
        # Requirements as published: success rates are reached, the others are stayed below.
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
def test_levels_as_published(scale, value: float, expected: str) -> None:
    assert grade(scale, value) == expected


def graded(name: str, figure: Figure | None):
    found = {each.figure: each for each in grades({} if figure is None else {name: figure})}
    return found[name]


def test_what_was_not_measured_or_too_little_is_not_graded() -> None:
    name = "server.rss_growth_mb_per_5_min"
    for figure, reason in (
        (None, "not measured"),
        (Figure(None, 0, 300.0), "no samples"),
        (Figure(None, 0, 300.0, absent="the server's process cannot be seen"), "cannot be seen"),
        (Figure(1.0, 1, 60.0), "needs 120 s of load, 60.0 s were observed"),
    ):
        given = graded(name, figure)
        assert given.grade == "not graded"
        assert reason in given.reason
    assert graded(name, Figure(1.0, 1, 120.0)).grade == "excellent"
    assert "needs 200 samples" in graded("latency_ms.all.p95", Figure(5.0, 199, 10.0)).reason


def test_recovery_that_never_came_is_poor_however_short_it_was_watched() -> None:
    assert graded("recovery.slowest_s", Figure(5.0, 3, 60.0)).grade == "excellent"
    assert graded("recovery.slowest_s", Figure(5.0, 3, 60.0, beyond=True)).grade == "poor"


def levels(build: type[Build], *fates: tuple[int, float, float]) -> list:
    return [
        build.stage(f"hold_{vus}", 10.0 * index, 10.0 * index + 10, p95=p95, error_rate=errors)
        for index, (vus, p95, errors) in enumerate(fates)
    ]


def test_clients_carried_are_those_below_the_first_level_that_failed(build: type[Build]) -> None:
    stages = levels(build, (10, 50, 0), (50, 90, 0.1), (100, 90, 0.11), (200, 60, 0))
    figure = clients_carried(stages)
    assert (figure.value, figure.at_least) == (50, False)
    assert clients_carried(levels(build, (10, 5000, 0))).value == 0
    assert clients_carried([build.stage("ramp_100")]).absent


def test_more_clients_than_were_tried_is_neither_claimed_nor_held_against_a_server(
    build: type[Build],
) -> None:
    few = graded("clients_carried", clients_carried(levels(build, (10, 50, 0))))
    assert (few.grade, few.value) == ("not graded", 10)
    assert few.reason == "all that were tried were carried"
    some = graded("clients_carried", clients_carried(levels(build, (50, 50, 0), (100, 50, 0))))
    assert (some.grade, some.reason) == ("good", "all that were tried were carried")
    all_ = graded("clients_carried", clients_carried(levels(build, (200, 50, 0))))
    assert (all_.grade, all_.reason) == ("excellent", "")
    broke = graded("clients_carried", clients_carried(levels(build, (10, 50, 0), (50, 9000, 0))))
    assert (broke.grade, broke.value) == ("poor", 10)
