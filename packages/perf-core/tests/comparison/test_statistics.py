"""Metrics and verdicts from launches."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from launch_samples import DESIGN, SIX, a_slice, launches

from perf_core.comparison.model import Bars, Launch
from perf_core.comparison.own_figures import paired
from perf_core.comparison.statistics import conclude


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
    assert rows["latency_ms.p99"].verdict == "same"
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
    assert len(paired(spoil(launches(1.0), 2)[0], "cpu_us_per_call", "b")) == 4


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


def test_nothing_counts_of_a_launch_whose_server_ended() -> None:
    # b dies in the last pair of each launch: without them, a sixth of the pairs is missing, which is few.
    ended = "b: the server has ended by signal 9"
    broken = [
        replace(
            launch,
            faults=(ended,),
            slices=tuple(replace(s, fault="it never began") if s.pair == 6 else s for s in launch.slices),
        )
        for launch in launches(1.0)
    ]
    assert paired(broken[0], "cpu_us_per_call", "b") == paired(broken[0], "rss_mb", "b") == []
    conclusion = conclude(broken, DESIGN)
    assert conclusion.verdict == "invalid"
    assert f"launch 1: {ended}" in conclusion.reasons


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


# --- failed calls ---
def test_warm_up_after_the_load_has_begun_is_reported() -> None:
    conclusion = conclude(drifting("b", first=3, factor=2.0), SIX)
    drift = next(d for d in conclusion.pairings[0].drifts if d.metric == "latency_ms.med")
    assert (drift.side, drift.first_pairs, drift.pairs, drift.is_warm_up) == ("b", 3, 6, True)
    (reason,) = [each for each in conclusion.reasons if each.startswith("b warms up")]
    assert reason.startswith(
        "b warms up after the load has begun: in the first 3 of 6 pairs, against the others and relative to "
        "the other server, CPU per call 1."
    )
    assert re.search(r"throughput 0\.4\d to 0\.5\d times; the figures average all pairs$", reason)


def test_server_that_becomes_slower_during_launches_is_reported() -> None:
    reasons = conclude(drifting("a", first=2, factor=0.5), SIX).reasons
    assert any(
        each.startswith("a becomes worse during a launch: in the last 4 of 6 pairs, ") for each in reasons
    )


def drifting(side: str, first: int, factor: float) -> list[Launch]:
    """Return launches in which calls of a side cost a multiple in the first pairs of each launch."""
    return [
        replace(
            launch,
            slices=tuple(
                a_slice(s.pair, s.side, s.figures["cpu_us_per_call"] / 1000 * factor)
                if s.side == side and s.pair <= first
                else s
                for s in launch.slices
            ),
        )
        for launch in launches(1.0, 6)
    ]


def test_false_alarms_over_all_metrics_are_rare() -> None:
    draw = np.random.default_rng(21)
    alarms = 0
    for _ in range(300):
        one = []
        for launch in launches(1.0, 6):
            once = {
                side: {
                    "rss_mb": 100 * math.exp(draw.normal(0, 0.01)),
                    "latency_ms.slowest_2_percent": math.exp(draw.normal(0, 0.15)),
                    "latency_ms.p99": math.exp(draw.normal(0, 0.4)),
                    "latency_ms.max": math.exp(draw.normal(0, 0.7)),
                }
                for side in "ab"
            }
            slices = tuple(
                replace(
                    s,
                    figures={k: v * math.exp(draw.normal(0, 0.08)) for k, v in s.figures.items()},
                    errors=(errors := int(draw.poisson(0.3) + 4 * draw.poisson(0.05))),
                    errors_by_class={"timeout": errors},
                )
                for s in launch.slices
            )
            one.append(Launch(slices, once))  # type: ignore[arg-type]
        alarms += conclude(one, SIX).verdict in {"worse", "better"}
    assert alarms <= 0.05 * 300
