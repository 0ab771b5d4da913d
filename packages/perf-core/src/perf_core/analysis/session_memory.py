"""Memory per session, from the memory of a server after each step of a ladder; pure functions.

Each step makes the same number of units, so that memory over units is a line with noise: allocators fill
holes before they grow, collectors of garbage let memory climb and fall, and both make a reading resemble the
one before it. The slope is Theil and Sen's with the interval of :mod:`.trends`, which holds for such noise;
time is replaced by the number of units. The first third of the steps does not count: what was freed while the
server started is used up there first. No interval is narrower than what an allocator takes without a reason.

Where a step takes seconds, such as the start of a process on stdio, there are few steps, and each adds much.
Then the mean of the growth of single steps is used with Student's t: exact if the noise adds up from step to
step, and too wide, never too narrow, if it does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, linear_regression, stdev

from perf_core.analysis.trends import MIN_SAMPLES, Slope, Stretch, slope
from perf_core.results.session_costs import Step

SETTLED_SHARE = 1 / 3
"""Share of the steps at the beginning that does not count."""

PRECISE_SHARE = 0.05
"""Half width of an interval, as a share of the estimate, that is precise enough."""

RESOLUTION_KB = 0.25
"""Memory per unit below which nothing needs to be told apart from nothing."""

FEWEST_STEPS = 36
"""Steps before a slope is judged: after the first third, enough for two halves."""

FEWEST_LARGE_STEPS = 4
"""The same for steps that each take seconds."""

_FEWEST_READINGS = 8
_LITTLE_KB = 64.0
_LITTLE_SHARE = 0.001
"""Growth over half of the readings of a server that is taken for settled."""

_CONFIDENCE = 0.95
_CREEP_KB = 128.0
"""Growth of a heap over a whole ladder that says nothing: pieces of random sizes rarely fit into the holes
of earlier ones, and glibc takes memory in such pieces. A server that kept nothing grew by up to 63 kB."""


@dataclass(frozen=True)
class Estimate:
    """Memory per unit in kB with its 95 % interval."""

    kb: float
    low_kb: float
    high_kb: float

    @property
    def half_width_kb(self) -> float:
        """Half the width of the interval."""
        return (self.high_kb - self.low_kb) / 2

    @property
    def is_precise(self) -> bool:
        """Whether more units would tell nobody more."""
        return self.is_nothing or self.half_width_kb <= PRECISE_SHARE * abs(self.kb)

    @property
    def is_nothing(self) -> bool:
        """Whether it is so little that nobody needs to tell it from nothing."""
        return max(abs(self.low_kb), abs(self.high_kb)) <= RESOLUTION_KB


def is_settled(kb: Sequence[float]) -> bool:
    """Return whether a memory no longer grows: its highest reading is in the first half, but for little.

    Args:
        kb: Readings at even distances, while requests were made that leave nothing.
    """
    if len(kb) < _FEWEST_READINGS:
        return False
    half = len(kb) // 2
    early, late = max(kb[:half]), max(kb[half:])
    return late - early <= max(_LITTLE_KB, _LITTLE_SHARE * early)


def memory_per_unit(steps: Sequence[Step], *, counted_units: int | None = None) -> Estimate | None:
    """Return the memory that each unit of a ladder costs; None for too few steps with known memory.

    Args:
        steps: Steps at even distances, the first before any unit.
        counted_units: Units up to which the steps count.
    """
    points = [
        (step.units, step.kb)
        for step in steps
        if step.kb is not None and (counted_units is None or step.units <= counted_units)
    ]
    settled = points[math.floor(len(points) * SETTLED_SHARE) :]
    if len(settled) >= MIN_SAMPLES:
        units, kb = zip(*settled, strict=True)
        fitted = slope([Stretch(units, kb)])
        return None if fitted is None else _widened(fitted, settled)
    return _mean_growth(points)


def _widened(fitted: Slope, points: Sequence[tuple[int, float]]) -> Estimate:
    """Return a slope with an interval that covers both halves of the steps, and the creep of an allocator.

    What grows in one half only is no growth per unit: a heap that is about to be collected climbs as evenly
    as one that leaks, for a while.
    """
    middle = len(points) // 2
    halves = [
        linear_regression(*zip(*part, strict=True)).slope for part in (points[:middle], points[middle:])
    ]
    creep_kb = _CREEP_KB / (points[-1][0] - points[0][0])
    return Estimate(
        fitted.per_s,
        min(fitted.low, fitted.per_s - creep_kb, *halves),
        max(fitted.high, fitted.per_s + creep_kb, *halves),
    )


def _mean_growth(points: Sequence[tuple[int, float]]) -> Estimate | None:
    """Return the mean growth per unit over single steps, without the first, in which things start for all."""
    growth = [
        (kb - kb_before) / (units - units_before)
        for (units_before, kb_before), (units, kb) in pairwise(points[1:])
    ]
    if len(growth) < FEWEST_LARGE_STEPS - 1:
        return None
    # Takes a second to load.
    from scipy.special import stdtrit

    mean = fmean(growth)
    factor = float(stdtrit(len(growth) - 1, (1 + _CONFIDENCE) / 2))
    half_width = factor * stdev(growth) / math.sqrt(len(growth))
    return Estimate(mean, mean - half_width, mean + half_width)


def beyond(own: Estimate, requests: Estimate | None, requests_share: float = 1.0) -> Estimate:
    """Return an estimate without what its requests cost alone; both are independent.

    Args:
        requests: Memory per unit of the control; None without one.
        requests_share: Requests of a unit, as a multiple of those of a unit of the control.
    """
    if requests is None:
        return own
    difference = own.kb - requests.kb * requests_share
    half_width = math.hypot(own.half_width_kb, requests.half_width_kb * requests_share)
    # Intervals may be lopsided: their centres are subtracted, so that the result covers what both cover.
    centre = (own.low_kb + own.high_kb - (requests.low_kb + requests.high_kb) * requests_share) / 2
    return Estimate(difference, centre - half_width, centre + half_width)


def per_request(estimate: Estimate, requests: int) -> Estimate:
    """Return the memory per request of a unit that has several."""
    return Estimate(estimate.kb / requests, estimate.low_kb / requests, estimate.high_kb / requests)


def thinned(steps: Sequence[Step]) -> list[Step]:
    """Return every other step, with the first; the distances stay even."""
    return list(steps[::2])
