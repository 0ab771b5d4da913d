"""Scenarios over drawn calls."""

from __future__ import annotations

from collections import Counter

import pytest

from perf_core import Expectation, ThinkTime
from perf_core.adapter import Step
from perf_core.load.plan import Settings
from perf_core.server.subject import Pace
from perf_core.shapes.registry import plan_scenario
from perf_core.targets.discovery.mix import SCENARIOS, scenarios_of


def step(tool: str, number: int = 0, answer: str = "x") -> Step:
    return Step(tool, {"n": number}, Expectation.text(answer))


def test_every_scenario_that_needs_only_calls_has_a_plan() -> None:
    scenarios = scenarios_of([step("a"), step("b")])
    assert set(scenarios) == set(SCENARIOS)
    for scenario in scenarios.values():
        assert plan_scenario(scenario, "session", Settings()).tools == ("a", "b")
        assert scenario.targets, f"{scenario.name} has the targets of its shape"


def test_tools_are_called_equally_often_and_each_call_occurs() -> None:
    steps = [step("many", number) for number in range(20)] + [step("one")]
    mix = scenarios_of(steps)["load"].journeys(1)["mix"]
    calls = Counter((journey.steps[0].tool, journey.steps[0].arguments["n"]) for journey in mix)
    assert len(calls) == 21
    assert sum(n for (tool, _), n in calls.items() if tool == "many") == calls["one", 0] == len(mix) / 2
    assert len(mix) == 1000


def test_draw_is_the_same_for_the_same_seed() -> None:
    journeys = scenarios_of([step("a", number) for number in range(9)])["load"].journeys
    assert journeys(1) == journeys(1)
    assert journeys(1) != journeys(2)
    assert set(journeys(1)) == {"mix", "a"}


def test_many_tools_are_all_in_the_mix() -> None:
    mix = scenarios_of([step(f"t{number}") for number in range(1500)])["load"].journeys(1)["mix"]
    assert len(mix) == 1500


@pytest.mark.parametrize(("characters", "most"), [(1_000, 1000), (90_000, 60)])
def test_large_answers_make_fewer_journeys(characters: int, most: int) -> None:
    mix = scenarios_of([step("a", answer="x" * characters)])["load"].journeys(1)["mix"]
    assert most * 0.8 <= len(mix) <= most


def test_pauses_and_time_limit_of_a_file_are_those_of_drawn_calls() -> None:
    pause = ThinkTime.constant(2)
    scenarios = scenarios_of([step("a"), step("b")], Pace(5.0, pause))
    assert {each.request_timeout_s for each in scenarios.values()} == {5.0}
    assert {each.think_time for each in scenarios["load"].journeys(1)["mix"]} == {pause}
    usual = scenarios_of([step("a")])["load"]
    assert (usual.request_timeout_s, usual.journeys(1)["mix"][0].think_time) == (30.0, None)
