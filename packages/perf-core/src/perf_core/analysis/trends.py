"""Slopes of sampled quantities, with intervals that hold for autocorrelated samples; pure functions.

Memory between two collections of garbage climbs for a minute and falls in a moment, and a sample resembles
the one before it. An interval for independent samples is far too narrow then: it calls most leak-free servers
growing. A block bootstrap needs blocks longer than the correlation and many of them, which five minutes do
not have.

The interval here is analytic. The residuals of the line are taken as a first-order autoregressive process,
whose coefficient is corrected for the bias of short series and raised by one standard error; from it follows
the variance of the slope, up to that of a random walk. Noise of single samples hides the correlation, so the
same is done with means of 2, 4, 8, … samples, and the widest interval counts. docs/methodology.md has the
rates of false alarms (``benchmarks/slope_calibration.py``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

MIN_SAMPLES = 10
"""Fewest samples of a stretch that counts."""

_MAX_POINTS = 400
"""Most points of which all pairs are compared: more would need hundreds of MB and tenths of a second."""

_MIN_MEANS = 20
"""Fewest means of which a correlation is estimated."""

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Slope:
    """A robust slope per second with its 95 % interval."""

    per_s: float
    low: float
    high: float


@dataclass(frozen=True)
class Stretch:
    """Samples of a quantity while the load was constant.

    Attributes:
        t_s: Times of the samples, at even intervals.
    """

    t_s: Sequence[float]
    values: Sequence[float]


def slope(stretches: Sequence[Stretch]) -> Slope | None:
    """Return the slope that all stretches have in common, each at a level of its own.

    Two stretches may hold different loads, so nothing follows from the difference of their levels. The slope
    is Theil and Sen's: the median over all pairs of samples in the same stretch. In stretches shorter than a
    cycle of garbage collection most pairs climb, so the interval also covers the least-squares slope, which
    averages climbs and falls.

    Returns:
        None when no stretch has :data:`MIN_SAMPLES` samples.

    Source: Sen, "Estimates of the regression coefficient based on Kendall's tau" (1968); Marriott and Pope,
    "Bias in the estimation of autocorrelations" (1954), for the correction.
    """
    columns = [
        (_from_zero(each.t_s), _from_zero(each.values))
        for each in stretches
        if len(each.values) >= MIN_SAMPLES
    ]
    if not columns:
        return None
    robust, linear = _median_of_pairs(columns), _least_squares(columns)
    half_width = _half_width([values for _, values in columns], _interval_s(columns))
    return Slope(robust, min(robust, linear) - half_width, max(robust, linear) + half_width)


def _from_zero(values: Sequence[float]) -> Column:
    """Return values less the first, so that a constant has a slope of exactly zero."""
    return np.asarray(values, dtype=float) - values[0]


def _interval_s(columns: Sequence[tuple[Column, Column]]) -> float:
    """Return the mean time between two samples."""
    return float(sum(t[-1] for t, _ in columns) / sum(len(t) - 1 for t, _ in columns))


def _median_of_pairs(columns: Sequence[tuple[Column, Column]]) -> float:
    samples = sum(len(t) for t, _ in columns)
    slopes = []
    for t, values in columns:
        points = min(len(t), max(2, round(_MAX_POINTS * len(t) / samples)))
        t_bins = np.array([part.mean() for part in np.array_split(t, points)])
        medians = np.array([np.median(part) for part in np.array_split(values, points)])
        first, second = np.triu_indices(points, 1)
        slopes.append((medians[second] - medians[first]) / (t_bins[second] - t_bins[first]))
    return float(np.median(np.concatenate(slopes)))


def _least_squares(columns: Sequence[tuple[Column, Column]]) -> float:
    covariance = sum(float((t - t.mean()) @ values) for t, values in columns)
    return covariance / sum(float((t - t.mean()) @ (t - t.mean())) for t, _ in columns)


def _half_width(series: Sequence[Column], interval_s: float) -> float:
    """Return half the width of the interval, per second: the widest over means of more and more samples."""
    # Takes a second to load, and only runs with samples of a server need it.
    from scipy.special import stdtrit

    widest = 0.0
    for samples, means in _means(series):
        variance, freedom = _slope_variance(means)
        factor = float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))
        widest = max(widest, factor * np.sqrt(variance) / (interval_s * samples))
    return float(widest)


def _means(series: Sequence[Column]) -> Iterator[tuple[int, list[Column]]]:
    """Yield the series as means of 1, 2, 4, … samples, while enough means remain."""
    for exponent in itertools.count():
        samples = 2**exponent
        means = [
            values[: len(values) // samples * samples].reshape(-1, samples).mean(axis=1)
            for values in series
            if len(values) // samples >= MIN_SAMPLES
        ]
        if samples > 1 and sum(map(len, means)) < _MIN_MEANS:
            return
        yield samples, means


def _slope_variance(series: Sequence[Column]) -> tuple[float, int]:
    """Return the variance of the common slope, per sample, and its degrees of freedom."""
    places = [np.arange(len(values)) - (len(values) - 1) / 2 for values in series]
    spread = sum(float(place @ place) for place in places)
    per_sample = sum(float(p @ values) for p, values in zip(places, series, strict=True)) / spread
    residuals = [v - v.mean() - per_sample * p for p, v in zip(places, series, strict=True)]
    count = sum(map(len, series))
    freedom = count - len(series) - 2
    power = sum(float(r[:-1] @ r[:-1]) for r in residuals)
    if power <= 0:
        return 0.0, freedom
    estimate = sum(float(r[1:] @ r[:-1]) for r in residuals) / power
    noise = sum(float(np.sum((r[1:] - estimate * r[:-1]) ** 2)) for r in residuals) / freedom
    bias = (2 + 4 * estimate) * len(series) / count
    error = np.sqrt(max(0.0, 1 - estimate**2) / count)
    correlation = min(1.0, max(0.0, estimate + bias + error))
    unscaled = sum(_weighted_variance(len(values), correlation) for values in series)
    return noise * unscaled / spread**2, freedom


def _weighted_variance(count: int, correlation: float) -> float:
    """Return the variance of the sum of an autoregressive series weighted with its centred places.

    Its innovations have the variance 1. The sums over products of places are in closed form: with `q` the
    number of pairs at a distance `d`, they are ``q (q² - 1) / 12 - q d² / 4``.
    """
    if correlation >= 1:
        later = np.arange(1, count)
        return float(np.sum((later * (count - later) / 2.0) ** 2))
    distance = np.arange(count, dtype=float)
    pairs = count - distance
    products = pairs * (pairs**2 - 1) / 12 - pairs * distance**2 / 4
    total = products[0] + 2 * float(correlation ** distance[1:] @ products[1:])
    return max(0.0, float(total)) / (1 - correlation**2)
