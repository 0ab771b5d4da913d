"""Intervals of quantiles hold their level whatever the distribution, and say where they have no end."""

import random
from collections.abc import Callable

import pytest

from perf_core.analysis.quantiles import Quantile, fewest_values, quantile


def test_median_of_twenty_values_lies_between_the_sixth_and_the_fifteenth() -> None:
    # Published table: Hahn, Meeker and Escobar, "Statistical Intervals" (2017), table J.7.
    assert quantile([float(n) for n in range(1, 21)], 0.5) == Quantile(10.5, 6.0, 15.0)


def test_p95_of_twenty_values_has_no_upper_end() -> None:
    p95 = quantile([float(n) for n in range(1, 21)], 0.95)
    assert (p95.value, p95.low, p95.high) == (pytest.approx(19.05), 17.0, None)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_interval_has_both_ends_from_the_fewest_values_on(share: float) -> None:
    fewest = fewest_values(share)
    values = [float(n) for n in range(fewest)]
    assert quantile(values, share).high is not None
    assert None in {quantile(values[:-1], share).low, quantile(values[:-1], share).high}


def test_a_single_value_is_its_own_quantile_without_an_interval() -> None:
    assert quantile([3.0], 0.95) == Quantile(3.0, None, None)


@pytest.mark.parametrize(
    ("draw", "median"),
    [
        (random.Random.random, 0.5),
        (lambda r: r.expovariate(1.0), 0.6931),
        (lambda r: r.choice([1.0, 9.0]), 1),
    ],
    ids=["uniform", "exponential", "two values"],
)
def test_interval_of_the_median_holds_its_level(
    draw: Callable[[random.Random], float], median: float
) -> None:
    r = random.Random(20)  # noqa: S311 - no secret
    hits = 0
    for _ in range(1000):
        found = quantile([draw(r) for _ in range(20)], 0.5)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= median <= found.high
    assert hits >= 935
