"""Drifts in the course of a launch: found, attributed to a side, and rare where there are none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from perf_core.comparison.drift import find_drifts
from perf_core.comparison.model import Bars, Design, Drift, Launch, SliceFigures

DESIGN = Design(
    scenario="quick",
    wires={"a": "session", "b": "session"},
    vus=4,
    seed=1,
    launches=6,
    pairs_per_launch=6,
    slice_s=0.5,
    turn_s=0.02,
    pinned=True,
    looks=(6,),
    bars=Bars(),
)

Cost = Callable[[int], float]
"""Cost of a call by the number of the pair."""


def steady(_pair: int) -> float:
    return 1.0


def launches(a: Cost = steady, b: Cost = steady, noise: float = 0.03, seed: int = 1) -> list[Launch]:
    draw = np.random.default_rng(seed)
    result = []
    for _ in range(6):
        slices = []
        for pair in range(1, 7):
            shared = math.exp(draw.normal(0, 0.1))
            for side, cost in (("a", a(pair)), ("b", b(pair))):
                figures = {
                    "cpu_us_per_call": 1000 * shared * cost * math.exp(draw.normal(0, noise)),
                    "latency_ms.med": 4 * shared * cost * math.exp(draw.normal(0, noise)),
                    "latency_ms.p95": 8 * shared * cost * math.exp(draw.normal(0, noise)),
                    "tool_calls_per_s": 900 / shared / cost * math.exp(draw.normal(0, noise)),
                }
                slices.append(SliceFigures(f"pair_{pair}_{side}", side, pair, 500, 0, 0.5, figures))  # type: ignore[arg-type]
        result.append(Launch(tuple(slices), {"a": {}, "b": {}}))
    return result


def by_metric(found: tuple[Drift, ...]) -> dict[str, Drift]:
    return {drift.metric: drift for drift in found}


@pytest.mark.parametrize("first", [1, 3, 5])
@pytest.mark.parametrize("side", ["a", "b"])
def test_server_that_warms_up_is_found_with_the_length(side: str, first: int) -> None:
    warming = {side: lambda pair: 2.0 if pair <= first else 1.0}
    drifts = by_metric(find_drifts(launches(**warming), DESIGN, "b"))
    assert set(drifts) == {"cpu_us_per_call", "latency_ms.med", "latency_ms.p95", "tool_calls_per_s"}
    for drift in drifts.values():
        assert (drift.side, drift.first_pairs, drift.is_warm_up) == (side, first, True)
        assert 1.5 < drift.low < 2 < drift.high < 2.6


def test_server_that_becomes_slower_is_not_said_to_warm_up() -> None:
    drifts = by_metric(find_drifts(launches(b=lambda pair: 1.0 if pair <= 4 else 1.6), DESIGN, "b"))
    drift = drifts["latency_ms.med"]
    assert (drift.side, drift.first_pairs, drift.is_warm_up) == ("b", 4, False)
    assert drift.low < 1.6 < drift.high


def test_both_servers_that_warm_up_alike_cancel() -> None:
    assert find_drifts(launches(a=lambda pair: 3.0 / pair, b=lambda pair: 3.0 / pair), DESIGN, "b") == ()


def test_drift_within_the_bar_is_none() -> None:
    assert find_drifts(launches(b=lambda pair: 1.02 if pair <= 3 else 1.0, noise=0.002), DESIGN, "b") == ()


def test_single_slow_launch_is_no_drift() -> None:
    slow = launches(b=lambda pair: 3.0 if pair <= 3 else 1.0)[:1] + launches()[1:]
    assert find_drifts(slow, DESIGN, "b") == ()


def test_steady_servers_have_no_drift() -> None:
    remarks = sum(bool(find_drifts(launches(noise=0.1, seed=seed), DESIGN, "b")) for seed in range(200))
    assert remarks <= 2


def test_launches_of_one_pair_have_no_first_part() -> None:
    one = [Launch(launch.slices[:2], launch.figures) for launch in launches()]
    assert find_drifts(one, DESIGN, "b") == ()
