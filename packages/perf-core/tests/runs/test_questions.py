"""Questions, checked before anything starts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perf_core import Scenario, Target
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.runs.questions import Question, figures_of, prepare, wires_of
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build


def test_named_wire_is_never_optional(build: type[Build]) -> None:
    both = replace(build.scenario("quick"), wires=("session", "stateless"))
    assert wires_of(both, None) == [("session", True), ("stateless", True)]
    assert wires_of(both, "stateless") == [("stateless", False)]
    # The only wire of a scenario may be replaced by the other one.
    assert wires_of(build.scenario("load"), None) == [("session", True)]


def asked(build: type[Build], scenario: Scenario, **settings: object) -> Question:
    subject = Subject(build.adapter({scenario.name: scenario}))
    return prepare(subject, scenario, "session", Settings(**settings))  # type: ignore[arg-type]


def speed(figure: str) -> Target:
    return Target(figure, "<", 100, need="People wait.")


@pytest.mark.k6
def test_stages_of_the_profile_can_be_named(build: type[Build]) -> None:
    question = asked(build, build.scenario("load", targets=(speed("latency_ms.all.p95@hold_100"),)))
    stages = {name.partition("@")[2] for name in figures_of(question.plan, question.preview.sub_metrics)}
    assert stages == {"", "ramp_50", "hold_50", "ramp_100", "hold_100", "ramp_0"}


@pytest.mark.k6
def test_every_problem_of_the_targets_is_told_before_anything_starts(build: type[Build]) -> None:
    targets = (speed("latency_ms.al.p95"), speed("error_rate@hold_10"), speed("stress.knee_vus"))
    with pytest.raises(UsageError) as caught:
        asked(build, build.scenario("load", targets=targets))
    for text in (
        "scenario load of adder cannot be judged: ",
        "expected a figure of load, got 'latency_ms.al.p95'; did you mean 'latency_ms.all.p95'?",
        "got 'error_rate@hold_10'; did you mean 'error_rate@hold_100'?",
        "got 'stress.knee_vus'",
    ):
        assert text in caught.value.message
    assert "perf-core figures" in caught.value.hint


@pytest.mark.k6
def test_stage_that_vus_removed_is_no_mistake(build: type[Build]) -> None:
    published = build.scenario("load", targets=(speed("latency_ms.all.p95@hold_100"),))
    asked(build, published, vus=3)
    scaled = build.scenario("load", targets=(speed("latency_ms.all.p95@hold_3"),))
    asked(build, scaled, vus=3)
    misspelt = build.scenario("load", targets=(speed("latency_ms.all.p95@hold_1000"),))
    with pytest.raises(UsageError, match=r"did you mean 'latency_ms\.all\.p95@hold_100'"):
        asked(build, misspelt, vus=3)


@pytest.mark.k6
def test_recovery_needs_processes_to_kill(build: type[Build]) -> None:
    recovery = build.scenario("recovery")
    with pytest.raises(UsageError, match="expected a kill_pattern in the scenario, got none"):
        asked(build, recovery)
    asked(build, replace(recovery, kill_pattern="worker"))


@pytest.mark.k6
def test_preview_of_many_journeys_is_that_of_one_of_each(build: type[Build]) -> None:
    pools = {"mix": [build.journey(a, 1, kind) for a in range(50) for kind in ("small", "large")]}
    question = asked(build, build.scenario("benchmark", {**pools, "add": pools["mix"]}))
    names = figures_of(question.plan, question.preview.sub_metrics)
    assert "kinds_ms.add.large.p95" in names
    assert "protocol_ms.GET /health.med" in names
    assert len(question.plan.pools["mix"]) == 100


def test_value_that_is_not_json_is_told_before_anything_starts(build: type[Build]) -> None:
    journeys = [build.journey(), build.journey(a=float("nan"))]
    with pytest.raises(UsageError, match="expected JSON values as arguments and answers"):
        asked(build, build.scenario("load", {"mix": journeys}))
