"""From k6's summary and the log of CPU time to the figures of each slice; pure functions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.comparison import MOST_ERRORS, SliceFigures
from perf_core.cpu_log import CpuReading
from perf_core.measurements import Summary
from perf_core.slices import Slice

_SETTLING_S = 0.1
"""After the last slice the servers rest at least so long (see k6/lib/turns.js)."""


@dataclass(frozen=True)
class _Time:
    """When a slice really was, seconds since the epoch; ``users`` is how many took part."""

    began_s: float
    ended_s: float
    mean_s: float
    users: int


def figures_of(
    schedule: Sequence[Slice], summary: Summary, readings: Sequence[CpuReading], vus: int
) -> tuple[SliceFigures, ...]:
    """Return the figures of all slices but the warm-ups.

    Between two slices both servers rest. What a slice cost is the difference between the last reading
    before it and the last one before the next slice, so that work done after the answer counts too.

    Args:
        schedule: The slices in order of time.
        summary: What k6 wrote.
        readings: CPU time over the whole launch.
        vus: Virtual users that should have taken part.
    """
    times = [_time(summary, each.name) for each in schedule]
    rests = [
        *(t.began_s if t else None for t in times[1:]),
        times[-1].ended_s + _SETTLING_S if times[-1] else None,
    ]
    at_s = [reading.at_s for reading in readings]
    figures = []
    for each, before, time, rest_s in zip(schedule, [None, *times], times, rests, strict=False):
        if each.pair == 0:
            continue
        if time is None:
            figures.append(
                _faulty(each, "it never began: the slice before it took its time, or the load ended")
            )
            continue
        quiet_s = before.ended_s if before else 0.0
        cpu_s = _cpu_between(readings, at_s, each, (quiet_s, time.began_s), (time.ended_s, rest_s))
        fault = _fault(each, summary, time, vus, rest_s)
        figures.append(_slice(each, summary, time, cpu_s, fault))
    return tuple(figures)


def _time(summary: Summary, name: str) -> _Time | None:
    entered = summary.values("mcp_slice_entered_ms", stage=name)
    left = summary.values("mcp_slice_left_ms", stage=name)
    if not entered.get("count") or not left.get("count"):
        return None
    mean_s = (left["avg"] - entered["avg"]) / 1000
    return _Time(entered["min"] / 1000, left["max"] / 1000, mean_s, int(left["count"]))


def _faulty(each: Slice, fault: str) -> SliceFigures:
    return SliceFigures(each.name, each.side, each.pair, 0, 0, 0.0, {}, fault)


def _cpu_between(
    readings: Sequence[CpuReading],
    at_s: Sequence[float],
    each: Slice,
    before: tuple[float, float],
    after: tuple[float, float | None],
) -> float | None:
    """Return the CPU seconds between the last reading of one rest and that of the next; None without."""
    used = []
    for quiet_s, busy_s in (before, after):
        index = bisect_right(at_s, busy_s if busy_s is not None else float("inf")) - 1
        if index < 0 or at_s[index] < quiet_s or each.side not in readings[index].cpu_s:
            return None
        used.append(readings[index].cpu_s[each.side])
    return used[1] - used[0]


def _fault(each: Slice, summary: Summary, time: _Time, vus: int, rest_s: float | None) -> str:
    """Return why a slice does not count, or nothing."""
    calls = summary.count("mcp_tool_call_duration_ms", stage=each.name)
    errors = summary.count("mcp_errors", stage=each.name)
    if calls == 0:
        return f"no call came back ({errors} failed)"
    if errors > MOST_ERRORS * calls:
        return f"{errors} of {calls} calls failed"
    if time.users < vus:
        return f"{time.users} of {vus} users took part"
    if rest_s is not None and rest_s < time.ended_s:
        return "its last answer came after the next slice had begun; longer slices help"
    return ""


def _slice(each: Slice, summary: Summary, time: _Time, cpu_s: float | None, fault: str) -> SliceFigures:
    latency = summary.latency("mcp_tool_call_duration_ms", stage=each.name)
    errors = summary.count("mcp_errors", stage=each.name)
    figures = {}
    if latency.count and time.mean_s > 0:
        figures = {
            "latency_ms.med": latency.med,
            "latency_ms.p95": latency.p95,
            "latency_ms.p99": latency.p99,
            "tool_calls_per_s": max(0, latency.count - errors) / time.mean_s,
        }
        if cpu_s is not None:
            figures["cpu_us_per_call"] = cpu_s / latency.count * 1e6
    return SliceFigures(
        each.name, each.side, each.pair, latency.count, errors, round(time.mean_s, 4), figures, fault
    )
