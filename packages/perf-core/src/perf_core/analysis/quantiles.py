"""Quantiles of few measurements, with intervals that assume no distribution; pure functions.

The interval of a quantile is between two of the sorted values. How many of ``n`` independent values lie below
the true quantile is binomial, whatever their distribution, so the ranks of the two values follow from ``n``
alone. Far quantiles of few values have no upper end: with 20 values the largest one lies below the true p95
more than once in three times, and only from 72 on it does so rarely enough.

Source: Hahn, Meeker and Escobar, "Statistical Intervals" (2017), section 5.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Quantile:
    """An estimated quantile with its interval at :data:`LEVEL`.

    Attributes:
        low: None where so few values give no lower end; the same for ``high``.
    """

    value: float
    low: float | None
    high: float | None


def quantile(values: Sequence[float], share: float) -> Quantile:
    """Return the quantile below which a share of the values lies, interpolated between neighbours.

    Args:
        values: At least one; their order does not matter.
        share: Between 0 and 1, such as 0.95.

    Example::

        quantile([1.0, 2.0, 3.0], 0.5)   # Quantile(2.0, None, None)
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    value = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    low, high = _ranks(len(ordered), share)
    return Quantile(
        value,
        ordered[low - 1] if low >= 1 else None,
        ordered[high - 1] if high <= len(ordered) else None,
    )


def fewest_values(share: float) -> int:
    """Return the number of values from which the interval of a quantile has both ends.

    Example::

        fewest_values(0.5), fewest_values(0.95)   # 6, 72
    """
    rarest = min(share, 1 - share)
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log(1 - rarest))


def _ranks(count: int, share: float) -> tuple[int, int]:
    """Return the ranks of both ends, from 1; 0 or ``count + 1`` where there is none."""
    error = (1 - LEVEL) / 2
    chance, low, high = 0.0, 0, count + 1
    for below in range(count + 1):
        # Of `count` values, `below` lie below the true quantile.
        chance += math.comb(count, below) * share**below * (1 - share) ** (count - below)
        if chance <= error:
            low = below + 1
        if 1 - chance <= error:
            # The value of rank `below` + 1 is above the true quantile unless more lie below it.
            high = below + 1
            break
    return low, high
