"""Order of more than two servers in each metric, as far as intervals allow one; pure functions.

Each two servers are compared as a server and the baseline are: ratios by pair, averaged by launch. One is
certainly better in a metric if the interval of their ratio contains no equality and the ratio was measured
beyond the bar. Holm's method covers all pairs of servers of one metric, so that a whole order is wrong
somewhere in at most one of twenty comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from perf_core.comparison import intervals
from perf_core.comparison.intervals import Estimate, Judgement
from perf_core.comparison.model import KINDS, Design, Launch, MetricKind, OwnFigure, Rank, Ranking
from perf_core.comparison.own_figures import paired
from perf_core.comparison.schedule import Side

Worse = frozenset[tuple[Side, Side]]
"""Pairs of servers of which the second is certainly worse than the first."""


@dataclass(frozen=True)
class OrderTest:
    """Test of which of two servers is better.

    Attributes:
        estimate: Ratio of the second server to the first.
        bar: Relative difference that the measured ratio must exceed.
    """

    estimate: Estimate
    bar: float
    higher_is_better: bool = False

    def smallest_p_value(self) -> float:
        """Return the two-sided p-value of "the servers are equal"."""
        return 2 * min(self.estimate.beyond(0.0), self.estimate.short_of(0.0))

    def judge(self, level: float) -> Judgement:
        """Return what the second server is; ``same`` if the difference is certain but does not count."""
        low, high = self.estimate.interval(level)
        if low <= 1 <= high:
            return Judgement("inconclusive", low, high, level)
        if abs(self.estimate.mean) <= math.log1p(self.bar):
            return Judgement("same", low, high, level)
        is_worse = (self.estimate.mean > 0) != self.higher_is_better
        return Judgement("worse" if is_worse else "better", low, high, level)


def rankings(
    launches: Sequence[Launch], design: Design, own: Sequence[OwnFigure], alpha: float
) -> tuple[Ranking, ...]:
    """Return the order of the servers in each judged metric that has ratios; none for two servers.

    Args:
        own: Figures of each server. One that a server lacks leaves it out of the order.
        alpha: Allowed probability that an order of equal servers is wrong.
    """
    if len(design.sides) < 3:
        return ()
    orders = []
    for kind in filter(lambda each: each.judged, KINDS.values()):
        values = {each.side: each.value for each in own if each.metric == kind.name}
        if len(values) > 1:
            order = sorted(values, key=lambda side: values[side], reverse=kind.higher_is_better)
            worse = _certainly_worse(launches, design, kind, order, alpha)
            orders.append(Ranking(kind.name, tuple(ranks(order, worse))))
    return tuple(orders)


def _certainly_worse(
    launches: Sequence[Launch], design: Design, kind: MetricKind, sides: Sequence[Side], alpha: float
) -> Worse:
    tests: dict[tuple[Side, Side], intervals.AnyTest] = {}
    for base, side in combinations(sides, 2):
        pairs = [paired(launch, kind.name, side, base) for launch in launches]
        estimate = intervals.estimate([[math.log(b / a) for a, b in each] for each in pairs])
        if estimate is not None:
            tests[base, side] = OrderTest(estimate, kind.bar(design.bars), kind.higher_is_better)
    return frozenset(_directed(intervals.judge_together(tests, alpha)))


def _directed(judgements: Mapping[tuple[Side, Side], Judgement]) -> Iterator[tuple[Side, Side]]:
    for (base, side), judgement in judgements.items():
        if judgement.verdict == "worse":
            yield base, side
        elif judgement.verdict == "better":
            yield side, base


def ranks(order: Sequence[Side], worse: Worse) -> Iterator[Rank]:
    """Yield the ranks of the servers in the order of their figures, the best first.

    Example::

        list(ranks("abc", frozenset({("a", "c")})))   # a: 1 to 2, b: 1 to 3, c: 2 to 3; one group
    """
    group = 1
    for place, side in enumerate(order):
        before, rest = order[:place], order[place:]
        if before and all((x, y) in worse for x in before for y in rest):
            group += 1
        best = 1 + sum((other, side) in worse for other in order)
        worst = len(order) - sum((side, other) in worse for other in order)
        yield Rank(side, best, worst, group)
