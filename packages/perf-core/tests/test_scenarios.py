"""The published questions over one way of drawing journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core import Expectation, Journey, Launch, Limits, Step, Target
from perf_core.adapter import Pools
from perf_core.errors import UsageError
from perf_core.load.k6_process import shapes
from perf_core.scenarios import (
    FURTHER_TARGETS,
    NO_ERRORS,
    further_scenarios,
    standard_scenarios,
    with_pools_by_tool,
)

if TYPE_CHECKING:
    from conftest import Build


def drawn(seed: int) -> Pools:
    return {"mix": [Journey(f"journey {seed}", (Step("add", {"a": seed}, Expectation.anything()),))]}


def test_each_scenario_has_a_script_that_shapes_it() -> None:
    scenarios = standard_scenarios(drawn)
    assert set(scenarios) == {"quick", "load", "stress", "endurance", "spike", "benchmark"}
    for name, scenario in scenarios.items():
        assert scenario.name == name
        assert scenario.shape in shapes()
        assert scenario.summary.endswith("?")
        assert scenario.journeys(7) == drawn(7)


def test_quick_alone_measures_both_wires_unless_asked() -> None:
    wires = {name: scenario.wires for name, scenario in standard_scenarios(drawn).items()}
    assert wires.pop("quick") == ("session", "stateless")
    assert set(wires.values()) == {("session",)}


def test_targets_go_to_their_scenario_and_the_others_want_no_errors() -> None:
    target = Target("latency_ms.all.p95", "<", 100, need="People wait.")
    scenarios = standard_scenarios(drawn, {"load": [target], "spike": []})
    assert scenarios["load"].targets == (target,)
    assert scenarios["spike"].targets == ()
    assert scenarios["quick"].targets == (NO_ERRORS,)
    assert (NO_ERRORS.figure, NO_ERRORS.comparison, NO_ERRORS.target) == ("error_rate", "<", 0.001)


def test_targets_of_a_scenario_that_does_not_exist_are_refused() -> None:
    # Left out in silence, nothing would ever miss them.
    with pytest.raises(UsageError, match=r"given for laod; the scenarios are .*load"):
        standard_scenarios(drawn, {"laod": [NO_ERRORS]})


def test_pools_by_tool_hold_the_journeys_that_begin_with_it(build: type[Build]) -> None:
    add = build.journey(1, 2)
    total = Journey("total", (Step("total", {}, Expectation.anything()), *add.steps))
    pools = with_pools_by_tool([add, total, add])
    assert pools == {"mix": [add, total, add], "add": [add, add], "total": [total]}


# --- the scenarios of the second guide ---


def test_further_scenarios_are_those_that_have_journeys() -> None:
    names = ["memory", "rate-limit", "recovery", "cleanup"]
    scenarios = further_scenarios(
        dict.fromkeys(names, drawn),
        launches={"rate-limit": Launch(("limited",))},
        limits=Limits(2.0, 20),
        strikes_at="worker",
        gauges={"scores": "music_scores"},
        request_timeout_s=90.0,
    )
    assert set(scenarios) == set(names)
    for name, scenario in scenarios.items():
        assert (scenario.name, scenario.shape) == (name, name)
        assert name in shapes()
        assert scenario.summary.endswith("?")
        assert scenario.request_timeout_s == 90
        assert all(target.need for target in scenario.targets)
    assert scenarios["rate-limit"].launch == Launch(("limited",))
    assert scenarios["rate-limit"].limits == Limits(2.0, 20)
    assert scenarios["memory"].launch is scenarios["memory"].limits is None
    assert (scenarios["recovery"].strikes_at, scenarios["memory"].strikes_at) == ("worker", "")
    assert (scenarios["cleanup"].gauges, scenarios["memory"].gauges) == ({"scores": "music_scores"}, {})


def test_published_levels_of_the_second_guide_stand() -> None:
    levels = {
        (name, target.figure): (target.comparison, target.target)
        for name, targets in FURTHER_TARGETS.items()
        for target in targets
    }
    assert levels["concurrent", "success_percent"] == (">", 90)
    assert levels["memory", "server.rss_growth_mb_per_5_min"] == ("<", 100)
    assert levels["rate-limit", "rate_limit.rate_off_by_percent"] == ("<", 5)
    assert levels["stability", "success_percent"] == (">", 99)
    assert levels["recovery", "recovery.slowest_s"] == ("<", 60)
    assert levels["cleanup", "cleanup.fds"] == ("<", 1)


def test_a_given_target_takes_the_place_of_the_usual_one_for_its_figure() -> None:
    stricter = Target("recovery.slowest_s", "<", 2, need="It is hardly noticed.")
    targets = further_scenarios({"recovery": drawn}, {"recovery": [stricter]})["recovery"].targets
    assert [each for each in targets if each.figure == "recovery.slowest_s"] == [stricter]
    assert len(targets) == len(FURTHER_TARGETS["recovery"])


def test_unknown_further_scenario_is_refused() -> None:
    for given in ({"journeys": {"memroy": drawn}}, {"journeys": {}, "launches": {"memroy": Launch(("x",))}}):
        with pytest.raises(UsageError, match="memroy"):
            further_scenarios(**given)  # type: ignore[arg-type]
