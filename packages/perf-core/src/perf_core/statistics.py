"""Statistics over columns of numbers; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import stats

_MOST_SLOPE_POINTS = 600


@dataclass(frozen=True)
class Slope:
    """A robust slope.

    Attributes:
        per_s: Median of the slopes between all pairs of points, per second.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
    """

    per_s: float
    low: float
    high: float


def theil_sen(t_s: Sequence[float], values: Sequence[float]) -> Slope | None:
    """Return the Theil-Sen slope with its 95 % interval; None below 10 points.

    Long series are first reduced to medians of equal bins: the method compares all pairs.
    Neighbouring samples of memory resemble one another, so the interval is narrower than the truth;
    binning softens that. Source: Sen, "Estimates of the regression coefficient based on Kendall's
    tau" (1968), as scipy.stats.theilslopes.
    """
    if len(values) < 10:
        return None
    t, y = np.asarray(t_s, dtype=float), np.asarray(values, dtype=float)
    if len(y) > _MOST_SLOPE_POINTS:
        t = np.array([np.median(part) for part in np.array_split(t, _MOST_SLOPE_POINTS)])
        y = np.array([np.median(part) for part in np.array_split(y, _MOST_SLOPE_POINTS)])
    result = stats.theilslopes(y, t, alpha=0.95)
    return Slope(float(result.slope), float(result.low_slope), float(result.high_slope))


def knee(vus: Sequence[float], calls_per_s: Sequence[float], share: float = 0.9) -> float | None:
    """Return the fewest virtual users that already reach ``share`` of the highest throughput.

    Beyond the knee, more users wait longer and get hardly more done. Throughput is the median over
    the periods that had the same number of users, so that one lucky second is no knee.

    Args:
        vus: Virtual users by period.
        calls_per_s: Correct answers per second by period.
        share: Part of the highest throughput that counts as all of it.

    Returns:
        Virtual users, or None when nothing was answered.
    """
    by_vus: list[tuple[float, float]] = sorted(zip(vus, calls_per_s, strict=True))
    medians: list[tuple[float, float]] = [
        (users, float(np.median([rate for _, rate in group])))
        for users, group in groupby(by_vus, key=lambda pair: pair[0])
    ]
    highest = max((rate for _, rate in medians), default=0.0)
    if highest <= 0:
        return None
    return next(users for users, rate in medians if rate >= share * highest)


def recovery_s(
    t_s: Sequence[float],
    latency_ms: Sequence[float | None],
    *,
    dropped_at_s: float,
    until_s: float,
    limit_ms: float,
    calm_periods: int = 3,
) -> float | None:
    """Return the time from the drop of the load until the latency is back for good.

    Back means ``calm_periods`` periods in a row at or below ``limit_ms``; the first of them counts.

    Args:
        t_s: End of each period, seconds from the start of the load.
        latency_ms: Median latency by period; None where no call ended.
        dropped_at_s: When the load dropped.
        until_s: End of the observation.
        limit_ms: Latency that counts as recovered.
        calm_periods: Periods in a row that must be calm.

    Returns:
        Seconds, or None when it did not recover before ``until_s``.
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
