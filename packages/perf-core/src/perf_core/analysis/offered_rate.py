"""Whether the server kept up with an arrival rate; pure functions.

In an open model the calls of a server that is too slow queue, and each is answered in the end: no call fails
and none is dropped while there are enough virtual users. Only the calls that ended per second tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf_core.adapter import Pools
from perf_core.results.record import Stage

SHORTEST_S = 3.0
"""Shortest stage that is judged: in its second half, arrivals and answers must have had time to balance."""

BEHIND_SHARE = 0.1
"""Share of the offered calls that may be missing. Healthy servers had up to 0.5 %; a stall of one second
just before the end of a stage of 30 s explains 7 %."""

FEWEST_CALLS = 20
"""Calls that must be missing: at low rates, a single long one is no queue."""


def rates_not_reached(stages: Sequence[Stage], columns: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Return a sentence for each stage in whose second half fewer calls ended than were offered.

    Args:
        stages: Stages of one call per iteration.
        columns: Columns ``t_s`` and ``calls_per_s`` of ``record.Series.load``.
    """
    return [sentence for stage in stages if (sentence := _behind(stage, columns))]


def _behind(stage: Stage, columns: Mapping[str, Sequence[float | None]]) -> str:
    length_s = stage.end_s - stage.start_s
    if stage.kind == "ramp" or not stage.rate_per_s or length_s < SHORTEST_S:
        return ""
    ended, span_s, before_s = 0.0, 0.0, 0.0
    for t_s, per_s in zip(columns["t_s"], columns["calls_per_s"], strict=True):
        if t_s is None:
            continue
        if stage.start_s + length_s / 2 <= before_s and t_s <= stage.end_s:
            ended += (per_s or 0.0) * (t_s - before_s)
            span_s += t_s - before_s
        before_s = t_s
    missing = stage.rate_per_s * span_s - ended
    if missing <= max(BEHIND_SHARE * stage.rate_per_s * span_s, FEWEST_CALLS):
        return ""
    return (
        f"{stage.name}: expected {stage.rate_per_s:g} calls/s as offered, got {ended / span_s:.4g}: "
        "the server fell behind"
    )


def has_single_calls(pools: Pools) -> bool:
    """Return whether each iteration is one call, so that the rate of iterations is that of calls."""
    return all(len(journey.steps) == 1 for pool in pools.values() for journey in pool)
