"""Metrics and verdicts from launches."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from perf_core.comparison.model import Bars, Design, Launch, MetricComparison, SliceFigures
from perf_core.comparison.statistics import Conclusion, conclude, paired
from perf_core.results.record import Failure

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
    assert paired(broken[0], "cpu_us_per_call") == paired(broken[0], "rss_mb") == []
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


FORTY_ONE = [2, 1, 1, 1, 1, 1] * 5 + [1] * 6
SIX = replace(DESIGN, launches=6, looks=(6,))


def test_forty_one_wrong_answers_of_eight_thousand_are_worse_and_named() -> None:
    one = failing(failing(launches(1.0, 6), "a", [0], 223), "b", FORTY_ONE, 223)
    example = Failure("add", "wrong_answer", "pair_3_b", 4.2, '{"a":1,"b":2}', '{"result":3}', '{"result":4}')
    other = replace(example, stage="pair_3_a", arguments='{"a":9}')
    one[2] = replace(one[2], failures=(other, example))
    conclusion = conclude(one, SIX)
    assert conclusion.verdict == "worse"
    errors = rows(conclusion)["error_rate"]
    assert (errors.verdict, errors.a, errors.ratio) == ("worse", 0.0, None)
    assert errors.b == errors.difference == pytest.approx(41 / 8028)
    assert 0 < errors.low < errors.b < errors.high
    assert conclusion.reasons[0].startswith("failed calls worse by 0.")
    assert conclusion.reasons[0].endswith("percentage points")
    assert conclusion.reasons[1] == (
        "41 of 8,028 calls of b failed (0.51 %; wrong_answer 41), for example "
        'add({"a":1,"b":2}): expected {"result":3}, got {"result":4}'
    )


def test_server_that_is_faster_but_wrong_is_worse() -> None:
    assert conclude(launches(0.5, 6), SIX).verdict == "better"
    conclusion = conclude(failing(launches(0.5, 6), "b", FORTY_ONE), SIX)
    assert conclusion.verdict == "worse"
    assert rows(conclusion)["latency_ms.med"].verdict == "better"


def test_two_percent_of_wrong_answers_are_worse_and_not_invalid() -> None:
    assert conclude(failing(launches(1.0), "b", [20, 18, 22, 17, 23, 20, 21]), DESIGN).verdict == "worse"


def test_server_with_fewer_errors_is_better() -> None:
    assert conclude(failing(launches(1.0), "a", [20, 18, 22, 17, 23, 20, 21]), DESIGN).verdict == "better"


def test_server_that_only_fails_is_worse_although_nothing_else_can_be_judged() -> None:
    one = failing(launches(1.0), "b", [1000])
    one = [
        replace(
            launch,
            slices=tuple(
                replace(s, figures={}, fault="1000 of 1000 calls failed") if s.side == "b" else s
                for s in launch.slices
            ),
        )
        for launch in one
    ]
    conclusion = conclude(one, DESIGN)
    assert conclusion.verdict == "worse"
    assert "24 of 24 pairs were dropped, too many to judge the rest" in conclusion.reasons[1]
    assert any("24,000 of 24,000 calls of b failed (100.00 %" in reason for reason in conclusion.reasons)


def test_equally_wrong_servers_are_judged_by_the_rest_and_both_named() -> None:
    both = failing(failing(launches(1.2), "a", [50, 48, 52]), "b", [50, 52, 48])
    conclusion = conclude(both, DESIGN)
    assert rows(conclusion)["error_rate"].verdict == "same"
    assert conclusion.verdict == "worse"
    assert conclusion.reasons[0].startswith("CPU per call worse")
    assert sum("calls of " in reason and " failed (5.00 %" in reason for reason in conclusion.reasons) == 2
    equal = failing(failing(launches(1.0), "a", [50, 48, 52]), "b", [50, 52, 48])
    assert conclude(equal, DESIGN).verdict == "same"


def test_faster_server_with_few_errors_is_not_better_yet() -> None:
    few = [0] * 20 + [1]
    conclusion = conclude(failing(launches(0.5, 6), "b", few, 30), SIX)
    assert rows(conclusion)["error_rate"].verdict == "inconclusive"
    assert conclusion.verdict == "inconclusive"
    assert "failed calls" in conclusion.reasons[0]


def test_faster_server_whose_longest_calls_may_be_much_longer_is_not_better_yet() -> None:
    conclusion = conclude(launches(0.5, 6, longest=(1.0, 9.0)), SIX)
    assert rows(conclusion)["latency_ms.max"].verdict == "inconclusive"
    assert conclusion.verdict == "inconclusive"
    assert "longest call" in conclusion.reasons[0]


def test_no_errors_cost_the_other_metrics_no_level() -> None:
    without = rows(conclude(launches(1.0), DESIGN))
    assert without["error_rate"].verdict == "same"
    with_errors = rows(conclude(failing(launches(1.0), "b", [5]), DESIGN))
    levels = [sorted(1 - m.level for m in each.values() if m.judged) for each in (without, with_errors)]
    # Eight metrics are judged together, and a ninth only if there are errors to judge.
    assert levels[0][0] == pytest.approx(0.05 / 8)
    assert levels[1][0] == pytest.approx(0.05 / 9)


def test_errors_of_a_launch_whose_server_ended_do_not_count() -> None:
    one = failing(launches(1.0), "b", [500])
    broken = replace(one[0], faults=("b: the server has ended by signal 9",))
    conclusion = conclude([broken, *launches(1.0, 3)], DESIGN)
    assert rows(conclusion)["error_rate"].b == 0.0


def test_errors_in_the_warm_up_are_named() -> None:
    one = launches(1.0)
    early = SliceFigures("warmup_b", "b", 0, 100, 7, 1.0, {}, "", {"transport": 7})
    conclusion = conclude([replace(one[0], warm_up=(early,)), *one[1:]], DESIGN)
    assert "7 further calls of b failed in the warm-up, which does not count" in conclusion.reasons


# --- tails ---


def test_tail_of_2_7_times_is_worse() -> None:
    conclusion = conclude(launches(1.0, 6, noise=0.1, slowest=2.7), SIX)
    assert rows(conclusion)["latency_ms.slowest_2_percent"].verdict == "worse"
    assert rows(conclusion)["latency_ms.p99"].verdict == "worse"
    assert conclusion.verdict == "worse"


def test_p99_of_2_7_times_alone_is_worse() -> None:
    conclusion = conclude(launches(1.0, 6, noise=0.1, p99=[2.7]), SIX)
    assert rows(conclusion)["latency_ms.slowest_2_percent"].verdict == "same"
    assert rows(conclusion)["latency_ms.p99"].verdict == "worse"
    assert conclusion.verdict == "worse"


def test_p99_that_chance_decides_is_named_and_does_not_decide() -> None:
    # Of equal servers: about one call in a hundred is slow, so that the p99 of a launch is slow or not.
    conclusion = conclude(launches(1.0, 6, p99=[3.0, 1.0, 1 / 3]), SIX)
    assert rows(conclusion)["latency_ms.p99"].verdict == "inconclusive"
    assert conclusion.verdict == "same"
    assert conclusion.reasons[1].startswith("latency p99 has no verdict: b's may be up to")


def test_longest_call_of_ten_times_is_worse() -> None:
    conclusion = conclude(launches(1.0, 6, longest=(600.0, 1000.0, 1400.0)), SIX)
    assert rows(conclusion)["latency_ms.max"].verdict == "worse"
    assert conclusion.verdict == "worse"
    assert re.fullmatch(r"longest call worse by a factor of \d{3} to \d,\d{3}", conclusion.reasons[0]), (
        "thousands of percent are hard to read"
    )
    assert conclude(launches(1.0, 6, longest=(6.0, 10.0, 14.0)), SIX).verdict == "worse"


def test_maximum_without_a_verdict_is_named_and_does_not_decide() -> None:
    conclusion = conclude(launches(1.0, 6, longest=(0.5, 1.0, 4.0)), SIX)
    assert rows(conclusion)["latency_ms.max"].verdict == "inconclusive"
    assert conclusion.verdict == "same"
    assert conclusion.reasons[1].startswith("longest call has no verdict: b's may be up to")


def test_much_longer_call_in_half_of_the_launches_is_not_called_the_same() -> None:
    conclusion = conclude(launches(1.0, 6, longest=(1.0, 60.0)), SIX)
    assert rows(conclusion)["latency_ms.max"].verdict == "inconclusive"
    assert conclusion.verdict == "inconclusive"
    assert conclusion.reasons[0].startswith("the intervals are too wide for longest call;")


def test_slowest_calls_without_a_verdict_are_inconclusive() -> None:
    conclusion = conclude(launches(1.0, 6, slowest=1.25, p99=[1.0]), SIX)
    assert conclusion.verdict == "inconclusive"
    assert conclusion.reasons[0].startswith("the intervals are too wide for mean of the slowest 2 %;")


def test_much_shorter_tail_is_the_same_or_better_but_never_open() -> None:
    # A bar has two sides; that a tail may be even better than its bar is no reason to measure longer.
    assert conclude(launches(1.0, 6, slowest=1 / 1.25, p99=[1 / 1.5]), SIX).verdict == "same"
    assert conclude(launches(1.0, 6, slowest=1 / 2.7), SIX).verdict == "better"


def test_dropped_pairs_do_not_hide_a_worse_tail() -> None:
    late = "its last answer arrived after the next pair had begun; use a longer --slice"
    for ratio, verdict in ((50.0, "worse"), (1.0, "invalid"), (1 / 50, "invalid")):
        one = [
            replace(launch, slices=tuple(replace(s, fault=late) for s in launch.slices))
            for launch in launches(1.0, 6, longest=(ratio,))
        ]
        assert conclude(one, SIX).verdict == verdict


# --- drift ---


def test_warm_up_after_the_load_has_begun_is_reported() -> None:
    conclusion = conclude(drifting("b", first=3, factor=2.0), SIX)
    drift = next(d for d in conclusion.drifts if d.metric == "latency_ms.med")
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


# --- all metrics together ---


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
