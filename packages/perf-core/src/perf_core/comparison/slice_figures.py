"""Figures of each slice, from k6's summary and the log of CPU time; pure functions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perf_core.analysis.k6_summary import CALLS, ERROR_CLASSES, ERRORS, SAMPLELESS_CLASSES, Summary
from perf_core.comparison.cpu_log import CpuReading
from perf_core.comparison.model import MAX, MEAN, P99, SLOWEST, SliceFigures
from perf_core.comparison.schedule import Side, Turn
from perf_core.sampling.pulse import Still

MAX_ERROR_SHARE = 0.1
"""Largest share of failed calls; with more, times are those of errors. Errors themselves always count."""

MIN_P99_CALLS = 300
"""Three calls beyond the p99 of a launch; with fewer, it would be another name for the maximum."""

SLOWEST_PERCENTS = (98, 98.25, 98.5, 98.75, 99, 99.25, 99.5, 99.75, 99.9, 99.95, 99.99)
"""Quantiles of the slowest 2 % of the calls that k6 reports (k6/lib/summary.js)."""

_SETTLING_S = 0.1
"""Shortest rest of the servers after the last slice (see k6/lib/alternation.js)."""

_MIN_TURN_SHARE = 0.5
"""Smallest share of turns taken; with fewer, calls are as long as turns, and servers worked at once."""


@dataclass(frozen=True)
class _Slice:
    """A planned slice."""

    name: str
    side: Side
    pair: int
    turns: int


@dataclass(frozen=True)
class _Time:
    """Actual time of a slice.

    Attributes:
        busy_s: Time that a user spent in the slice, summed over its turns.
        turns: Turns taken, summed over the users.
    """

    began_s: float
    ended_s: float
    busy_s: float
    turns: int


def figures_of(
    schedule: Sequence[Turn],
    summary: Summary,
    readings: Sequence[CpuReading],
    vus: int,
    stills: Sequence[Still] = (),
) -> tuple[SliceFigures, ...]:
    """Return the figures of all slices, pair by pair; the first ones, of pair 0, are the warm-ups.

    All servers rest between two pairs. The CPU time of a slice is the difference between the last reading
    before its pair and the last one before the next pair, so that work done after an answer counts too.

    Args:
        stills: Times in which k6 did nothing. Other work on the machine affects all servers alike; a stop
            strikes the one whose turn it is.
    """
    pairs = sorted({turn.pair for turn in schedule})
    spans = [_span(summary, _planned(schedule, pair)) for pair in pairs]
    at_s = [reading.at_s for reading in readings]
    figures = []
    for index, pair in enumerate(pairs):
        began_s, ended_s = spans[index]
        rested_s = spans[index - 1][1] if index else 0.0
        # After the last pair, sessions are deleted; that work does not belong to a slice.
        settled_s = ended_s + _SETTLING_S
        next_s = next((began for began, _ in spans[index + 1 :] if began < float("inf")), settled_s)
        before = _last(readings, at_s, rested_s, began_s)
        after = _last(readings, at_s, ended_s, next_s)
        for each in _planned(schedule, pair):
            time = _time(summary, each.name, vus)
            cpu_s = None
            if before and after and each.side in before.cpu_s:
                cpu_s = after.cpu_s[each.side] - before.cpu_s[each.side]
            late = next_s < ended_s
            fault = _stood_still(stills, began_s, ended_s) or _fault(each, summary, time, vus, late)
            figures.append(_slice(each, summary, time, cpu_s, fault))
    return tuple(figures)


def tail_figures(summary: Summary, side: Side, slices: Sequence[SliceFigures]) -> dict[str, float]:
    """Return the figures of a launch's slowest calls, over all slices of a server after the warm-up.

    Slices that do not count are part of it: an answer that came after its pair had ended belongs to the tail.
    """
    own = [each for each in slices if each.side == side]
    latency = summary.latency(CALLS, side=side)
    if sum(each.errors for each in own) > MAX_ERROR_SHARE * sum(each.calls for each in own):
        return {}
    if not latency.count:
        return {}
    if latency.count < MIN_P99_CALLS:
        return {MAX: latency.max}
    return {SLOWEST: _mean_of_slowest(summary.values(CALLS, side=side)), P99: latency.p99, MAX: latency.max}


def _mean_of_slowest(values: Mapping[str, float]) -> float:
    """Return the mean of the slowest 2 % of the calls, from their quantiles.

    k6 interpolates quantiles linearly between calls, so the trapezoidal rule gives the sum of the calls with
    half the weight at both ends.

    Where about one call in a hundred is slow, such as those during a garbage collection, the p99 of a launch
    is either slow or not, by chance. The mean follows the share of slow calls smoothly.
    """
    points = [(percent, values[f"p({percent:g})"]) for percent in SLOWEST_PERCENTS]
    points.append((100, values["max"]))
    area = sum((after - before) * (low + high) / 2 for (before, low), (after, high) in pairwise(points))
    steps = values["count"] - 1
    share = (points[-1][0] - points[0][0]) / 100
    return (steps * area / 100 + (points[0][1] + points[-1][1]) / 2) / (steps * share + 1)


def _planned(schedule: Sequence[Turn], pair: int) -> list[_Slice]:
    turns = [turn for turn in schedule if turn.pair == pair]
    sides = sorted({turn.side for turn in turns})
    by_side = {side: [turn for turn in turns if turn.side == side] for side in sides}
    return [_Slice(own[0].slice, side, pair, len(own)) for side, own in by_side.items()]


def _span(summary: Summary, slices: Sequence[_Slice]) -> tuple[float, float]:
    """Return the actual start and end of a pair, both infinite for a pair that never began."""
    names = [each.name for each in slices]
    entered = [
        v["min"] for name in names if (v := summary.values("mcp_slice_entered_ms", stage=name)).get("count")
    ]
    left = [v["max"] for name in names if (v := summary.values("mcp_slice_left_ms", stage=name)).get("count")]
    if not entered or not left:
        return float("inf"), float("inf")
    return min(entered) / 1000, max(left) / 1000


def _time(summary: Summary, name: str, vus: int) -> _Time | None:
    entered = summary.values("mcp_slice_entered_ms", stage=name)
    left = summary.values("mcp_slice_left_ms", stage=name)
    if not entered.get("count") or not left.get("count"):
        return None
    turns = int(left["count"])
    busy_s = (left["avg"] - entered["avg"]) * turns / vus / 1000
    return _Time(entered["min"] / 1000, left["max"] / 1000, busy_s, turns)


def _last(
    readings: Sequence[CpuReading], at_s: Sequence[float], from_s: float, until_s: float
) -> CpuReading | None:
    """Return the last reading of a rest; None without one."""
    index = bisect_right(at_s, until_s) - 1
    return readings[index] if index >= 0 and at_s[index] >= from_s else None


def _fault(each: _Slice, summary: Summary, time: _Time | None, vus: int, late: bool) -> str:
    """Return the reason why a slice does not count, or an empty text."""
    calls, errors = _calls(summary, each.name)
    if time is None:
        return "it never began: the slice before it took too long, or the load ended"
    if not summary.count(CALLS, stage=each.name):
        return f"no call was answered ({errors} failed)"
    if errors > MAX_ERROR_SHARE * calls:
        return f"{errors} of {calls} calls failed"
    if time.turns < _MIN_TURN_SHARE * each.turns * vus:
        return f"its users took {time.turns} of {each.turns * vus} turns; use a longer --slice"
    if late:
        return "its last answer arrived after the next pair had begun; use a longer --slice"
    return ""


def _stood_still(stills: Sequence[Still], began_s: float, ended_s: float) -> str:
    for still in stills:
        if still.start_s < ended_s and still.end_s > began_s:
            return f"k6 stood still for {still.end_s - still.start_s:.1f} s"
    return ""


def _calls(summary: Summary, stage: str) -> tuple[int, int]:
    """Return the number of calls of a slice, and of those that failed."""
    errors = summary.count(ERRORS, stage=stage)
    sampleless = sum(summary.count(ERRORS, **{"class": c}, stage=stage) for c in SAMPLELESS_CLASSES)
    # A session that could not be opened is an error without a call, whatever its class.
    return max(errors, summary.count(CALLS, stage=stage) + sampleless), errors


def _slice(
    each: _Slice, summary: Summary, time: _Time | None, cpu_s: float | None, fault: str
) -> SliceFigures:
    latency = summary.latency(CALLS, stage=each.name)
    calls, errors = _calls(summary, each.name)
    by_class = {c: summary.count(ERRORS, **{"class": c}, stage=each.name) for c in ERROR_CLASSES}
    busy_s = time.busy_s if time else 0.0
    figures = {}
    if latency.count and busy_s > 0:
        figures = {
            "latency_ms.med": latency.med,
            "latency_ms.p95": latency.p95,
            MEAN: latency.avg,
            "tool_calls_per_s": (calls - errors) / busy_s,
        }
        if cpu_s is not None:
            figures["cpu_us_per_call"] = cpu_s / calls * 1e6
    return SliceFigures(
        name=each.name,
        side=each.side,
        pair=each.pair,
        calls=calls,
        errors=errors,
        duration_s=round(busy_s, 4),
        figures=figures,
        fault=fault,
        errors_by_class={name: count for name, count in by_class.items() if count},
    )
