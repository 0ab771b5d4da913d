"""Curves of throughput over users with known parameters, with noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_core.analysis.scalability import MIN_PERIODS, Scalability, scalability

STRESS = np.concatenate(
    [
        np.r_[np.linspace(low, high, 30, endpoint=False) + (high - low) / 30, np.full(45, high)]
        for low, high in [(0, 100), (100, 200), (200, 400), (400, 800)]
    ]
)
"""Users in each period of a stress run: a ramp and a hold for each level."""


def fitted(rates: np.ndarray, noise: float = 0.0, seed: int = 0, users: np.ndarray = STRESS) -> Scalability:
    factors = np.random.default_rng(seed).normal(1, noise, len(rates))
    result = scalability(users, (rates * factors).clip(0))
    assert result is not None
    return result


def universal(users: np.ndarray, contention: float, coherency: float) -> np.ndarray:
    return 10 * users / (1 + contention * (users - 1) + coherency * users * (users - 1))


@pytest.mark.parametrize(
    ("contention", "peak"),
    [(c, p) for p in (120, 223, 313, 450) for c in (0.0005, 0.005, 0.02) if (c, p) != (0.02, 450)],
)
@pytest.mark.parametrize(("noise", "tolerance"), [(0.03, 0.05), (0.1, 0.1)])
def test_peak_of_the_universal_scalability_law(
    contention: float, peak: float, noise: float, tolerance: float
) -> None:
    coherency = (1 - contention) / peak**2
    result = fitted(universal(STRESS, contention, coherency), noise, seed=int(peak))
    assert result.curve == "universal scalability law"
    assert result.peak_users == pytest.approx(peak, rel=tolerance)
    assert result.knee_users == result.peak_users
    highest = universal(np.array([float(peak)]), contention, coherency)[0]
    assert result.peak_per_s == pytest.approx(highest, rel=0.1)


def test_parameters_of_the_universal_scalability_law() -> None:
    result = fitted(universal(STRESS, 0.01, 1e-5), 0.03)
    assert result.contention == pytest.approx(0.01, rel=0.1)
    assert result.coherency == pytest.approx(1e-5, rel=0.1)


@pytest.mark.parametrize("corner", [50, 130, 250, 313, 400, 500])
@pytest.mark.parametrize(("noise", "tolerance"), [(0.03, 0.1), (0.1, 0.15)])
def test_corner_of_two_lines(corner: float, noise: float, tolerance: float) -> None:
    result = fitted(np.minimum(STRESS, corner) * 10, noise, seed=corner)
    assert (result.curve, result.peak_users) == ("two lines", None)
    assert result.knee_users == pytest.approx(corner, rel=tolerance)


@pytest.mark.parametrize(("corner", "last"), [(1000, 200), (1000, 400), (150, 400), (1000, 500), (150, 250)])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_collapse(corner: float, last: float, share: float, noise: float) -> None:
    carried = np.minimum(STRESS, corner) * 10
    rates = np.where(last < STRESS, share * 10 * min(corner, last), carried)
    result = fitted(rates, noise, seed=last)
    assert result.curve == "collapse"
    assert result.knee_users == pytest.approx(min(corner, last), rel=0.15)
    assert result.peak_users == pytest.approx(last, rel=0.1)


def test_growth_to_400_users_and_collapse_has_its_knee_at_400() -> None:
    # The two lines of before were fitted to both and told 199.
    result = fitted(np.where(STRESS <= 400, STRESS * 2, 0.0), 0.05)
    assert result.knee_users == pytest.approx(400, rel=0.02)


def test_line_that_falls_beyond_its_corner() -> None:
    result = fitted(np.where(STRESS <= 100, STRESS * 10, 1000 - 0.8 * (STRESS - 100)), 0.05)
    assert result.curve == "falling line"
    assert result.knee_users == pytest.approx(100, rel=0.15)
    assert result.peak_per_s == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("contention", [0.0, 0.001])
def test_no_knee_while_throughput_still_grows(contention: float, seed: int) -> None:
    result = fitted(universal(STRESS, contention, 0.0), 0.1, seed)
    assert (result.knee_users, result.peak_users) == (None, None)


@pytest.mark.parametrize("contention", [0.01, 0.05])
def test_knee_of_a_smooth_curve_is_where_it_reaches_95_percent(contention: float) -> None:
    grid = np.arange(1.0, 801.0)
    curve = universal(grid, contention, 0.0)
    expected = grid[np.argmax(curve >= 0.95 * curve.max())]
    result = fitted(universal(STRESS, contention, 0.0), 0.03)
    assert result.knee_users == pytest.approx(expected, rel=0.1)
    assert result.peak_users is None


@pytest.mark.parametrize("seed", range(4))
def test_outliers_move_no_knee(seed: int) -> None:
    rates = np.minimum(STRESS, 250) * 10
    rates[np.random.default_rng(seed).choice(len(rates), 20, replace=False)] *= 5
    assert fitted(rates, 0.1, seed).knee_users == pytest.approx(250, rel=0.1)


RAMP = np.repeat(np.arange(1.0, 41.0), 3)


@pytest.mark.parametrize("seed", range(4))
def test_knee_of_a_noisy_server_that_saturates_at_ten_users(seed: int) -> None:
    result = fitted(np.minimum(RAMP * 100, 1000), 0.3, seed, RAMP)
    assert result.knee_users == pytest.approx(10, abs=2.5)


@pytest.mark.parametrize(
    ("users", "rates"),
    [
        ([], []),
        (RAMP[: MIN_PERIODS - 1], RAMP[: MIN_PERIODS - 1]),
        (RAMP, RAMP * 0),
        ([0.0] * 30, [1.0] * 30),
        (np.full(30, 5.0), np.r_[1.0, np.zeros(29)]),
    ],
    ids=["nothing", "too few periods", "nothing answered", "no users", "one answer"],
)
def test_no_curve_without_enough_data(users: list[float], rates: list[float]) -> None:
    assert scalability(users, rates) is None


def test_single_level_has_no_knee() -> None:
    result = fitted(np.full(60, 100.0), 0.05, users=np.full(60, 50.0))
    assert result.knee_users is None


@settings(max_examples=5, deadline=None)
@given(factor=st.floats(0.01, 100), order=st.permutations(range(60)))
def test_knee_depends_neither_on_the_unit_nor_on_the_order(factor: float, order: list[int]) -> None:
    users, rates = RAMP[:60], np.minimum(RAMP[:60], 7.0)
    result = scalability(users[order], factor * rates[order])
    assert result is not None
    assert result.knee_users == pytest.approx(7.0, abs=0.3)
