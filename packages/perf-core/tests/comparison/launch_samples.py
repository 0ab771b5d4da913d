"""Launches of two servers whose figures are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perf_core.comparison.model import Bars, Design, Launch, MetricComparison, SliceFigures
from perf_core.comparison.statistics import Conclusion

DESIGN = Design(
    scenario="quick",
    wires={"a": "session", "b": "session"},
    vus=4,
    seed=1,
    launches=4,
    pairs_per_launch=6,
    slice_s=1.0,
    turn_s=0.02,
    pinned=True,
    looks=(4,),
    bars=Bars(),
)

SIX = replace(DESIGN, launches=6, looks=(6,))


def a_slice(pair: int, side: str, cost: float, fault: str = "", **changes: float) -> SliceFigures:
    """Return a slice whose figures all follow from the cost of a call."""
    figures = {
        "cpu_us_per_call": 1000 * cost,
        "latency_ms.med": 4 * cost,
        "latency_ms.p95": 6 * cost,
        "tool_calls_per_s": 1000 / cost,
        **changes,
    }
    return SliceFigures(f"pair_{pair}_{side}", side, pair, 1000, 0, 1.0, figures, fault)  # type: ignore[arg-type]


def launches(
    ratio: float,
    count: int = 4,
    noise: float = 0.01,
    *,
    rss: float = 1.0,
    slowest: float = 1.0,
    p99: Sequence[float] = (),
    longest: Sequence[float] = (1.0,),
) -> list[Launch]:
    """Return launches in which b costs `ratio` times as much as a.

    `slowest` is the ratio of the slowest calls and the p99 of b to those of a, `longest` has those of the
    maxima, in turn, and so has `p99` if they differ.
    """
    draw = np.random.default_rng(3)
    result = []
    for number in range(count):
        speeds = np.exp(draw.normal(0, 0.1, 6))
        slices = [
            each
            for pair, speed in enumerate(speeds, 1)
            for each in (
                a_slice(pair, "a", speed),
                a_slice(pair, "b", speed * ratio * math.exp(draw.normal(0, noise))),
            )
        ]
        once = {
            "a": {
                "rss_mb": 100.0,
                "ready_s": 2.0,
                "latency_ms.slowest_2_percent": 12.0,
                "latency_ms.p99": 10.0,
                "latency_ms.max": 30.0,
            },
            "b": {
                "rss_mb": 100.0 * rss,
                "ready_s": 1.0,
                "latency_ms.slowest_2_percent": 12 * slowest * math.exp(draw.normal(0, noise)),
                "latency_ms.p99": 10
                * (p99[number % len(p99)] if p99 else slowest)
                * math.exp(draw.normal(0, noise)),
                "latency_ms.max": 30 * longest[number % len(longest)] * math.exp(draw.normal(0, noise)),
            },
        }
        result.append(Launch(tuple(slices), once))  # type: ignore[arg-type]
    return result


def failing(sound: Sequence[Launch], side: str, counts: Sequence[int], calls: int = 1000) -> list[Launch]:
    """Return the launches with failed calls in each slice of a side; the counts repeat over slices."""
    number = 0
    changed = []
    for launch in sound:
        slices = []
        for each in launch.slices:
            errors = each.errors
            if each.side == side:
                errors = counts[number % len(counts)]
                number += 1
            classes = {"wrong_answer": errors} if errors else {}
            slices.append(replace(each, calls=calls, errors=errors, errors_by_class=classes))
        changed.append(replace(launch, slices=tuple(slices)))
    return changed


def rows(conclusion: Conclusion) -> dict[str, MetricComparison]:
    return {m.name: m for m in conclusion.metrics}
