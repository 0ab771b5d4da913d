"""The six published questions, for any server: an adapter adds journeys and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from perf_core.adapter import WIRES, Journey, Pools, Scenario, Target
from perf_core.errors import UsageError

_SUMMARIES = {
    "quick": "Does it work under a little load, on both wires?",
    "load": "Does it meet its targets at the expected load of 50 and 100 users?",
    "stress": "How many users does it carry, and how does it fail beyond?",
    "endurance": "Does it leak or slow down over two hours at a fixed rate?",
    "spike": "How fast does it recover from sudden jumps to 200 users?",
    "benchmark": "What does each tool cost alone, by kind of argument, and what is protocol?",
}

NO_ERRORS = Target(
    "error_rate",
    "<",
    0.001,
    need="An answer that is wrong or missing breaks its user's work.",
    stretch=0.0005,
)


def standard_scenarios(
    journeys: Callable[[int], Pools], targets: Mapping[str, Sequence[Target]] | None = None
) -> dict[str, Scenario]:
    """Return the published scenarios over one way of drawing journeys.

    Args:
        journeys: Draws the pools from a seed; they need ``mix``, and one pool per tool for
            ``benchmark`` (see :func:`with_pools_by_tool`).
        targets: Targets by scenario; a scenario without an entry wants an error rate below 0.1 %.

    Raises:
        UsageError: There are targets for a scenario that does not exist.
    """
    given = targets or {}
    unknown = sorted(set(given) - set(_SUMMARIES))
    if unknown:
        # They would be left out in silence, and nothing would ever miss them.
        raise UsageError(
            f"targets are given for {', '.join(unknown)}; the scenarios are {', '.join(_SUMMARIES)}",
            "Correct the name in the adapter.",
        )
    return {
        name: Scenario(
            name=name,
            shape=name,
            summary=summary,
            journeys=journeys,
            targets=tuple(given.get(name, (NO_ERRORS,))),
            wires=WIRES if name == "quick" else ("session",),
        )
        for name, summary in _SUMMARIES.items()
    }


def with_pools_by_tool(mix: Sequence[Journey]) -> Pools:
    """Return the pool ``mix`` and one pool per tool, of the journeys that begin with it."""
    pools: dict[str, list[Journey]] = {"mix": list(mix)}
    for journey in mix:
        pools.setdefault(journey.steps[0].tool, []).append(journey)
    return pools
