"""Launches of more than two servers whose figures are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from launch_samples import SIX, a_slice

from perf_core.comparison.model import Design, Launch
from perf_core.comparison.schedule import sides_of


def design_of(count: int, launches: int = 6) -> Design:
    """Return the design of a comparison of this many servers."""
    wires = dict.fromkeys(sides_of(count), "session")
    return replace(SIX, wires=wires, launches=launches, looks=(launches,))  # type: ignore[arg-type]


def launches_of(
    costs: Sequence[float],
    count: int = 6,
    noise: float = 0.01,
    *,
    seed: int = 3,
    changes: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Launch]:
    """Return launches of servers whose calls have these costs, relative to the same machine.

    `changes` has figures of single servers that replace those of the cost, by side.
    """
    draw = np.random.default_rng(seed)
    sides = sides_of(len(costs))
    result = []
    for _ in range(count):
        # Each server has its own luck in a launch, which its pairs share.
        lucks = dict(zip(sides, np.exp(draw.normal(0, noise, len(sides))), strict=True))
        slices = []
        for pair, speed in enumerate(np.exp(draw.normal(0, 0.1, 6)), 1):
            for side, cost in zip(sides, costs, strict=True):
                own = (changes or {}).get(side, {})
                slices.append(a_slice(pair, side, float(speed * cost * lucks[side]), **own))
        once = {
            side: {
                "rss_mb": 100.0 * cost * math.exp(draw.normal(0, noise)),
                "latency_ms.slowest_2_percent": 12.0 * cost * math.exp(draw.normal(0, noise)),
                "latency_ms.p99": 10.0 * cost * math.exp(draw.normal(0, noise)),
                "latency_ms.max": 30.0 * cost * math.exp(draw.normal(0, noise)),
            }
            for side, cost in zip(sides, costs, strict=True)
        }
        result.append(Launch(tuple(slices), once))
    return result
