"""Choice of the journeys that the probe follows; pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from perf_core.adapter import Journey, Pools

MOST_IDLE_CALLS = 20
"""Calls before the load."""

_VARIANTS = 10
"""Journeys with the same tools among which the probe takes turns."""

Group = tuple[Journey, ...]
"""Journeys that call the same tools, with different arguments."""

_ERRORS = frozenset({"error", "rpc_error"})


def groups_of(pools: Pools) -> tuple[Group, ...]:
    """Return journeys that together call as many tools as possible, in groups with the same tools.

    Journeys that expect an error have nothing to stream.
    """
    by_tools: dict[tuple[str, ...], list[Journey]] = defaultdict(list)
    for journey in pools.get("mix", ()):
        variants = by_tools[tuple(step.tool for step in journey.steps)]
        is_right = all(step.expect.kind not in _ERRORS for step in journey.steps)
        if is_right and len(variants) < _VARIANTS:
            variants.append(journey)
    chosen: list[Group] = []
    tools: set[str] = set()
    calls = 0
    # The shortest first: each tool is called by the journey that needs the fewest other calls for it.
    for names, variants in sorted(by_tools.items(), key=lambda item: len(item[0])):
        if variants and not tools.issuperset(names) and calls + len(names) <= MOST_IDLE_CALLS:
            chosen.append(tuple(variants))
            tools |= set(names)
            calls += len(names)
    return tuple(chosen)


def streaming_groups(groups: Sequence[Group], tools: set[str]) -> tuple[Group, ...]:
    """Return the groups whose journeys call at least one of these tools."""
    return tuple(group for group in groups if any(step.tool in tools for step in group[0].steps))
