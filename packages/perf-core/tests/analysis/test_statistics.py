"""Slopes, knees and recoveries of series with a known answer."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.analysis.statistics import knee, recovery_s, theil_sen


@pytest.mark.parametrize("slope", [-3.0, 0.0, 40.0])
@pytest.mark.parametrize("points", [10, 60, 1500])
def test_slope_of_a_noisy_line(slope: float, points: int) -> None:
    line = theil_sen(*noisy_line(slope, points, seed=1))
    assert line is not None
    assert line.low <= line.per_s <= line.high
    assert line.per_s == pytest.approx(slope, abs=0.05)


@pytest.mark.parametrize("points", [10, 60])
def test_interval_holds_the_true_slope_in_most_runs_and_not_in_all(points: int) -> None:
    hits = 0
    for seed in range(200):
        line = theil_sen(*noisy_line(0.25, points, seed))
        assert line is not None
        hits += line.low <= 0.25 <= line.high
    assert 180 <= hits < 200  # 95 % of them, with room for chance


def noisy_line(slope: float, points: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(1_700_000_000.0, 1_700_000_100.0, points)
    return t, 5 + slope * (t - t[0]) + np.random.default_rng(seed).normal(0, 1, points)


def test_outliers_do_not_move_the_slope() -> None:
    t = np.arange(100.0)
    values = 2.0 * t
    values[::7] += 10_000
    line = theil_sen(t, values)
    assert line is not None
    assert line.per_s == pytest.approx(2.0, abs=0.05)


def test_constant_memory_has_slope_zero_with_an_interval_of_zero_width() -> None:
    line = theil_sen([float(i) for i in range(50)], [64.5] * 50)
    assert line is not None
    assert (line.per_s, line.low, line.high) == (0.0, 0.0, 0.0)


def test_fewer_than_ten_points_have_no_slope() -> None:
    values = [float(i) for i in range(10)]
    assert theil_sen(values[:9], values[:9]) is None
    assert theil_sen(values, values) is not None


def test_long_series_need_little_memory() -> None:
    # All pairs of 6,000 points, as two hours at one sample a second give them, take 700 MB.
    t = np.arange(6_000.0)
    tracemalloc.start()
    line = theil_sen(t, 0.5 * t)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 60e6
    assert line is not None
    assert line.per_s == pytest.approx(0.5)


@given(
    scale=st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3),
    values=st.lists(st.floats(-1e3, 1e3), min_size=10, max_size=40),
)
def test_slope_scales_with_its_series(scale: float, values: list[float]) -> None:
    t = [float(i) for i in range(len(values))]
    plain, scaled = theil_sen(t, values), theil_sen(t, [scale * v for v in values])
    assert plain is not None
    assert scaled is not None
    assert scaled.per_s == pytest.approx(scale * plain.per_s, abs=1e-6)
    assert scaled.low <= scaled.per_s <= scaled.high


# --- knee -----------------------------------------------------------------------------------------------


def noisy(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    return (rates * rng.normal(1, 0.3, len(rates))).clip(0)


RAMP = np.repeat(np.arange(1.0, 41.0), 3)
STEPS = np.concatenate(
    [
        np.r_[np.linspace(low + 1, high, 12), np.full(18, high)]
        for low, high in [(0, 100), (100, 200), (200, 400), (400, 800)]
    ]
)


@pytest.mark.parametrize("seed", range(8))
def test_knee_of_a_noisy_server_that_saturates_at_ten_users(seed: int) -> None:
    users = knee(RAMP, noisy(np.random.default_rng(seed), np.minimum(RAMP * 100, 1000)))
    assert users == pytest.approx(10, abs=2.5)


@pytest.mark.parametrize("seed", range(8))
def test_outliers_do_not_move_the_knee_of_a_server_that_saturates_at_five_users(seed: int) -> None:
    rates = noisy(np.random.default_rng(seed), np.minimum(STEPS * 100, 500))
    rates[-15] = 5000
    users = knee(STEPS, rates)
    assert users is not None
    assert users <= 20  # the steps of this ramp are 1, 10, 19, 28 users


def test_knee_between_the_levels_of_a_stress_run() -> None:
    users = knee(STEPS, noisy(np.random.default_rng(1), np.minimum(STEPS * 4, 1200)))
    assert users == pytest.approx(300, rel=0.2)


def test_knee_where_throughput_falls_beyond_it() -> None:
    rates = np.where(STEPS <= 100, STEPS * 10, 1000 - 0.8 * (STEPS - 100))
    users = knee(STEPS, rates)
    assert users is not None
    assert 75 <= users <= 90


@pytest.mark.parametrize("seed", range(4))
def test_no_knee_while_throughput_still_grows(seed: int) -> None:
    assert knee(STEPS, noisy(np.random.default_rng(seed), STEPS * 3)) is None


@pytest.mark.parametrize(
    ("vus", "rates"),
    [([], []), (RAMP[:19], RAMP[:19]), (RAMP, RAMP * 0), ([0.0] * 30, [1.0] * 30)],
    ids=["nothing", "too few periods", "nothing answered", "no users"],
)
def test_no_knee_without_enough_data(vus: list[float], rates: list[float]) -> None:
    assert knee(vus, rates) is None


@given(factor=st.floats(0.01, 100), order=st.permutations(range(60)))
def test_knee_depends_neither_on_the_unit_nor_on_the_order(factor: float, order: list[int]) -> None:
    vus, rates = RAMP[:60], np.minimum(RAMP[:60], 7.0)
    assert knee(vus[order], factor * rates[order]) == pytest.approx(7.0)


# --- recovery ---------------------------------------------------------------------------------------------

CALM, HIGH = 10.0, 90.0


@pytest.mark.parametrize(
    ("latencies", "expected"),
    [
        ([CALM] * 10, 1.0),
        ([HIGH, HIGH, CALM, CALM, CALM, CALM], 3.0),
        ([HIGH, CALM, CALM, HIGH, CALM, CALM, CALM], 5.0),
        ([HIGH, CALM, CALM, CALM, HIGH, HIGH, HIGH], 2.0),
        ([HIGH, CALM, None, CALM, CALM, CALM], 4.0),
        ([None, None, CALM, CALM, CALM], 3.0),
        ([HIGH] * 10, None),
        ([None] * 10, None),
        ([HIGH] * 8 + [CALM] * 2, None),
        ([], None),
    ],
    ids=[
        "calm from the drop on",
        "back after two periods",
        "two calm periods are not enough",
        "a relapse after three calm periods is another matter",
        "a period without calls is not calm",
        "silence first",
        "never back",
        "never heard of again",
        "back too late to be sure",
        "nothing recorded",
    ],
)
def test_recovery(latencies: list[float | None], expected: float | None) -> None:
    t_s = [100.0 + index for index in range(1, len(latencies) + 1)]
    recovered_s = recovery_s(t_s, latencies, dropped_at_s=100.0, until_s=110.0, limit_ms=12.0)
    assert recovered_s == expected


def test_recovery_uses_only_periods_between_the_drop_and_the_end() -> None:
    t_s = [float(t) for t in range(1, 31)]
    latencies = [CALM] * 10 + [HIGH] * 10 + [CALM] * 10
    window = {"dropped_at_s": 10.0, "limit_ms": 12.0}
    assert recovery_s(t_s, latencies, until_s=20.0, **window) is None
    assert recovery_s(t_s, latencies, until_s=30.0, **window) == 11.0


def test_latency_at_the_limit_counts_as_recovered() -> None:
    assert recovery_s([1.0, 2.0, 3.0], [12.0] * 3, dropped_at_s=0.0, until_s=3.0, limit_ms=12.0) == 1.0
    assert recovery_s([1.0, 2.0, 3.0], [12.1] * 3, dropped_at_s=0.0, until_s=3.0, limit_ms=12.0) is None
