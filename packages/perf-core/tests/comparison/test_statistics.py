"""Metrics and verdicts from launches."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from perf_core.comparison.model import Bars, Design, Launch, SliceFigures
from perf_core.comparison.statistics import conclude, paired

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


def a_slice(pair: int, side: str, cost: float, fault: str = "", **changes: float) -> SliceFigures:
    """Return a slice whose figures all follow from the cost of a call."""
    figures = {
        "cpu_us_per_call": 1000 * cost,
        "latency_ms.med": 4 * cost,
        "latency_ms.p95": 6 * cost,
        "latency_ms.p99": 9 * cost,
        "tool_calls_per_s": 1000 / cost,
        **changes,
    }
    return SliceFigures(f"pair_{pair}_{side}", side, pair, 1000, 0, 1.0, figures, fault)  # type: ignore[arg-type]


def launches(ratio: float, count: int = 4, noise: float = 0.01, rss: float = 1.0) -> list[Launch]:
    draw = np.random.default_rng(3)
    result = []
    for _ in range(count):
        speeds = np.exp(draw.normal(0, 0.1, 6))
        slices = [
            each
            for pair, speed in enumerate(speeds, 1)
            for each in (
                a_slice(pair, "a", speed),
                a_slice(pair, "b", speed * ratio * math.exp(draw.normal(0, noise))),
            )
        ]
        once = {"a": {"rss_mb": 100.0, "ready_s": 2.0}, "b": {"rss_mb": 100.0 * rss, "ready_s": 1.0}}
        result.append(Launch(tuple(slices), once))  # type: ignore[arg-type]
    return result


def test_equal_servers_are_the_same() -> None:
    conclusion = conclude(launches(1.0), DESIGN)
    assert conclusion.verdict == "same"
    assert {m.verdict for m in conclusion.metrics if m.judged} == {"same"}
    assert conclusion.reasons == ("the interval of every judged metric lies within its bars",)


def test_slower_server_is_worse_with_the_size_of_the_difference() -> None:
    conclusion = conclude(launches(1.2), DESIGN)
    assert conclusion.verdict == "worse"
    rows = {m.name: m for m in conclusion.metrics}
    cpu = rows["cpu_us_per_call"]
    assert (cpu.verdict, cpu.bar, cpu.unit, cpu.better) == ("worse", 0.05, "µs", "lower")
    assert cpu.ratio == pytest.approx(1.2, rel=0.01)
    assert cpu.low < cpu.ratio < cpu.high
    assert rows["tool_calls_per_s"].verdict == "worse", "fewer calls per second are worse"
    assert rows["tool_calls_per_s"].better == "higher"
    assert rows["rss_mb"].verdict == "same"
    assert not rows["latency_ms.p99"].judged
    assert not rows["ready_s"].judged
    assert rows["ready_s"].ratio == pytest.approx(0.5)
    assert any(reason.startswith("CPU per call worse by 1") for reason in conclusion.reasons)


def test_faster_server_is_better_and_the_reason_begins_with_the_smaller_difference() -> None:
    conclusion = conclude(launches(0.8), DESIGN)
    assert conclusion.verdict == "better"
    (reason,) = [reason for reason in conclusion.reasons if reason.startswith("CPU per call")]
    near, far = re.findall(r"([\d.]+) %", reason)
    assert 17 < float(near) < 20 < float(far) < 23


def test_more_memory_alone_is_worse() -> None:
    assert conclude(launches(1.0, rss=1.2), DESIGN).verdict == "worse"


def test_noise_is_inconclusive_and_the_reason_names_the_metrics() -> None:
    conclusion = conclude(launches(1.04, noise=0.3), DESIGN)
    assert conclusion.verdict == "inconclusive"
    assert "CPU per call" in conclusion.reasons[0]
    assert "--until-decided" in conclusion.reasons[0]


def test_pairing_removes_noise_that_both_servers_share() -> None:
    # The machine's speed varies by 10 % between pairs; the interval reflects only the noise within pairs.
    cpu = conclude(launches(1.0, noise=0.001), DESIGN).metrics[0]
    assert cpu.high / cpu.low < 1.01


def test_looks_share_the_allowed_error() -> None:
    one = conclude(launches(1.0), DESIGN).metrics[0]
    three = conclude(launches(1.0), replace(DESIGN, looks=(4, 7, 10))).metrics[0]
    assert three.high > one.high
    assert 1 - three.level == pytest.approx((1 - one.level) / 3)


def test_user_sets_the_bars() -> None:
    assert conclude(launches(1.2), replace(DESIGN, bars=Bars(cpu=0.5, other=0.5))).verdict == "same"


def spoil(sound: Sequence[Launch], count: int) -> list[Launch]:
    """Return the launches with the first slices of b in the first launch faulty."""
    first = sound[0]
    slices = tuple(
        replace(s, fault="9 of 10 calls failed") if s.side == "b" and s.pair <= count else s
        for s in first.slices
    )
    return [replace(first, slices=slices), *sound[1:]]


def test_faulty_slice_drops_its_pair_and_is_reported() -> None:
    conclusion = conclude(spoil(launches(1.0), 2), DESIGN)
    assert conclusion.verdict == "same"
    assert "launch 1: pair_1_b: 9 of 10 calls failed" in conclusion.reasons
    assert len(paired(spoil(launches(1.0), 2)[0], "cpu_us_per_call")) == 4


def test_too_many_faulty_slices_make_it_invalid() -> None:
    conclusion = conclude(spoil(launches(1.0), 6), DESIGN)
    assert conclusion.verdict == "invalid"
    assert "6 of 24 pairs were dropped" in conclusion.reasons[0]
    assert conclusion.reasons[-1] == "and 1 more"


def test_pairs_of_a_failed_launch_count_as_dropped() -> None:
    failed = Launch((), {"a": {}, "b": {}}, ("the server never became ready",))
    conclusion = conclude([failed, *launches(1.0, 3)], DESIGN)
    assert conclusion.verdict == "invalid"
    assert "launch 1: the server never became ready" in conclusion.reasons


def test_launches_without_figures_are_invalid() -> None:
    empty = Launch((), {"a": {}, "b": {}})
    assert conclude([empty, empty], DESIGN).verdict == "invalid"


def test_metric_of_one_server_only_is_left_out() -> None:
    # The CPU time of a server on another machine is not visible.
    without_cpu = [
        replace(
            one,
            slices=tuple(
                replace(s, figures={k: v for k, v in s.figures.items() if k != "cpu_us_per_call"})
                if s.side == "b"
                else s
                for s in one.slices
            ),
        )
        for one in launches(1.0)
    ]
    conclusion = conclude(without_cpu, DESIGN)
    assert "cpu_us_per_call" not in {m.name for m in conclusion.metrics}
    assert conclusion.verdict == "same"
