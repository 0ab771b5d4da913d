"""Scenarios over the load shapes, with an adapter's journeys and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core import Expectation, Journey, Launch, Limits, Step, Target
from perf_core.adapter import Pools
from perf_core.errors import UsageError
from perf_core.scenarios import NO_ERRORS, further_scenarios, standard_scenarios, with_pools_by_tool
from perf_core.shapes.registry import all_shapes

if TYPE_CHECKING:
    from conftest import Build


def draw(seed: int) -> Pools:
    return {"mix": [Journey(f"journey {seed}", (Step("add", {"a": seed}, Expectation.anything()),))]}


def test_standard_scenarios_share_the_journeys() -> None:
    scenarios = standard_scenarios(draw)
    assert list(scenarios) == ["quick", "load", "stress", "endurance", "spike", "benchmark"]
    for name, scenario in scenarios.items():
        assert (scenario.name, scenario.shape) == (name, name)
        assert scenario.summary == all_shapes()[name].summary
        assert scenario.journeys(7) == draw(7)


def test_only_quick_measures_both_wires_by_default() -> None:
    wires = {name: scenario.wires for name, scenario in standard_scenarios(draw).items()}
    assert wires.pop("quick") == ("session", "stateless")
    assert set(wires.values()) == {("session",)}


def test_targets_replace_the_error_rate_of_standard_scenarios() -> None:
    target = Target("latency_ms.all.p95", "<", 100, need="People wait.")
    scenarios = standard_scenarios(draw, {"load": [target], "spike": []})
    assert scenarios["load"].targets == (target,)
    assert scenarios["spike"].targets == ()
    assert scenarios["quick"].targets == (NO_ERRORS,)
    assert (NO_ERRORS.figure, NO_ERRORS.comparison, NO_ERRORS.target) == ("error_rate", "<", 0.001)


def test_targets_of_an_unknown_standard_scenario_are_refused() -> None:
    with pytest.raises(UsageError, match=r"expected names of scenarios \(quick, load.*\), got laod"):
        standard_scenarios(draw, {"laod": [NO_ERRORS]})


def test_pools_by_tool_hold_the_journeys_that_begin_with_the_tool(build: type[Build]) -> None:
    add = build.journey(1, 2)
    total = Journey("total", (Step("total", {}, Expectation.anything()), *add.steps))
    pools = with_pools_by_tool([add, total, add])
    assert pools == {"mix": [add, total, add], "add": [add, add], "total": [total]}


def test_tool_with_which_no_journey_begins_has_the_journeys_that_call_it(build: type[Build]) -> None:
    any_answer = Expectation.anything()
    visit = Journey("visit", tuple(Step(tool, {}, any_answer) for tool in ("open", "add", "close", "close")))
    pools = with_pools_by_tool([build.journey(), visit])
    assert pools == {
        "mix": [build.journey(), visit],
        "add": [build.journey()],
        "open": [visit],
        "close": [visit],
    }
    # The shape needs a pool for each tool.
    assert build.plan("benchmark", pools).tools == ("add", "close", "open")


@pytest.mark.parametrize("tool", ["mix", "mixed", "protocol"])
def test_tool_that_is_named_like_another_pool_has_one_of_its_own(tool: str, build: type[Build]) -> None:
    own = Journey(tool, (Step(tool, {}, Expectation.anything()),))
    pools = with_pools_by_tool([build.journey(), own])
    assert pools == {"mix": [build.journey(), own], "add": [build.journey()], f"{tool} alone": [own]}
    assert build.plan("benchmark", pools).tools == ("add", tool)


@pytest.mark.parametrize("tool", ["all", "initialize"])
def test_tool_that_is_named_like_a_figure_of_the_run_is_refused(tool: str, build: type[Build]) -> None:
    pools = with_pools_by_tool([Journey(tool, (Step(tool, {}, Expectation.anything()),))])
    with pytest.raises(UsageError, match=f"expected another name for a tool in figures, got '{tool}'"):
        build.plan("quick", pools)


def test_further_scenarios_are_those_with_journeys() -> None:
    names = ["memory", "rate-limit", "recovery", "cleanup"]
    scenarios = further_scenarios(
        dict.fromkeys(names, draw),
        launches={"rate-limit": Launch(("limited",))},
        limits=Limits(2.0, 20),
        kill_pattern="worker",
        gauges={"scores": "music_scores"},
        request_timeout_s=90.0,
    )
    assert list(scenarios) == names
    for name, scenario in scenarios.items():
        assert (scenario.name, scenario.shape) == (name, name)
        assert scenario.request_timeout_s == 90
        assert scenario.targets == all_shapes()[name].targets
    assert scenarios["rate-limit"].launch == Launch(("limited",))
    assert scenarios["rate-limit"].limits == Limits(2.0, 20)
    assert scenarios["memory"].launch is scenarios["memory"].limits is None
    assert (scenarios["recovery"].kill_pattern, scenarios["memory"].kill_pattern) == ("worker", "")
    assert (scenarios["cleanup"].gauges, scenarios["memory"].gauges) == ({"scores": "music_scores"}, {})


def test_published_levels_of_further_scenarios() -> None:
    levels = {
        (name, target.figure): (target.comparison, target.target)
        for name, shape in all_shapes().items()
        for target in shape.targets
    }
    assert levels["concurrent", "success_percent"] == (">", 90)
    assert levels["memory", "server.rss_growth_mb_per_5_min"] == ("<", 100)
    assert levels["rate-limit", "rate_limit.rate_off_by_percent"] == ("<", 5)
    assert levels["stability", "success_percent"] == (">", 99)
    assert levels["recovery", "recovery.slowest_s"] == ("<", 60)
    assert levels["cleanup", "cleanup.fds"] == ("<", 1)


def test_additional_target_replaces_the_one_for_the_same_figure() -> None:
    stricter = Target("recovery.slowest_s", "<", 2, need="It is hardly noticed.")
    targets = further_scenarios({"recovery": draw}, {"recovery": [stricter]})["recovery"].targets
    assert [each for each in targets if each.figure == "recovery.slowest_s"] == [stricter]
    assert len(targets) == len(all_shapes()["recovery"].targets)


def test_unknown_further_scenario_is_refused() -> None:
    for arguments in (
        {"journeys": {"memroy": draw}},
        {"journeys": {}, "targets": {"memroy": [NO_ERRORS]}},
        {"journeys": {}, "launches": {"memroy": Launch(("x",))}},
    ):
        with pytest.raises(UsageError, match="got memroy"):
            further_scenarios(**arguments)  # type: ignore[arg-type]
