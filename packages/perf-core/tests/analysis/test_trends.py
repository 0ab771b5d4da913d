"""Slopes of series with a known answer: leak-free ones that resemble themselves, and leaks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from perf_core.analysis.trends import MIN_SAMPLES, Slope, Stretch, slope

Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def line(t: np.ndarray, values: np.ndarray) -> Slope:
    result = slope([Stretch(t, values)])
    assert result is not None
    return result


def autoregressive(coefficient: float) -> Draw:
    """Return a draw of a first-order process of standard deviation 1 in its steady state."""

    def draw(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
        shocks = rng.normal(0, np.sqrt(1 - coefficient**2), len(t))
        shocks[0] = rng.normal()
        return lfilter([1.0], [1.0, -coefficient], shocks)

    return draw


def sawtooth(period_s: float, height: float = 10.0, noise: float = 0.2) -> Draw:
    """Return a draw of memory that climbs until it is collected, from a random phase."""

    def draw(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
        teeth = (t + rng.uniform(0, period_s)) % period_s
        return height * teeth / period_s + rng.normal(0, noise, len(t))

    return draw


LEAK_FREE = {
    "independent": autoregressive(0.0),
    "AR(1) 0.9": autoregressive(0.9),
    "AR(1) 0.99": autoregressive(0.99),
    "sawtooth of 60 s": sawtooth(60),
    "sawtooth of 120 s": sawtooth(120),
    "sawtooth of 120 s without noise": sawtooth(120, noise=0.0),
    "sawtooth of 120 s under much noise": sawtooth(120, noise=3.0),
}

RUNS = {
    "5 min at 1 Hz": (np.arange(300.0), 20),
    "2 h at 0.37 Hz": (np.arange(2664) / 0.37, 20),
}
"""Times and number of trials; benchmarks/slope_calibration.py makes more trials."""


@pytest.mark.parametrize("draw", LEAK_FREE.values(), ids=LEAK_FREE)
@pytest.mark.parametrize(("t", "trials"), RUNS.values(), ids=RUNS)
def test_leak_free_series_are_rarely_called_growing(draw: Draw, t: np.ndarray, trials: int) -> None:
    growing = sum(line(t, draw(np.random.default_rng(seed), t)).low > 0 for seed in range(trials))
    assert growing <= 0.05 * trials


def test_short_stretches_of_a_leak_free_server_do_not_add_up_to_a_leak() -> None:
    # 24 hours of 25 s: most of them lie within one tooth, and most pairs of samples climb.
    t = np.arange(600.0)
    growing = 0
    for seed in range(40):
        values = sawtooth(60)(np.random.default_rng(seed), t)
        result = slope([Stretch(t[at : at + 25], values[at : at + 25]) for at in range(0, 600, 25)])
        assert result is not None
        growing += result.low > 0
    assert growing <= 2


LEAKS = {
    "quiet": lambda _rng, t: 0 * t,
    "independent noise": lambda rng, t: rng.normal(0, 1, len(t)),
    "AR(1) 0.9": lambda rng, t: 2 * autoregressive(0.9)(rng, t),
    "AR(1) 0.99": lambda rng, t: 2 * autoregressive(0.99)(rng, t),
    "sawtooth of 60 s": sawtooth(60),
}


@pytest.mark.parametrize("noise", LEAKS.values(), ids=LEAKS)
def test_leak_of_6_mb_per_min_shows_within_five_minutes(noise: Draw) -> None:
    t = np.arange(300.0)
    results = [line(t, 0.1 * t + noise(np.random.default_rng(seed), t)) for seed in range(20)]
    assert all(each.low * 300 > 5 for each in results)
    assert sum(each.low <= 0.1 <= each.high for each in results) >= 17


@pytest.mark.parametrize("step_mb", [1.0, 4.0])
def test_leak_that_grows_in_steps_shows(step_mb: float) -> None:
    t = np.arange(300.0)
    assert line(t, step_mb * np.floor(0.1 * t / step_mb)).low * 300 > 5


def test_levels_of_stretches_are_no_slope() -> None:
    # 3 MB for each of 50 users in one hold and of 100 in the next.
    t = np.arange(300.0)
    low, high = 150 + 0 * t, 300 + 0 * t
    result = slope([Stretch(t, low), Stretch(t + 360, high)])
    assert result is not None
    assert (result.per_s, result.low, result.high) == (0, 0, 0)


def test_leak_within_stretches_shows_despite_their_levels() -> None:
    t = np.arange(300.0)
    result = slope([Stretch(t, 500 + 0.1 * t), Stretch(t + 360, 100 + 0.1 * t)])
    assert result is not None
    assert result.per_s == pytest.approx(0.1)
    assert result.low == pytest.approx(0.1)


def test_warm_up_at_the_start_is_not_a_leak() -> None:
    t = np.arange(300.0)
    assert line(t, 20 * (1 - np.exp(-t / 60))).low * 300 < 5


def test_single_step_in_a_count_is_no_leak() -> None:
    t = np.arange(600.0)
    result = line(t, 50.0 + (t > 250))
    assert result.low <= 0


def test_steady_climb_of_a_count_is_one() -> None:
    t = np.arange(7200.0)
    result = line(t, 50.0 + np.floor(t / 600))
    assert result.low * 3600 > 4
    assert result.per_s * 3600 == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize("true", [-3.0, 0.0, 40.0])
@pytest.mark.parametrize("points", [10, 60, 1500])
def test_slope_of_a_noisy_line(true: float, points: int) -> None:
    t, values = noisy_line(true, points, seed=1)
    result = line(t, values)
    assert result.low <= result.per_s <= result.high
    assert result.per_s == pytest.approx(true, abs=0.05)


@pytest.mark.parametrize("points", [10, 60])
def test_interval_holds_the_true_slope_in_at_least_95_percent_of_runs(points: int) -> None:
    results = [line(*noisy_line(0.25, points, seed)) for seed in range(200)]
    assert sum(each.low <= 0.25 <= each.high for each in results) >= 190
    # Not because it holds everything: least squares alone has 1.96 sigma / sqrt(points / 12) / 100 s.
    exact = 1.96 / np.sqrt(points / 12) / 100
    assert np.median([each.high - each.low for each in results]) < 2 * exact * 2


def noisy_line(true: float, points: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(1_700_000_000.0, 1_700_000_100.0, points)
    return t, 5 + true * (t - t[0]) + np.random.default_rng(seed).normal(0, 1, points)


def test_outliers_do_not_move_the_slope() -> None:
    t = np.arange(100.0)
    values = 2.0 * t
    values[::7] += 10_000
    assert line(t, values).per_s == pytest.approx(2.0, abs=0.05)


def test_constant_memory_has_slope_zero_with_an_interval_of_zero_width() -> None:
    # Sums of 24.7 have rounding errors.
    result = line(1_700_000_000 + np.arange(300) / 7, np.full(300, 24.7))
    assert (result.per_s, result.low, result.high) == (0.0, 0.0, 0.0)


def test_stretches_with_too_few_samples_do_not_count() -> None:
    few, enough = np.arange(MIN_SAMPLES - 1.0), np.arange(float(MIN_SAMPLES))
    assert slope([]) is None
    assert slope([Stretch(few, few)]) is None
    assert slope([Stretch(few, few), Stretch(few, few)]) is None
    result = slope([Stretch(few, 9 * few), Stretch(enough, enough)])
    assert result is not None
    assert result.per_s == pytest.approx(1.0)


def test_long_series_need_little_memory() -> None:
    # All pairs of 6,000 points, as two hours at one sample a second give them, take 700 MB.
    t = np.arange(6_000.0)
    tracemalloc.start()
    result = line(t, 0.5 * t)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 60e6
    assert result.per_s == pytest.approx(0.5)


@given(
    scale=st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3),
    values=st.lists(st.floats(-1e3, 1e3), min_size=10, max_size=40),
)
def test_slope_scales_with_its_series(scale: float, values: list[float]) -> None:
    t = np.arange(float(len(values)))
    plain, scaled = line(t, np.array(values)), line(t, scale * np.array(values))
    assert scaled.per_s == pytest.approx(scale * plain.per_s, abs=1e-6)
    assert scaled.low <= scaled.per_s <= scaled.high
    assert scaled.high - scaled.low == pytest.approx(
        abs(scale) * (plain.high - plain.low), rel=1e-6, abs=1e-6
    )
