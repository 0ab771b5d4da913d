"""Success and latency by number of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core.shapes import concurrent

if TYPE_CHECKING:
    from conftest import Build


def test_each_level_has_a_finding_with_grades(build: type[Build]) -> None:
    stages = [
        build.stage("ramp_10", 0, 5),
        build.stage("hold_10", 5, 10, p95=400),
        build.stage("hold_200", 10, 15, p95=3000, error_rate=0.08),
    ]
    kinds = {"all": {"known": build.latency(10.0), "unseen": build.latency(90.0)}}
    found = concurrent.find(build.evidence(stages, metrics=build.metrics(kinds_ms=kinds)))
    ten, many = (build.finding(found, f"{clients} clients").text for clients in (10, 200))
    assert "100.00 % of 1,000 calls succeeded (excellent), p95 400 ms (excellent)" in ten
    assert "92.00 % of 1,000 calls succeeded (acceptable), p95 3,000 ms (acceptable)" in many
    assert "unseen: 1,000 answers, median 45 ms, p95 90 ms" in build.finding(found, "By kind of content").text
    assert found.figures["concurrent.worst_level_percent"].value == pytest.approx(92.0)


@pytest.mark.parametrize(
    ("errors", "timed", "sure"),
    [({"is_error": 80}, False, 92.0), ({"is_error": 60, "timeout": 20}, True, 94.0)],
)
def test_timed_errors_of_the_worst_level_are_known_apart(
    build: type[Build], errors: dict[str, int], timed: bool, sure: float
) -> None:
    metrics = build.metrics(errors=errors)
    found = concurrent.find(build.evidence([build.stage("hold_10", error_rate=0.08)], metrics=metrics))
    figure = found.figures["concurrent.worst_level_percent"]
    assert (figure.timed, figure.sure) == (timed, pytest.approx(sure))


def test_worst_level_is_absent_when_the_run_ended_in_the_first_ramp(build: type[Build]) -> None:
    found = concurrent.find(build.evidence([build.stage("ramp_10")]))
    assert "before the first level" in found.figures["concurrent.worst_level_percent"].absent


def test_level_without_a_call_is_the_worst(build: type[Build]) -> None:
    stages = [build.stage("hold_10"), build.stage("hold_50", 10, 20, calls=0)]
    found = concurrent.find(build.evidence(stages))
    figure = found.figures["concurrent.worst_level_percent"]
    assert (figure.value, figure.samples) == (0.0, 1)
    assert "No call in 10 s" in build.finding(found, "50 clients").text


def test_kinds_are_compared_only_when_there_are_several(build: type[Build]) -> None:
    kinds = {"all": {"known": build.latency(10.0)}}
    metrics = build.metrics(kinds_ms=kinds)
    found = concurrent.find(build.evidence([build.stage("hold_10")], metrics=metrics))
    assert [each.title for each in found.findings] == ["10 clients"]
