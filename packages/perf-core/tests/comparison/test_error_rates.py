"""The test of error rates: exact for independent errors, and careful with bursts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perf_core.comparison.error_rates import ErrorRateTest, Launches, Tally, design_effect, error_rate_test

LEVEL = 1 - 0.05 / 8
"""Strictest level of eight metrics that are judged together."""


def launches(*counts: list[int], calls: int = 200) -> Launches:
    """Return one launch for each list, with the errors of its slices."""
    return [{pair: Tally(calls, errors) for pair, errors in enumerate(each, 1)} for each in counts]


def drawn(draw: np.random.Generator, share: float, bursts: float = 0.0, size: int = 0) -> Launches:
    """Return six launches of six slices with independent errors, and bursts of a mean size."""
    return [
        {
            pair: Tally(
                220, int(draw.binomial(220, share) + sum(1 + draw.poisson(size, draw.poisson(bursts))))
            )
            for pair in range(1, 7)
        }
        for _ in range(6)
    ]


@pytest.mark.parametrize(
    ("calls_a", "errors_a", "calls_b", "errors_b"), [(8000, 0, 8017, 41), (500, 3, 900, 20), (100, 7, 100, 7)]
)
def test_p_values_of_independent_errors_are_exact(
    calls_a: int, errors_a: int, calls_b: int, errors_b: int
) -> None:
    test = ErrorRateTest(calls_a, errors_a, calls_b, errors_b)
    errors, share = errors_a + errors_b, calls_b / (calls_a + calls_b)
    worse = stats.binomtest(errors_b, errors, share, alternative="greater")
    better = stats.binomtest(errors_b, errors, share, alternative="less")
    assert test.p_worse == pytest.approx(worse.pvalue)
    assert test.p_better == pytest.approx(better.pvalue)
    # Of few errors, Fisher's test makes nearly the same.
    fisher = stats.fisher_exact(
        [[errors_b, calls_b - errors_b], [errors_a, calls_a - errors_a]], alternative="greater"
    )
    assert test.p_worse == pytest.approx(fisher.pvalue, rel=0.15)


def test_interval_has_the_exact_limits_of_a_single_share() -> None:
    low, high = ErrorRateTest(8000, 0, 8000, 41).interval(0.95)
    exact = stats.binomtest(41, 8000).proportion_ci(0.95, method="exact")
    none = stats.binomtest(0, 8000).proportion_ci(0.95, method="exact")
    share = 41 / 8000
    assert high == pytest.approx(exact.high)
    assert low == pytest.approx(share - np.hypot(share - exact.low, none.high))


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ((8000, 0), (8000, 41), "worse"),
        ((8000, 41), (8000, 0), "better"),
        ((8000, 0), (8000, 0), "same"),
        ((8000, 2), (8000, 1), "same"),
        ((8000, 0), (8000, 1), "same"),
        ((8000, 0), (8000, 5), "inconclusive"),
        ((8000, 400), (8000, 410), "same"),
        ((8000, 8000), (8000, 8000), "same"),
        ((8000, 0), (8000, 8000), "worse"),
        ((1000, 0), (1000, 1), "inconclusive"),
    ],
)
def test_verdict(a: tuple[int, int], b: tuple[int, int], verdict: str) -> None:
    judgement = ErrorRateTest(*a, *b).judge(LEVEL)
    assert judgement.verdict == verdict
    difference = b[1] / b[0] - a[1] / a[0]
    assert judgement.low <= difference <= judgement.high


@pytest.mark.parametrize(("errors", "testable"), [(0, False), (1, False), (4, False), (6, True)])
def test_few_errors_cannot_be_a_difference(errors: int, testable: bool) -> None:
    assert ErrorRateTest(8000, 0, 8000, errors).is_testable(0.05) is testable
    assert ErrorRateTest(8000, errors, 8000, 0).is_testable(0.05) is testable


def test_even_errors_have_no_design_effect() -> None:
    assert design_effect([launches([1, 2, 1], [2, 1, 1], [1, 1, 2])]) == 1.0
    assert design_effect([launches([0, 0], [0, 0])]) == 1.0
    assert design_effect([launches([200, 200], [200, 200])]) == 1.0


def test_burst_counts_as_one_error() -> None:
    burst = error_rate_test(launches(*[[0] * 6] * 6), launches([0, 0, 20, 0, 0, 0], *[[0] * 6] * 5))
    assert burst is not None
    assert burst.effect == pytest.approx(20, rel=0.15)
    assert burst.p_worse > 0.4
    assert burst.judge(LEVEL).verdict == "inconclusive"


def test_bad_launch_counts_as_one_error() -> None:
    # A launch in which every slice fails is one event, although its errors are spread over all pairs.
    bad = error_rate_test(launches(*[[0] * 6] * 6), launches([20] * 6, *[[0] * 6] * 5))
    assert bad is not None
    assert bad.judge(LEVEL).verdict == "inconclusive"


def test_errors_at_the_same_place_of_each_launch_count_in_full() -> None:
    recurring = error_rate_test(
        launches(*[[0] * 6] * 6), launches(*[[n, 0, 0, 0, 0, 0] for n in (6, 7, 8, 6, 7, 7)])
    )
    assert recurring is not None
    assert recurring.effect == 1.0
    assert recurring.judge(LEVEL).verdict == "worse"


def test_server_that_hangs_in_each_launch_fails_more_often() -> None:
    # The users' four calls hang at once, in a slice with hardly any other calls.
    hangs = [{1: Tally(300, 0), 2: Tally(300, 0), 3: Tally(4, 4)} for _ in range(6)]
    test = error_rate_test([{pair: Tally(300, 0) for pair in (1, 2, 3)} for _ in range(6)], hangs)
    assert test is not None
    assert test.effect == 1.0
    assert test.judge(LEVEL).verdict == "worse"


def test_without_calls_there_is_no_test() -> None:
    assert error_rate_test([], launches([1])) is None
    assert error_rate_test(launches([0]), [{1: Tally(0, 0)}]) is None


@pytest.mark.parametrize(
    ("share", "bursts", "size"),
    [(0.001, 0.0, 0), (0.02, 0.0, 0), (0.0, 1 / 6, 3), (0.0, 1 / 18, 19), (0.0, 1 / 3, 19)],
)
def test_false_alarms_are_at_most_alpha(share: float, bursts: float, size: int) -> None:
    # At 5 % for this metric alone; together with others, its level is stricter.
    draw = np.random.default_rng(5)
    alarms = 0
    for _ in range(300):
        test = error_rate_test(drawn(draw, share, bursts, size), drawn(draw, share, bursts, size))
        assert test is not None
        alarms += test.judge(0.95).verdict in {"worse", "better"}
    assert alarms <= 0.05 * 300


def test_half_a_percent_of_wrong_answers_is_found() -> None:
    draw = np.random.default_rng(6)
    found = 0
    for _ in range(200):
        test = error_rate_test(drawn(draw, 0.0), drawn(draw, 0.005))
        assert test is not None
        found += test.judge(LEVEL).verdict == "worse"
    assert found >= 0.97 * 200
