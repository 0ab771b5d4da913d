"""Journeys of a plan that the probe follows."""

from __future__ import annotations

from perf_core import Expectation, Journey, Step
from perf_core.load.probe.choice import MOST_IDLE_CALLS, groups_of, streaming_groups

OK = Expectation.anything()


def journey(*tools: str, expect: Expectation = OK, **arguments: int) -> Journey:
    return Journey(" ".join(tools), tuple(Step(tool, arguments, expect) for tool in tools))


def tools_of(pools: dict[str, list[Journey]]) -> list[tuple[str, ...]]:
    return [tuple(step.tool for step in group[0].steps) for group in groups_of(pools)]


def test_each_tool_is_called_by_the_shortest_journey_that_has_it() -> None:
    mix = [journey("import", "analyse", "delete"), journey("add"), journey("import", "delete")]
    assert tools_of({"mix": mix}) == [("add",), ("import", "delete"), ("import", "analyse", "delete")]


def test_journeys_with_the_same_tools_are_variants_of_each_other() -> None:
    mix = [journey("add", a=number) for number in range(30)]
    (group,) = groups_of({"mix": mix})
    assert [each.steps[0].arguments["a"] for each in group] == list(range(10))


def test_journeys_without_a_new_tool_are_left_out() -> None:
    assert tools_of({"mix": [journey("add"), journey("add", "add")]}) == [("add",)]


def test_other_pools_and_calls_that_expect_an_error_are_left_out() -> None:
    fails = [journey("fail", expect=Expectation.error()), journey("miss", expect=Expectation.rpc_error())]
    assert tools_of({"mix": [journey("add"), *fails], "slow": [journey("sleep")]}) == [("add",)]


def test_calls_before_the_load_are_limited() -> None:
    mix = [journey(f"tool-{number}") for number in range(500)]
    assert len(groups_of({"mix": mix})) == MOST_IDLE_CALLS


def test_journeys_that_stream_are_those_with_a_tool_that_does() -> None:
    groups = groups_of({"mix": [journey("add"), journey("import", "analyse")]})
    assert streaming_groups(groups, {"analyse"}) == (groups[1],)
    assert streaming_groups(groups, set()) == ()
