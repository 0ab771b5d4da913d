"""Throughput over the number of users: how far it grows, and whether it falls beyond; pure functions.

Four curves are fitted and the one with the best ratio of fit to parameters is taken (Schwarz's criterion):

* two lines: proportional to the users up to a corner, constant beyond
* two lines of which the second falls
* the universal scalability law, ``l n / (1 + s (n - 1) + k n (n - 1))``, with contention ``s`` and coherency
  ``k``
* a collapse: two lines up to some number of users, a much lower constant beyond

Source: Gunther, "Guerrilla Capacity Planning" (2007), chapters 4 and 5; Schwarz, "Estimating the dimension of
a model" (1978), for errors with a Laplace distribution, of which single outliers move no curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
CurveKind = Literal["two lines", "falling line", "universal scalability law", "collapse"]

MIN_PERIODS = 20
"""Fewest periods to which a curve is fitted."""

LARGEST_SHARE = 0.8
"""Largest share of the most users at which throughput counts as levelled off: closer to them it is noise at
the end of a rising line."""

LEVEL_SHARE = 0.95
"""Share of the highest throughput from which a smooth curve counts as levelled off, and under which it must
fall again to count as falling."""

_COLLAPSED_SHARE = 0.5
"""Share of the throughput before it, above which a drop is no collapse."""

_FALLING_LINE_PARAMETERS = 5
"""Two slopes, and a corner that is searched for, which counts as three: so in Friedman, "Multivariate
adaptive regression splines" (1991). Two lines nearly imitate the universal scalability law at four levels of
users, and their corner is not its peak."""

_BINS = 60
_MOST_OF_A_BIN = 10
"""Periods of a bin that count: those of a hold resemble each other."""

_SMALLEST_ERROR = 0.003
"""Mean deviation, as a share of the highest throughput, below which no curve counts as the better one."""


@dataclass(frozen=True)
class Scalability:
    """Growth of the throughput with the users.

    Attributes:
        knee_users: Users up to which it grows; None when it still grew at the most users.
        peak_users: Users beyond which it falls; None when it does not fall.
        peak_per_s: Throughput at that number of users.
        contention: Parameter of the universal scalability law, if that is the curve; so is ``coherency``.
    """

    curve: CurveKind
    knee_users: float | None
    peak_users: float | None = None
    peak_per_s: float | None = None
    contention: float | None = None
    coherency: float | None = None


@dataclass(frozen=True)
class _Points:
    """Medians of periods with about the same number of users, in the order of users."""

    users: Column
    rates: Column
    weights: Column

    def upto(self, users: float) -> _Points:
        inside = self.users <= users
        return _Points(self.users[inside], self.rates[inside], self.weights[inside])


@dataclass(frozen=True)
class _Fit:
    """A fitted curve: its result, its values at the points, and its number of parameters."""

    result: Scalability
    values: Column
    parameters: int


def scalability(users: Sequence[float], rates: Sequence[float]) -> Scalability | None:
    """Return how throughput grows with users, from pairs of both for single periods.

    Returns:
        None with fewer than :data:`MIN_PERIODS` periods, or when nothing was answered.
    """
    # Sessions that could not be opened are errors without a call, which may outnumber the calls of a period.
    n, x = np.asarray(users, dtype=float), np.maximum(np.asarray(rates, dtype=float), 0.0)
    if len(n) < MIN_PERIODS or n.min() <= 0 or x.max() <= 0:
        return None
    points = _binned(n, x)
    if not points.rates.any():
        return None
    fits = (_two_lines(points), _falling_line(points), _universal_law(points), _collapse(points))
    return min(filter(None, fits), key=lambda fit: _criterion(points, fit)).result


def _binned(users: Column, rates: Column) -> _Points:
    """Return medians over bins of equal width; a hold is a bin of its own, since its users are equal."""
    held, counts = np.unique(users, return_counts=True)
    is_held = np.isin(users, held[counts >= _MOST_OF_A_BIN])
    width = users.max() / _BINS
    bins = np.where(is_held, users, (np.floor(users / width) + 0.5) * width)
    labels = np.unique(bins)
    inside = [bins == label for label in labels]
    medians = [np.median(rates[each]) for each in inside]
    centres = np.array([np.mean(users[each]) for each in inside])
    weights = np.array([min(int(each.sum()), _MOST_OF_A_BIN) for each in inside], dtype=float)
    order = np.argsort(centres)
    return _Points(centres[order], np.array(medians)[order], weights[order])


def _error(points: _Points, values: Column) -> float:
    """Return the weighted mean of the absolute deviations."""
    return float(points.weights @ np.abs(points.rates - values) / points.weights.sum())


def _criterion(points: _Points, fit: _Fit) -> float:
    count = len(points.users)
    error = max(_error(points, fit.values), _SMALLEST_ERROR * points.rates.max())
    return float(2 * count * np.log(error) + fit.parameters * np.log(count))


def _weighted_median(values: Column, weights: Column) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _corner_values(points: _Points, corner: float) -> Column:
    """Return the best two lines that meet at ``corner``, at the points."""
    shares = np.minimum(1.0, points.users / corner)
    # The best plateau is the median of the plateaus that single points imply, weighted by their share.
    return shares * _weighted_median(points.rates / shares, points.weights * shares)


def _best_corner(points: _Points) -> tuple[float, Column]:
    """Return the corner of the best two lines and their values at the points."""
    fits = [(corner, _corner_values(points, corner)) for corner in _corners(points)]
    return min(fits, key=lambda fit: _error(points, fit[1]))


def _corners(points: _Points) -> Column:
    """Return the points and the places between them, as candidates for a corner."""
    return np.unique(np.concatenate([points.users, (points.users[1:] + points.users[:-1]) / 2]))


def _levelled_off(corner: float, points: _Points) -> float | None:
    return float(corner) if corner <= LARGEST_SHARE * points.users.max() else None


def _two_lines(points: _Points) -> _Fit:
    corner, values = _best_corner(points)
    return _Fit(Scalability("two lines", _levelled_off(corner, points)), values, 2)


def _falling_line(points: _Points) -> _Fit | None:
    best: tuple[float, float, float, Column] | None = None
    for corner in _corners(points)[:-1]:
        before, beyond = points.users <= corner, points.users > corner
        slope = _weighted_median(
            points.rates[before] / points.users[before], (points.weights * points.users)[before]
        )
        peak = slope * corner
        distance = points.users[beyond] - corner
        fall = _weighted_median((peak - points.rates[beyond]) / distance, points.weights[beyond] * distance)
        values = np.where(
            before, slope * points.users, np.maximum(0.0, peak - fall * (points.users - corner))
        )
        error = _error(points, values)
        if fall > 0 and (best is None or error < best[0]):
            best = error, float(corner), float(peak), values
    if best is None:
        return None
    _, corner, peak, values = best
    if values[-1] > LEVEL_SHARE * peak:
        return None  # two lines say the same
    return _Fit(Scalability("falling line", corner, corner, peak), values, _FALLING_LINE_PARAMETERS)


def _universal_law(points: _Points) -> _Fit:
    # Takes a second to load, and only stress runs need it.
    from scipy.optimize import least_squares

    most, highest = points.users.max(), points.rates.max()
    n, x = points.users / most, points.rates / highest
    root_weights = np.sqrt(points.weights)

    def curve(p: Column, n: Column) -> Column:
        gain, contention, coherency = np.exp(p[0]), p[1], p[2]
        grown: Column = gain * n / (1 + contention * n + coherency * n * n)
        return grown

    def residuals(p: Column) -> Column:
        weighted: Column = root_weights * (curve(p, n) - x)
        return weighted

    first_gain = float(np.log(max(np.median(x / n), 1e-6)))
    starts = [(first_gain + np.log1p(s + k), s, k) for s, k in ((0, 0), (3, 0.1), (0.5, 5), (10, 10))]
    # Deviations beyond a tenth of the highest throughput count less than their square.
    fits = [
        least_squares(
            residuals, start, bounds=([-np.inf, 0, 0], np.inf), loss="soft_l1", f_scale=0.1, max_nfev=200
        )
        for start in starts
    ]
    best = min(fits, key=lambda fit: fit.cost).x
    # With n in shares of the most users M: s = contention / M and k = coherency / M², apart from terms in 1 /
    # n.
    grid = np.linspace(points.users.min(), most, 2000)
    values = curve(best, grid / most) * highest
    peak = int(np.argmax(values))
    falls = values[-1] < LEVEL_SHARE * values[peak]
    knee = grid[peak] if falls else grid[int(np.argmax(values >= LEVEL_SHARE * values[peak]))]
    result = Scalability(
        "universal scalability law",
        float(knee) if falls else _levelled_off(knee, points),
        float(grid[peak]) if falls else None,
        float(values[peak]) if falls else None,
        contention=float(best[1] / most),
        coherency=float(best[2] / most**2),
    )
    return _Fit(result, curve(best, n) * highest, 3)


def _collapse(points: _Points) -> _Fit | None:
    best: tuple[float, _Fit] | None = None
    for last in points.users[2:-1]:
        carried = points.upto(last)
        beyond = points.users > last
        low = _weighted_median(points.rates[beyond], points.weights[beyond])
        corner, values = _best_corner(carried)
        peak = float(values[-1])
        if low > _COLLAPSED_SHARE * peak:
            continue
        whole = np.concatenate([values, np.full(int(beyond.sum()), low)])
        error = _error(points, whole)
        if best is None or error < best[0]:
            knee = min(corner, last)
            best = error, _Fit(Scalability("collapse", float(knee), float(last), peak), whole, 4)
    return best[1] if best else None
