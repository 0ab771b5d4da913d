"""Rates of false alarms and of leaks found by slopes: prints the tables of docs/methodology.md.

Each cell is the share of seeded series of which the whole interval of the slope is above zero (leak-free
series) or above the target of the scenario `memory` (leaks of 6 MB a minute). For comparison the same is done
with the interval of scipy.stats.theilslopes and with a circular block bootstrap of the least-squares slope,
whose block length follows Politis and White (2004, corrected 2009).

    python benchmarks/slope_calibration.py --trials 500
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import theilslopes

from perf_core.analysis.trends import Stretch, slope

Column = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, Column], Column]

TARGET_MB_PER_5_MIN = 5.0
LEAK_MB_PER_S = 0.1


def autoregressive(coefficient: float, deviation: float = 1.0) -> Draw:
    """Return a draw of a first-order process in its steady state."""

    def draw(rng: np.random.Generator, t: Column) -> Column:
        shocks = rng.normal(0, np.sqrt(1 - coefficient**2), len(t))
        shocks[0] = rng.normal()
        values: Column = deviation * lfilter([1.0], [1.0, -coefficient], shocks)
        return values

    return draw


def sawtooth(period_s: float, height: float = 10.0, noise: float = 0.2) -> Draw:
    """Return a draw of memory that climbs until it is collected, from a random phase."""

    def draw(rng: np.random.Generator, t: Column) -> Column:
        teeth = (t + rng.uniform(0, period_s)) % period_s
        values: Column = height * teeth / period_s + rng.normal(0, noise, len(t))
        return values

    return draw


def walk(rng: np.random.Generator, t: Column) -> Column:
    """Draw a random walk."""
    return np.cumsum(rng.normal(0, 1, len(t)))


def leaking(draw: Draw) -> Draw:
    """Return a draw that grows by 6 MB a minute besides."""
    return lambda rng, t: LEAK_MB_PER_S * t + draw(rng, t)


LEAK_FREE: Mapping[str, Draw] = {
    "independent": autoregressive(0.0),
    "AR(1), 0.9": autoregressive(0.9),
    "AR(1), 0.99": autoregressive(0.99),
    "random walk": walk,
    "sawtooth of 60 s": sawtooth(60),
    "sawtooth of 120 s": sawtooth(120),
    "sawtooth of 120 s, noise of 30 % of its height": sawtooth(120, noise=3.0),
}

LEAKS: Mapping[str, Draw] = {
    "6 MB/min, independent noise of 1 MB": leaking(autoregressive(0.0)),
    "6 MB/min, AR(1) 0.99 of 2 MB": leaking(autoregressive(0.99, 2.0)),
    "6 MB/min, sawtooth of 60 s and 10 MB": leaking(sawtooth(60)),
    "6 MB/min, sawtooth of 60 s and 20 MB": leaking(sawtooth(60, 20.0)),
}

RUNS: Mapping[str, Column] = {
    "5 min at 1 Hz": np.arange(300.0),
    "10 min at 1 Hz": np.arange(600.0),
    "2 h at 0.37 Hz": np.arange(2664) / 0.37,
}


def analytic_low(t: Column, values: Column, _rng: np.random.Generator) -> float:
    """Return the lower end of the lab's interval, per second."""
    result = slope([Stretch(t.tolist(), values.tolist())])
    assert result is not None
    return result.low


def independent_low(t: Column, values: Column, _rng: np.random.Generator) -> float:
    """Return the lower end of scipy's interval, which takes samples as independent."""
    step = max(1, len(t) // 600)
    return float(theilslopes(values[::step], t[::step], alpha=0.95).low_slope)


def bootstrap_low(t: Column, values: Column, rng: np.random.Generator, resamples: int = 100) -> float:
    """Return the lower end of a circular block bootstrap of the residuals of the least-squares slope."""
    centred = t - t.mean()
    spread = float(centred @ centred)
    estimate = float(centred @ values) / spread
    residuals = values - values.mean() - estimate * centred
    length = block_length(residuals)
    blocks = -(-len(t) // length)
    starts = rng.integers(0, len(t), (resamples, blocks, 1))
    places = (starts + np.arange(length)) % len(t)
    drawn = residuals[places.reshape(resamples, -1)[:, : len(t)]]
    return estimate - float(np.quantile(drawn @ centred / spread, 0.975))


def block_length(residuals: Column) -> int:
    """Return the automatic length of circular blocks by Politis and White, at most a third of the series."""
    count = len(residuals)
    limit = int(np.ceil(np.sqrt(count))) + 20
    centred = residuals - residuals.mean()
    covariance = np.array([centred[lag:] @ centred[: count - lag] / count for lag in range(limit + 1)])
    correlation = covariance / covariance[0]
    small = np.abs(correlation) < 2 * np.sqrt(np.log10(count) / count)
    run = max(5, int(np.sqrt(np.log10(count))))
    first = next((m for m in range(1, limit - run) if small[m : m + run].all()), limit // 2)
    lags = np.arange(-2 * first, 2 * first + 1)
    lags = lags[np.abs(lags) <= limit]
    window = np.minimum(1.0, 2 * (1 - np.abs(lags) / (2 * first)))
    moment = float(window @ (np.abs(lags) * covariance[np.abs(lags)]))
    density = float(window @ covariance[np.abs(lags)])
    length = (1.5 * moment**2 / max(density**2, 1e-12)) ** (1 / 3) * count ** (1 / 3)
    return int(min(max(1, np.ceil(length)), count // 3))


METHODS: Mapping[str, Callable[[Column, Column, np.random.Generator], float]] = {
    "lab": analytic_low,
    "independent samples": independent_low,
    "block bootstrap": bootstrap_low,
}


def share_above(draw: Draw, t: Column, method: str, trials: int, level: float) -> float:
    """Return the share of series of which the lower end of the interval is above ``level``."""
    above = 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        above += METHODS[method](t, draw(rng, t), rng) > level
    return above / trials


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500, help="series per cell")
    trials = parser.parse_args().trials
    began = time.monotonic()
    print("| leak-free series |", " | ".join(f"{run}: {m}" for run in RUNS for m in METHODS), "|")
    print("| :-- |" + " --: |" * (len(RUNS) * len(METHODS)))
    for name, draw in LEAK_FREE.items():
        cells = [f"{share_above(draw, t, m, trials, 0.0):.1%}" for t in RUNS.values() for m in METHODS]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)
    print("\n| leaks |", " | ".join(RUNS), "|\n| :-- |" + " --: |" * len(RUNS))
    for name, draw in LEAKS.items():
        shares = [share_above(draw, t, "lab", trials, TARGET_MB_PER_5_MIN / 300) for t in RUNS.values()]
        print(f"| {name} |", " | ".join(f"{share:.1%}" for share in shares), "|", flush=True)
    print(f"\n{trials} series per cell, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
