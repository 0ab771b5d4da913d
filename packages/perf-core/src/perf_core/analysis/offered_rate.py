"""Whether the server kept up with an arrival rate; pure functions.

In an open model the calls of a server that is too slow queue, and each is answered in the end: no call fails
and none is dropped while there are enough virtual users. Two signs together tell of a queue that grows: fewer
calls end than are offered, and calls take ever longer. Each alone does not: with a long but constant latency
the first answers are merely late.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from perf_core.adapter import Pools
from perf_core.results.record import Stage

SHORTEST_S = 3.0
"""Shortest stage that is judged: in its second half, arrivals and answers must have had time to balance."""

BEHIND_SHARE = 0.1
"""Share of the offered calls that may be missing. Healthy servers had up to 0.5 %; a stall of one second
just before the end of a stage of 30 s explains 7 %."""

BEHIND_SPREAD = 2.0
"""Missing calls that chance explains, as a multiple of the square root of the offered ones."""

LONGER = 1.3
"""Factor by which the median latency of the second half exceeds that of the first one when a queue grows."""


def rates_not_reached(stages: Sequence[Stage], columns: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Return a sentence for each stage during which calls piled up.

    Args:
        stages: Stages of one call per iteration.
        columns: Columns ``t_s``, ``calls_per_s`` and ``latency_med_ms`` of ``record.Series.load``.
    """
    return [sentence for stage in stages if (sentence := _behind(stage, columns))]


def _behind(stage: Stage, columns: Mapping[str, Sequence[float | None]]) -> str:
    length_s = stage.end_s - stage.start_s
    if stage.kind == "ramp" or not stage.rate_per_s or length_s < SHORTEST_S:
        return ""
    middle_s = stage.start_s + length_s / 2
    ended, span_s, before_s = 0.0, 0.0, 0.0
    latencies_ms: tuple[list[float], list[float]] = ([], [])
    rows = zip(columns["t_s"], columns["calls_per_s"], columns["latency_med_ms"], strict=True)
    for t_s, per_s, latency_ms in rows:
        if t_s is None:
            continue
        if before_s >= stage.start_s and t_s <= stage.end_s:
            is_second = before_s >= middle_s
            if latency_ms is not None:
                latencies_ms[is_second].append(latency_ms)
            if is_second:
                ended += (per_s or 0.0) * (t_s - before_s)
                span_s += t_s - before_s
        before_s = t_s
    offered = stage.rate_per_s * span_s
    if offered - ended <= max(BEHIND_SHARE * offered, BEHIND_SPREAD * math.sqrt(offered)):
        return ""
    if not all(latencies_ms) or median(latencies_ms[1]) <= LONGER * median(latencies_ms[0]):
        return ""
    return (
        f"{stage.name}: expected {stage.rate_per_s:g} calls/s as offered, got {ended / span_s:.4g}: "
        "the server fell behind"
    )


def has_single_calls(pools: Pools) -> bool:
    """Return whether each iteration is one call, so that the rate of iterations is that of calls."""
    return all(len(journey.steps) == 1 for pool in pools.values() for journey in pool)
