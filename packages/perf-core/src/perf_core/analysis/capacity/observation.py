"""Observations of one step: calls that broke an objective, growing queues, stalls; pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean, median, stdev

from perf_core.analysis.capacity.model import Broken
from perf_core.analysis.capacity.objectives import ERRORS, Objective

_PERCENTILE = re.compile(r"p\((\d+(?:\.\d+)?)\)")

_BLOCKS = 10
_GROWTH_T = 4.0
"""Mean growth between blocks, in standard errors, from which calls certainly wait ever longer: once in 500
steps by chance, with Student's t of 8 degrees of freedom, even if the latency is a random walk."""

HORIZON_S = 60.0
"""Time within which a growing wait must break the objectives for a step to count as broken."""

_SHORTEST_PERIOD_S = 2.0
"""Stalls that come more often are in every step."""

_IRREGULAR = 0.1
"""Share of a period by which a stall may be off."""

_STALL_FACTOR = 5.0
_SHORTEST_STALL_MS = 50.0


def share_above(values: Mapping[str, float], level_ms: float) -> float:
    """Return the share of samples above a level, from the quantiles of k6's summary; 0 without samples.

    Args:
        values: Values of a trend: ``min``, ``med``, ``max`` and percentiles such as ``p(99)``.
    """
    if not values.get("count"):
        return 0.0
    quantiles = {0.0: values["min"], 50.0: values["med"], 100.0: values["max"]}
    for name, value in values.items():
        if match := _PERCENTILE.fullmatch(name):
            quantiles[float(match[1])] = value
    points = sorted(quantiles.items())
    if level_ms <= points[0][1]:
        return 1.0
    for (below, low), (above, high) in pairwise(points):
        if low < level_ms <= high:
            share = (level_ms - low) / (high - low)
            return 1 - (below + share * (above - below)) / 100
    return 0.0


def broken_by(
    objective: Objective,
    values: Mapping[str, float],
    *,
    calls: int,
    failed: int,
    dropped: int,
) -> Broken:
    """Return how many calls of a step broke an objective.

    Calls that could not begin would have waited longest of all: all users waited for an answer.

    Args:
        values: Values of the latency's trend in k6's summary.
        calls: Calls that began.
        failed: Those that failed.
        dropped: Calls that could not begin.
    """
    if objective.name == ERRORS:
        return Broken(objective.text, calls, failed)
    if objective.budget is None:
        value = values.get(objective.name, 0.0)
        return Broken(objective.text, 1, float(value >= objective.level or dropped > 0))
    samples = values.get("count", 0)
    late = share_above(values, objective.level) * samples
    return Broken(objective.text, samples + dropped, late + dropped)


def grows(t_s: Sequence[float], latency_ms: Sequence[float], limit_ms: float) -> bool:
    """Return whether calls wait ever longer, so that they exceed a limit within :data:`HORIZON_S`.

    Increments between blocks of the step are compared with their own scatter: a queue that grows evenly is
    told from one that merely wanders. Without it, an overload of a few percent would pass, since a queue
    needs longer than a step to become as long as the limit.

    Args:
        t_s: Ends of the periods of the step.
        latency_ms: Median latency of each period.
    """
    if len(t_s) < 2 * _BLOCKS:
        return False
    edges = [round(index * len(t_s) / _BLOCKS) for index in range(_BLOCKS + 1)]
    levels = [median(latency_ms[start:end]) for start, end in pairwise(edges)]
    increments = [after - before for before, after in pairwise(levels)]
    growth_ms = mean(increments)
    # Clocks and schedulers scatter as well: a growth of less than a hundredth of the latency is none.
    scatter_ms = max(stdev(increments), 0.01 * mean(levels))
    if growth_ms * (_BLOCKS - 1) ** 0.5 < _GROWTH_T * scatter_ms:
        return False
    block_s = (t_s[-1] - t_s[0]) / (_BLOCKS - 1)
    return levels[-1] + growth_ms / block_s * HORIZON_S > limit_ms


def stalls(t_s: Sequence[float], longest_ms: Sequence[float | None]) -> tuple[float, ...]:
    """Return when the server stood still for a moment: the starts of spells with far longer waits than usual.

    Args:
        t_s: Ends of the periods.
        longest_ms: Longest latency of each period; None where no call ended.
    """
    waits_ms = [value for value in longest_ms if value is not None]
    if len(waits_ms) < _BLOCKS:
        return ()
    limit_ms = max(_SHORTEST_STALL_MS, _STALL_FACTOR * median(waits_ms))
    starts: list[float] = []
    was_long = False
    for end_s, value in zip(t_s, longest_ms, strict=True):
        # At a low rate there are periods in which no call is due.
        is_long = was_long if value is None else value > limit_ms
        if is_long and not was_long:
            starts.append(float(end_s))
        was_long = is_long
    return tuple(starts)


def stall_every_s(starts_s: Sequence[float]) -> float | None:
    """Return the time between stalls that come regularly; None if there are fewer than three or none is
    regular.

    Gaps may be several times as long: between steps nobody looks.
    """
    gaps = sorted(after - before for before, after in pairwise(sorted(starts_s)))
    if len(gaps) < 2:
        return None
    shortest = gaps[0]
    if shortest < _SHORTEST_PERIOD_S:
        return None
    # The shortest gap alone would be as wrong as the two stalls beside it were noticed late or early.
    every_s = median([gap / round(gap / shortest) for gap in gaps])
    off = [abs(gap / every_s - round(gap / every_s)) for gap in gaps]
    regular = sum(each <= _IRREGULAR for each in off)
    return every_s if regular >= 0.8 * len(gaps) else None
