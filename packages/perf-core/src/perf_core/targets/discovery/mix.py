"""Scenarios over drawn calls."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from perf_core.adapter import Journey, Pools, Scenario, Step, Wire
from perf_core.scenarios import STANDARD, further_scenarios, standard_scenarios, with_pools_by_tool

_JOURNEYS = 1000
_MOST_CHARACTERS = 5_000_000
"""Arguments and expected answers of all journeys; k6 keeps them in memory."""

SCENARIOS = (*STANDARD, "concurrent", "memory", "tools", "cleanup", "stability")
"""Scenarios that need nothing but calls; the others need sizes, limits or processes that may be killed."""


def scenarios_of(steps: Sequence[Step]) -> Mapping[str, Scenario]:
    """Return the scenarios over calls, by name, with the default targets of their shapes."""

    def journeys(seed: int) -> Pools:
        return with_pools_by_tool(_mixed(steps, seed))

    further = dict.fromkeys(SCENARIOS[len(STANDARD) :], journeys)
    return {**standard_scenarios(journeys), **further_scenarios(further)}


def on_wires(scenarios: Mapping[str, Scenario], wire: Wire, *, alone: bool) -> Mapping[str, Scenario]:
    """Return scenarios that are measured on the wire on which the calls were drawn.

    Args:
        alone: Whether they are measured on no other one by default: a server on stdio speaks one revision
            with each client, and on the other wire its processes would start during the load.
    """
    return {
        name: replace(scenario, wires=(wire,)) if alone or wire not in scenario.wires else scenario
        for name, scenario in scenarios.items()
    }


def _mixed(steps: Sequence[Step], seed: int) -> list[Journey]:
    """Return journeys of one call each, of all tools equally often and in random order."""
    by_tool: dict[str, list[Step]] = {}
    for step in steps:
        by_tool.setdefault(step.tool, []).append(step)
    most_calls = max(len(calls) for calls in by_tool.values())
    characters = sum(_mean_characters(calls) for calls in by_tool.values())
    rounds = max(1, min(max(-(-_JOURNEYS // len(by_tool)), most_calls), int(_MOST_CHARACTERS / characters)))
    rng = random.Random(seed)  # noqa: S311 - a draw of load, not a secret
    mix = []
    for calls in by_tool.values():
        shuffled = rng.sample(calls, len(calls))
        mix += [Journey(step.tool, (step,)) for step in (shuffled * rounds)[:rounds]]
    rng.shuffle(mix)
    return mix


def _mean_characters(calls: Sequence[Step]) -> float:
    return sum(len(json.dumps([dict(s.arguments), s.expect.value])) for s in calls) / len(calls)
