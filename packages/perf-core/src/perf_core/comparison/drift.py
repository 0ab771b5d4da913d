"""Metrics that change in the course of each launch, such as those of a server that warms up; pure functions.

Pairs are averaged, so a server that is slow at first would look a little slower throughout. Here the first
pairs of each launch are compared with the later ones, for each place at which a launch can be cut in two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from perf_core.comparison import intervals
from perf_core.comparison.model import KINDS, Design, Drift, Launch
from perf_core.comparison.schedule import BASELINE, Side

ALPHA = 0.01
"""Allowed probability of a remark about equal, steady servers: it is no verdict, but one should be rare."""

_METRICS = ("cpu_us_per_call", "latency_ms.med", "latency_ms.p95", "tool_calls_per_s")

_Logs = Mapping[int, Mapping[Side, float]]
"""Logarithms of one metric in one launch, by pair and side; larger is worse."""


def find_drifts(launches: Sequence[Launch], design: Design, rival: Side) -> tuple[Drift, ...]:
    """Return the drifts of a server and the baseline, relative to each other.

    There is at most one for each metric: the one with the strongest evidence.
    """
    cuts = range(1, design.pairs_per_launch)
    if not cuts:
        return ()
    level = 1 - ALPHA / (len(cuts) * len(_METRICS))
    drifts = []
    for name in _METRICS:
        logs = [_logs(launch, name, rival) for launch in launches]
        at_cuts = [d for cut in cuts if (d := _drift(name, logs, cut, design, rival=rival, level=level))]
        if at_cuts:
            drifts.append(max(at_cuts, key=lambda drift: drift.low))
    return tuple(drifts)


def _logs(launch: Launch, name: str, rival: Side) -> _Logs:
    sign = -1.0 if KINDS[name].higher_is_better else 1.0
    return {
        a.pair: {BASELINE: sign * math.log(a.figures[name]), rival: sign * math.log(b.figures[name])}
        for a, b in launch.pairs(rival)
        if a.figures.get(name) and b.figures.get(name)
    }


def _drift(
    name: str, launches: Sequence[_Logs], cut: int, design: Design, *, rival: Side, level: float
) -> Drift | None:
    """Return the drift at a cut of the launches; None if it is no larger than the metric's bar."""
    ratios = [{pair: sides[rival] - sides[BASELINE] for pair, sides in logs.items()} for logs in launches]
    estimate = intervals.estimate([list(_contrast(each, cut)) for each in ratios])
    if estimate is None:
        return None
    low, high = estimate.interval(level)
    bar = 1 + KINDS[name].bar(design.bars)
    if 1 / bar <= high and low <= bar:
        return None
    # The ratio also rises if a becomes better, so the side is the one that changed more.
    changes = {
        side: fmean(
            [
                change
                for logs in launches
                for change in _contrast({pair: sides[side] for pair, sides in logs.items()}, cut)
            ]
        )
        for side in (BASELINE, rival)
    }
    side = BASELINE if abs(changes[BASELINE]) > abs(changes[rival]) else rival
    ratio = estimate.ratio
    if estimate.mean < 0:
        ratio, low, high = 1 / ratio, 1 / high, 1 / low
    return Drift(name, side, cut, design.pairs_per_launch, changes[side] > 0, ratio, low, high)


def _contrast(logs: Mapping[int, float], cut: int) -> Iterator[float]:
    """Yield the mean of the first pairs minus that of the later ones, if both parts have pairs."""
    first = [log for pair, log in logs.items() if pair <= cut]
    later = [log for pair, log in logs.items() if pair > cut]
    if first and later:
        yield fmean(first) - fmean(later)
