"""Intervals keep their promise, and verdicts follow from where they lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perf_core.comparison.intervals import Estimate, Judged, Question, estimate, judge_together, overall


def of(ratio: float, error: float, freedom: int = 5) -> Estimate:
    return Estimate(math.log(ratio), error, freedom)


def test_estimate_is_students_t_over_launches() -> None:
    launches = [[0.1, 0.2], [0.0], [], [0.3, 0.3, 0.3]]
    found = estimate(launches)
    assert found is not None
    assert found.mean == pytest.approx((0.15 + 0.0 + 0.3) / 3)
    assert found.freedom == 2
    low, high = found.interval(0.95)
    expected = stats.t.interval(0.95, 2, loc=found.mean, scale=stats.sem([0.15, 0.0, 0.3]))
    assert (math.log(low), math.log(high)) == pytest.approx(expected)
    assert found.ratio == pytest.approx(math.exp(0.15))


@pytest.mark.parametrize("launches", [[], [[0.1]], [[0.1, 0.2, 0.3], []]])
def test_one_launch_has_no_spread(launches: list[list[float]]) -> None:
    assert estimate(launches) is None


def test_intervals_hold_the_truth_as_often_as_they_say_when_launches_differ() -> None:
    # Pairs of one launch vary together: an interval over pairs would be far too narrow.
    draw = np.random.default_rng(7)
    truth, held = math.log(1.03), 0
    for _ in range(2000):
        launches = [draw.normal(truth + draw.normal(0, 0.02), 0.01, 6).tolist() for _ in range(4)]
        found = estimate(launches)
        assert found is not None
        low, high = found.interval(0.9)
        held += low < 1.03 < high
    assert 0.88 < held / 2000 < 0.92


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
def test_verdict_is_where_the_whole_interval_lies(ratio: float, error: float, verdict: str) -> None:
    judged = judge_together({"cpu": Question(of(ratio, error), 0.1)}, 0.05)["cpu"]
    assert judged.verdict == verdict
    assert judged.low < ratio < judged.high
    assert judged.level == pytest.approx(0.95)


@pytest.mark.parametrize(("ratio", "verdict"), [(1.3, "better"), (0.7, "worse"), (1.0, "same")])
def test_more_calls_are_better(ratio: float, verdict: str) -> None:
    question = Question(of(ratio, 0.01), 0.1, higher_is_better=True)
    assert judge_together({"calls": question}, 0.05)["calls"].verdict == verdict


def test_bars_mirror_each_other() -> None:
    up = judge_together({"m": Question(of(1.11, 0.001, 100), 0.1)}, 0.05)["m"]
    down = judge_together({"m": Question(of(1 / 1.11, 0.001, 100), 0.1)}, 0.05)["m"]
    assert (up.verdict, down.verdict) == ("worse", "better")
    assert (down.low, down.high) == pytest.approx((1 / up.high, 1 / up.low))


def test_holm_holds_the_clearest_to_the_strictest_level_and_the_rest_to_looser_ones() -> None:
    questions = {
        "unclear": Question(of(1.05, 0.05), 0.1),
        "clear": Question(of(2.0, 0.01), 0.1),
        "clearer": Question(of(1.0, 0.001), 0.1),
    }
    judged = judge_together(questions, 0.06)
    assert list(judged) == list(questions), "the order of the tables is kept"
    assert judged["clear"].verdict == "worse"
    assert judged["clearer"].verdict == "same"
    levels = sorted([judged["clear"].level, judged["clearer"].level])
    assert levels == pytest.approx([1 - 0.06 / 2, 1 - 0.06 / 3])
    assert judged["unclear"].level == pytest.approx(1 - 0.06)


def test_holm_stays_strict_after_the_first_doubt() -> None:
    questions = {name: Question(of(1.05, 0.05), 0.1) for name in "abcd"}
    levels = [judged.level for judged in judge_together(questions, 0.05).values()]
    assert levels == pytest.approx([1 - 0.05 / 4] * 4)


def test_equal_launches_have_an_interval_of_no_width() -> None:
    judged = judge_together({"rss": Question(Estimate(0.0, 0.0, 3), 0.1)}, 0.05)["rss"]
    assert judged == Judged("same", 1.0, 1.0, 0.95)


def test_nothing_to_judge() -> None:
    assert judge_together({}, 0.05) == {}


@given(st.floats(0.5, 2), st.floats(0.001, 0.3), st.integers(1, 30), st.floats(0.01, 0.5))
def test_p_values_and_intervals_agree(ratio: float, error: float, freedom: int, bar: float) -> None:
    found = of(ratio, error, freedom)
    low, high = found.interval(0.95)
    assert (found.beyond(math.log1p(bar)) < 0.025) == (low > 1 + bar)
    assert (found.short_of(-math.log1p(bar)) < 0.025) == (high < 1 / (1 + bar))


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
def test_worse_beats_all_and_same_needs_all(verdicts, whole: str) -> None:
    assert overall(verdicts) == whole


def test_comparisons_of_equals_find_a_difference_no_more_often_than_they_say() -> None:
    # Five metrics at once, a bar so small that the error rate itself is under test.
    draw = np.random.default_rng(11)
    alarms = 0
    for _ in range(1000):
        questions = {}
        for name in "abcde":
            found = estimate([draw.normal(draw.normal(0, 0.02), 0.02, 6).tolist() for _ in range(4)])
            assert found is not None
            questions[name] = Question(found, 1e-9)
        alarms += overall([j.verdict for j in judge_together(questions, 0.05).values()]) in {
            "worse",
            "better",
        }
    assert alarms / 1000 < 0.07
