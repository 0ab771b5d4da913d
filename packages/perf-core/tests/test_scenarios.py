"""The published questions over one way of drawing journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core import Expectation, Journey, Step, Target
from perf_core.adapter import Pools
from perf_core.errors import UsageError
from perf_core.generator import shapes
from perf_core.scenarios import NO_ERRORS, standard_scenarios, with_pools_by_tool

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
