"""Failed calls and tails in the verdict of a comparison."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from launch_samples import DESIGN, SIX, failing, launches, rows

from perf_core.comparison.model import SliceFigures
from perf_core.comparison.statistics import conclude
from perf_core.results.record import Failure

FORTY_ONE = [2, 1, 1, 1, 1, 1] * 5 + [1] * 6


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
