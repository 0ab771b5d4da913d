"""Scenarios over drawn calls."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from perf_core.adapter import Journey, Pools, Scenario, Step, ThinkTime, Wire
from perf_core.scenarios import STANDARD, further_scenarios, standard_scenarios, with_pools_by_tool
from perf_core.server.subject import NO_PACE, Pace

_JOURNEYS = 1000
_MOST_CHARACTERS = 5_000_000
"""Arguments and expected answers of all journeys; k6 keeps them in memory."""

SCENARIOS = (*STANDARD, "concurrent", "memory", "tools", "cleanup", "stability")
"""Scenarios that need nothing but calls; the others need sizes, limits or processes that may be killed."""


def scenarios_of(steps: Sequence[Step], pace: Pace = NO_PACE) -> Mapping[str, Scenario]:
    """Return the scenarios over calls, by name, with the default targets of their shapes.

    Args:
        pace: Pauses of the users, and the longest time that an answer may take.
    """

    def journeys(seed: int) -> Pools:
        return with_pools_by_tool(_mixed(steps, seed, pace.think_time))

    further = dict.fromkeys(SCENARIOS[len(STANDARD) :], journeys)
    scenarios = {**standard_scenarios(journeys), **further_scenarios(further)}
    longest_s = pace.request_timeout_s
    if longest_s is None:
        return scenarios
    return {name: replace(each, request_timeout_s=longest_s) for name, each in scenarios.items()}


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


def _mixed(steps: Sequence[Step], seed: int, think_time: ThinkTime | None) -> list[Journey]:
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
        mix += [Journey(step.tool, (step,), think_time=think_time) for step in (shuffled * rounds)[:rounds]]
    rng.shuffle(mix)
    return mix


def _mean_characters(calls: Sequence[Step]) -> float:
    return sum(len(json.dumps([dict(s.arguments), s.expect.value])) for s in calls) / len(calls)
