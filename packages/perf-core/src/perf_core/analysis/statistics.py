"""Statistics over columns of numbers; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Columns = npt.NDArray[np.float64]

_MAX_SLOPE_POINTS = 600

_MIN_KNEE_PERIODS = 20
_MAX_KNEE_CANDIDATES = 200

_MAX_KNEE_SHARE = 0.8
"""Largest share of the most users at which a corner counts: closer to them it is noise at the end of a rising
line."""


@dataclass(frozen=True)
class Slope:
    """A robust slope per second: the median over all pairs of points, with its 95 % interval."""

    per_s: float
    low: float
    high: float


def theil_sen(t_s: Sequence[float], values: Sequence[float]) -> Slope | None:
    """Return the Theil-Sen slope with its 95 % interval; None below 10 points.

    Long series are first reduced to medians of equal bins, because the method compares all pairs.
    Neighbouring samples of memory are correlated, which makes the interval too narrow; binning reduces that.
    Source: Sen, "Estimates of the regression coefficient based on Kendall's tau" (1968), as
    scipy.stats.theilslopes.
    """
    if len(values) < 10:
        return None
    t, y = np.asarray(t_s, dtype=float), np.asarray(values, dtype=float)
    if len(y) > _MAX_SLOPE_POINTS:
        t = np.array([np.median(part) for part in np.array_split(t, _MAX_SLOPE_POINTS)])
        y = np.array([np.median(part) for part in np.array_split(y, _MAX_SLOPE_POINTS)])
    # Takes a second to load, and only runs with samples of memory need it.
    from scipy import stats

    result = stats.theilslopes(y, t, alpha=0.95)
    return Slope(float(result.slope), float(result.low_slope), float(result.high_slope))


def knee(vus: Sequence[float], calls_per_s: Sequence[float]) -> float | None:
    """Return the number of virtual users up to which throughput grows with them.

    Two lines are fitted: throughput in proportion to the users up to the knee, constant beyond it. The fit
    minimizes the sum of absolute deviations, so that single outliers move neither line.

    Returns:
        Virtual users; None when nothing was answered, when there are fewer than 20 periods, or when
        throughput still grew at the most users, so that the knee lies beyond them.
    """
    users, rates = np.asarray(vus, dtype=float), np.asarray(calls_per_s, dtype=float)
    if len(users) < _MIN_KNEE_PERIODS or users.min() <= 0 or rates.max() <= 0:
        return None
    candidates = np.unique(users)
    if len(candidates) > _MAX_KNEE_CANDIDATES:
        candidates = np.quantile(candidates, np.linspace(0, 1, _MAX_KNEE_CANDIDATES))
    best = min(candidates, key=lambda corner: _deviation(users, rates, corner))
    return float(best) if best <= _MAX_KNEE_SHARE * users.max() else None


def _deviation(users: Columns, rates: Columns, corner: float) -> float:
    """Return the sum of absolute deviations from the best lines that meet at ``corner``."""
    share = np.minimum(1.0, users / corner)
    # The best plateau is the median of the plateaus that single periods imply, weighted by their share.
    plateaus = rates / share
    order = np.argsort(plateaus)
    weights = np.cumsum(share[order])
    plateau = plateaus[order][np.searchsorted(weights, weights[-1] / 2)]
    return float(np.abs(rates - plateau * share).sum())


def recovery_s(
    t_s: Sequence[float],
    latency_ms: Sequence[float | None],
    *,
    dropped_at_s: float,
    until_s: float,
    limit_ms: float,
    calm_periods: int = 3,
) -> float | None:
    """Return the seconds from the drop of the load until the latency has recovered; None if it has not.

    It has recovered at the first of ``calm_periods`` periods in a row at or below ``limit_ms``. A period in
    which no call ended is not calm.

    Args:
        t_s: End of each period, seconds from the start of the load.
        latency_ms: Median latency of each period; None where no call ended.
    """
    calm: list[float] = []
    for t, latency in zip(t_s, latency_ms, strict=True):
        if not dropped_at_s < t <= until_s:
            continue
        if latency is None or latency > limit_ms:
            calm = []
            continue
        calm.append(t)
        if len(calm) == calm_periods:
            return calm[0] - dropped_at_s
    return None
