"""Stages at arrival rates that a plan states itself."""

from __future__ import annotations

from dataclasses import replace

from perf_core import Expectation, Journey, Scenario, Step
from perf_core.load.paced import PacedStage, paced
from perf_core.load.plan import PlanNeeds, Settings, make_plan
from perf_core.load.plan_document import to_document


def test_plan_document_has_the_stages_in_place_of_those_of_the_shape() -> None:
    journey = Journey("add", (Step("add", {}, Expectation.anything()),))
    scenario = Scenario("quick", "quick", "Does it work?", lambda _seed: {"mix": [journey]})
    plan = make_plan(scenario, "session", Settings(), PlanNeeds())
    assert "paced" not in to_document(plan, "run")
    stages = [PacedStage("ramp", "ramp", 2.5, 1.0), PacedStage("hold", "hold", 2.5, 10.0)]
    own = replace(plan, paced=paced(stages, vus=3, most_vus=9))
    assert to_document(own, "run")["paced"] == {
        "vus": 3,
        "most_vus": 9,
        "stages": [["ramp", "ramp", 2.5, 1.0], ["hold", "hold", 2.5, 10.0]],
    }
