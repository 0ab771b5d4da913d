"""Figures of the servers from launches: pairs for ratios, and each server's own; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from perf_core.comparison import intervals
from perf_core.comparison.model import ERROR_RATE, KINDS, MEAN, Design, Launch, OwnFigure
from perf_core.comparison.schedule import BASELINE, Side

LEVEL = 0.95
"""Confidence level of the interval of one figure."""


def paired(launch: Launch, name: str, side: Side, base: Side = BASELINE) -> list[tuple[float, float]]:
    """Return the figures of a metric of two servers in the pairs of a launch, ``base`` first.

    Zeros are left out, since they have no ratio. A launch with a fault has none.
    """
    if launch.has_fault(side) or launch.has_fault(base):
        return []
    if KINDS[name].once_per_launch:
        pairs = [(launch.figures[base].get(name), launch.figures[side].get(name))]
    else:
        pairs = [(a.figures.get(name), b.figures.get(name)) for a, b in launch.pairs(side, base)]
    return [(a, b) for a, b in pairs if a and b]


def own_figures(launches: Sequence[Launch], design: Design) -> tuple[OwnFigure, ...]:
    """Return the figures of each server that it has in enough launches, in the order of the tables.

    The mean latency is among them, for Little's law.
    """
    names = [*(name for name in KINDS if name != ERROR_RATE), MEAN]
    figures = []
    for side in design.sides:
        for name in names:
            logs = [[math.log(value) for value in _own(launch, name, side)] for launch in launches]
            estimate = intervals.estimate(logs)
            if estimate is not None:
                figures.append(OwnFigure(side, name, estimate.ratio, *estimate.interval(LEVEL)))
    return tuple(figures)


def _own(launch: Launch, name: str, side: Side) -> Iterator[float]:
    """Yield the figures of a server in a launch, without zeros and without slices that do not count."""
    if launch.has_fault(side):
        return
    if name in KINDS and KINDS[name].once_per_launch:
        values = [launch.figures[side].get(name)]
    else:
        values = [each.figures.get(name) for each in launch.slices if each.side == side and not each.fault]
    yield from filter(None, values)


def ratios_by_launch(launches: Sequence[Launch], name: str, side: Side) -> list[float]:
    """Return the ratio of a metric to the baseline's for each launch that has pairs."""
    pairs = [paired(launch, name, side) for launch in launches]
    return [math.exp(fmean(math.log(b / a) for a, b in each)) for each in pairs if each]


def calls_in_flight(own: Sequence[OwnFigure]) -> dict[Side, float]:
    """Return the calls in flight of each server on average, by Little's law: rate times mean latency.

    Source: Little, "A proof for the queuing formula L = λW" (1961). With busy users that have one call each,
    it is at most their number, and lower by the time that the generator needs between two calls.
    """
    rates = {each.side: each.value for each in own if each.metric == "tool_calls_per_s"}
    means_ms = {each.side: each.value for each in own if each.metric == MEAN}
    return {side: rates[side] * mean_ms / 1000 for side, mean_ms in means_ms.items() if side in rates}
