"""Coverage of the intervals, and verdicts from intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perf_core.comparison.intervals import (
    Estimate,
    Judgement,
    MetricTest,
    Verdict,
    estimate,
    judge_together,
    overall,
)


def log_estimate(ratio: float, error: float, freedom: int = 5) -> Estimate:
    return Estimate(math.log(ratio), error, freedom)


def test_estimate_is_students_t_over_launches() -> None:
    launches = [[0.1, 0.2], [0.0], [], [0.3, 0.3, 0.3]]
    result = estimate(launches)
    assert result is not None
    assert result.mean == pytest.approx((0.15 + 0.0 + 0.3) / 3)
    assert result.freedom == 2
    low, high = result.interval(0.95)
    expected = stats.t.interval(0.95, 2, loc=result.mean, scale=stats.sem([0.15, 0.0, 0.3]))
    assert (math.log(low), math.log(high)) == pytest.approx(expected)
    assert result.ratio == pytest.approx(math.exp(0.15))


@pytest.mark.parametrize("launches", [[], [[0.1]], [[0.1, 0.2, 0.3], []]])
def test_single_launch_has_no_estimate(launches: list[list[float]]) -> None:
    assert estimate(launches) is None


def test_coverage_is_the_level_when_launches_differ() -> None:
    # Pairs of one launch are correlated: an interval over pairs would be far too narrow.
    draw = np.random.default_rng(7)
    true_log, covered = math.log(1.03), 0
    for _ in range(2000):
        launches = [draw.normal(true_log + draw.normal(0, 0.02), 0.01, 6).tolist() for _ in range(4)]
        result = estimate(launches)
        assert result is not None
        low, high = result.interval(0.9)
        covered += low < 1.03 < high
    assert 0.88 < covered / 2000 < 0.92


@pytest.mark.parametrize(
    ("ratio", "error", "verdict"),
    [
        (1.30, 0.01, "worse"),
        (0.70, 0.01, "better"),
        (1.00, 0.01, "same"),
        (1.09, 0.01, "inconclusive"),
        (0.92, 0.01, "inconclusive"),
        (1.30, 0.20, "inconclusive"),
    ],
)
def test_verdict_follows_from_the_position_of_the_interval(ratio: float, error: float, verdict: str) -> None:
    judged = judge_together({"cpu": MetricTest(log_estimate(ratio, error), 0.1)}, 0.05)["cpu"]
    assert judged.verdict == verdict
    assert judged.low < ratio < judged.high
    assert judged.level == pytest.approx(0.95)


@pytest.mark.parametrize(("ratio", "verdict"), [(1.3, "better"), (0.7, "worse"), (1.0, "same")])
def test_higher_is_better_for_throughput(ratio: float, verdict: str) -> None:
    test = MetricTest(log_estimate(ratio, 0.01), 0.1, higher_is_better=True)
    assert judge_together({"calls": test}, 0.05)["calls"].verdict == verdict


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(2.0, "worse"), (1.45, "inconclusive"), (1.0, "same"), (0.67, "same"), (0.4, "better")],
)
def test_one_sided_metric_need_not_show_that_it_is_no_better(ratio: float, verdict: str) -> None:
    test = MetricTest(log_estimate(ratio, 0.03), 0.5, one_sided=True)
    assert judge_together({"p99": test}, 0.05)["p99"].verdict == verdict


@pytest.mark.parametrize(
    ("ratio", "error", "verdict"),
    [
        (1.60, 0.10, "worse"),  # certainly longer, and by more than the bar as measured
        (1.30, 0.05, "same"),
        (1.45, 0.10, "inconclusive"),  # certainly longer, but perhaps by less than the bar
        (1.60, 0.30, "inconclusive"),  # perhaps not longer at all
    ],
)
def test_one_sided_metric_is_worse_if_certainly_longer_and_measured_beyond_the_bar(
    ratio: float, error: float, verdict: str
) -> None:
    test = MetricTest(log_estimate(ratio, error, freedom=50), 0.5, one_sided=True)
    assert judge_together({"p99": test}, 0.05)["p99"].verdict == verdict
    two_sided = MetricTest(log_estimate(ratio, error, freedom=50), 0.5)
    assert judge_together({"p99": two_sided}, 0.05)["p99"].verdict != "worse"


def test_equal_tails_alarm_no_more_often_than_allowed() -> None:
    draw = np.random.default_rng(11)
    alarms = 0
    for _ in range(4000):
        # Launches of a tail that varies by half: many are measured far beyond the bar.
        result = estimate([[each] for each in draw.normal(0, 0.5, 6)])
        assert result is not None
        test = MetricTest(result, 0.25, one_sided=True)
        alarms += judge_together({"slowest": test}, 0.05)["slowest"].verdict == "worse"
    assert alarms <= 0.03 * 4000


def test_bars_are_symmetric() -> None:
    up = judge_together({"m": MetricTest(log_estimate(1.11, 0.001, 100), 0.1)}, 0.05)["m"]
    down = judge_together({"m": MetricTest(log_estimate(1 / 1.11, 0.001, 100), 0.1)}, 0.05)["m"]
    assert (up.verdict, down.verdict) == ("worse", "better")
    assert (down.low, down.high) == pytest.approx((1 / up.high, 1 / up.low))


def test_holm_tests_the_strongest_evidence_at_the_strictest_level() -> None:
    tests = {
        "unclear": MetricTest(log_estimate(1.05, 0.05), 0.1),
        "clear": MetricTest(log_estimate(2.0, 0.01), 0.1),
        "clearer": MetricTest(log_estimate(1.0, 0.001), 0.1),
    }
    judged = judge_together(tests, 0.06)
    assert list(judged) == list(tests), "the order of the tables is kept"
    assert judged["clear"].verdict == "worse"
    assert judged["clearer"].verdict == "same"
    levels = sorted([judged["clear"].level, judged["clearer"].level])
    assert levels == pytest.approx([1 - 0.06 / 2, 1 - 0.06 / 3])
    assert judged["unclear"].level == pytest.approx(1 - 0.06)


def test_holm_keeps_the_level_after_the_first_undecided_metric() -> None:
    tests = {name: MetricTest(log_estimate(1.05, 0.05), 0.1) for name in "abcd"}
    levels = [judged.level for judged in judge_together(tests, 0.05).values()]
    assert levels == pytest.approx([1 - 0.05 / 4] * 4)


@dataclass(frozen=True)
class Scripted:
    """A test of a metric with a known outcome."""

    p_value: float
    verdict: Verdict

    def smallest_p_value(self) -> float:
        return self.p_value

    def judge(self, level: float) -> Judgement:
        return Judgement(self.verdict, 1.0, 1.0, level)


def test_holm_keeps_the_level_even_if_a_later_metric_is_decided_at_it() -> None:
    # Shares of failed calls are the same without a small p-value.
    tests = {
        "cpu": Scripted(0.017, "inconclusive"),
        "errors": Scripted(0.02, "same"),
        "p95": Scripted(0.03, "inconclusive"),
    }
    levels = [judged.level for judged in judge_together(tests, 0.05).values()]
    assert levels == pytest.approx([1 - 0.05 / 3] * 3)


def test_interval_of_two_launches_that_differ_is_finite() -> None:
    result = estimate([[1.5], [-1.5]])
    assert result is not None
    low, high = result.interval(0.9999)
    assert 0 < low < 1e-6
    assert 1e6 < high < math.inf


def test_identical_launches_have_an_interval_of_zero_width() -> None:
    judged = judge_together({"rss": MetricTest(Estimate(0.0, 0.0, 3), 0.1)}, 0.05)["rss"]
    assert judged == Judgement("same", 1.0, 1.0, 0.95)


def test_nothing_to_judge() -> None:
    assert judge_together({}, 0.05) == {}


@given(st.floats(0.5, 2), st.floats(0.001, 0.3), st.integers(1, 30), st.floats(0.01, 0.5))
def test_p_values_and_intervals_agree(ratio: float, error: float, freedom: int, bar: float) -> None:
    result = log_estimate(ratio, error, freedom)
    low, high = result.interval(0.95)
    assert (result.beyond(math.log1p(bar)) < 0.025) == (low > 1 + bar)
    assert (result.short_of(-math.log1p(bar)) < 0.025) == (high < 1 / (1 + bar))


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["same", "same"], "same"),
        (["same", "inconclusive"], "inconclusive"),
        (["better", "inconclusive"], "better"),
        (["better", "worse", "inconclusive"], "worse"),
        ([], "inconclusive"),
    ],
)
def test_one_worse_decides_and_same_requires_all(verdicts, whole: str) -> None:
    assert overall(verdicts) == whole


def test_false_alarm_rate_is_at_most_alpha() -> None:
    # Five metrics at once, with a bar so small that only the error rate matters.
    draw = np.random.default_rng(11)
    false_alarms = 0
    for _ in range(1000):
        tests = {}
        for name in "abcde":
            result = estimate([draw.normal(draw.normal(0, 0.02), 0.02, 6).tolist() for _ in range(4)])
            assert result is not None
            tests[name] = MetricTest(result, 1e-9)
        false_alarms += overall([j.verdict for j in judge_together(tests, 0.05).values()]) in {
            "worse",
            "better",
        }
    assert false_alarms / 1000 < 0.07
