"""Scenarios over the load shapes for any server: an adapter adds journeys and targets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from perf_core.adapter import Journey, Launch, Limits, Pools, Scenario, Target, pool_of
from perf_core.errors import UsageError
from perf_core.shapes.registry import all_shapes
from perf_core.shapes.shape import MOST_SUCCEED, NO_ERRORS, NO_LEAKS_IN_HOURS, NO_LEAKS_IN_MINUTES

__all__ = [
    "MOST_SUCCEED",
    "NO_ERRORS",
    "NO_LEAKS_IN_HOURS",
    "NO_LEAKS_IN_MINUTES",
    "STANDARD",
    "further_scenarios",
    "standard_scenarios",
    "with_pools_by_tool",
]

Draw = Callable[[int], Pools]

STANDARD = ("quick", "load", "stress", "endurance", "spike", "benchmark")
"""Names of the scenarios of :func:`standard_scenarios`."""


def standard_scenarios(
    journeys: Draw, targets: Mapping[str, Sequence[Target]] | None = None
) -> dict[str, Scenario]:
    """Return the scenarios quick, load, stress, endurance, spike and benchmark, all over the same journeys.

    Args:
        journeys: Draws the pools from a seed: ``mix``, and for ``benchmark`` one pool per tool (see
            :func:`with_pools_by_tool`).
        targets: Targets by scenario, in place of those of the shape: an error rate below 0.1 %, and for
            ``endurance`` no leaks.

    Raises:
        UsageError: ``targets`` names another scenario.
    """
    replacements = targets or {}
    _check_names(replacements, STANDARD)
    scenarios = further_scenarios(dict.fromkeys(STANDARD, journeys))
    return {
        name: replace(scenario, targets=tuple(replacements.get(name, scenario.targets)))
        for name, scenario in scenarios.items()
    }


def further_scenarios(
    journeys: Mapping[str, Draw],
    targets: Mapping[str, Sequence[Target]] | None = None,
    *,
    launches: Mapping[str, Launch] | None = None,
    limits: Limits | None = None,
    kill_pattern: str = "",
    gauges: Mapping[str, str] | None = None,
    request_timeout_s: float = 30.0,
) -> dict[str, Scenario]:
    """Return a scenario for each load shape that has journeys, such as ``concurrent`` or ``recovery``.

    Args:
        journeys: Draws the pools of a scenario from a seed, by scenario.
        targets: Additional targets by scenario; one for the same figure replaces the shape's own.
        launches: Start of the server by scenario, where it differs from the adapter's ``launch``.
        limits: Rate limits per client of the server that is started for ``rate-limit``.
        kill_pattern: Text in the command lines of the processes that ``recovery`` may kill.
        gauges: Gauges of ``/metrics`` that must return to their values after ``cleanup``: name of the gauge,
            by what it counts.
        request_timeout_s: Longest time that an answer may take.

    Raises:
        UsageError: An argument names a scenario that does not exist.
    """
    shapes = all_shapes()
    additional, starts = targets or {}, launches or {}
    for by_scenario in (journeys, additional, starts):
        _check_names(by_scenario, shapes)
    return {
        name: Scenario(
            name=name,
            shape=name,
            summary=shapes[name].summary,
            journeys=draw,
            targets=_merged(shapes[name].targets, additional.get(name, ())),
            wires=shapes[name].wires,
            launch=starts.get(name),
            limits=limits if shapes[name].plan.limits else None,
            kill_pattern=kill_pattern if shapes[name].kills_processes else "",
            gauges=dict(gauges or {}) if shapes[name].resource_snapshots else {},
            request_timeout_s=request_timeout_s,
        )
        for name, draw in journeys.items()
    }


def _merged(targets: Sequence[Target], additional: Sequence[Target]) -> tuple[Target, ...]:
    replaced = {target.figure for target in additional}
    return (*(target for target in targets if target.figure not in replaced), *additional)


def _check_names(by_scenario: Mapping[str, object], names: Collection[str]) -> None:
    unknown = sorted(set(by_scenario) - set(names))
    if unknown:
        # Silently ignored, a misspelt target would never be missed.
        raise UsageError(
            f"expected names of scenarios ({', '.join(names)}), got {', '.join(unknown)}",
            "Correct the name in the adapter.",
        )


def with_pools_by_tool(mix: Sequence[Journey]) -> Pools:
    """Return the pool ``mix`` and one pool per tool, with the journeys whose first call is to that tool.

    A tool with which no journey begins gets the journeys that call it later. A pool has the name of its tool;
    see :func:`perf_core.adapter.pool_of`.
    """
    by_tool: dict[str, list[Journey]] = {}
    for journey in mix:
        by_tool.setdefault(journey.steps[0].tool, []).append(journey)
    beginning = set(by_tool)
    for journey in mix:
        for tool in dict.fromkeys(step.tool for step in journey.steps if step.tool not in beginning):
            by_tool.setdefault(tool, []).append(journey)
    return {"mix": list(mix), **{pool_of(tool): journeys for tool, journeys in by_tool.items()}}
