"""From launches to metrics and a verdict; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perf_core.comparison import intervals
from perf_core.comparison.intervals import Judgement, MetricTest
from perf_core.comparison.model import KINDS, Design, Launch, MetricComparison, Verdict

ALPHA = 0.05
"""Allowed probability of a difference between equal servers, over all metrics together."""

MAX_DROPPED_SHARE = 0.2
"""Largest share of dropped pairs with which the remaining ones are a fair sample."""


@dataclass(frozen=True)
class Conclusion:
    """Verdict, reasons and metrics from the launches so far."""

    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: tuple[MetricComparison, ...]


def conclude(launches: Sequence[Launch], design: Design) -> Conclusion:
    """Return the conclusion from the launches so far."""
    metrics = compare_metrics(launches, design)
    invalid = _invalid(launches, design, metrics)
    if invalid:
        return Conclusion("invalid", invalid, metrics)
    judged = [metric for metric in metrics if metric.judged]
    verdict = intervals.overall([metric.verdict for metric in judged])
    return Conclusion(verdict, (*_reasons(verdict, judged), *_dropped(launches)), metrics)


def compare_metrics(launches: Sequence[Launch], design: Design) -> tuple[MetricComparison, ...]:
    """Return every metric that both servers have in enough launches, in the order of the tables."""
    values = {name: [paired(launch, name) for launch in launches] for name in KINDS}
    tests = {}
    for name, kind in KINDS.items():
        estimate = intervals.estimate([[math.log(b / a) for a, b in pairs] for pairs in values[name]])
        if estimate is not None:
            tests[name] = MetricTest(estimate, kind.bar(design.bars), kind.higher_is_better)
    alpha = ALPHA / len(design.looks)
    judged = intervals.judge_together({n: t for n, t in tests.items() if KINDS[n].judged}, alpha)
    rows = []
    for name, test in tests.items():
        kind = KINDS[name]
        low, high = test.estimate.interval(1 - alpha)
        judgement = judged.get(name, Judgement("inconclusive", low, high, 1 - alpha))
        row = MetricComparison(
            name=name,
            unit=kind.unit,
            better="higher" if kind.higher_is_better else "lower",
            bar=test.bar,
            judged=kind.judged,
            a=median(a for pairs in values[name] for a, _ in pairs),
            b=median(b for pairs in values[name] for _, b in pairs),
            ratio=test.estimate.ratio,
            low=judgement.low,
            high=judgement.high,
            level=judgement.level,
            verdict=judgement.verdict,
        )
        rows.append(row)
    return tuple(rows)


def paired(launch: Launch, name: str) -> list[tuple[float, float]]:
    """Return the figures of a metric in the pairs of a launch, without zeros, which have no ratio."""
    if KINDS[name].once_per_launch:
        pairs = [(launch.figures["a"].get(name), launch.figures["b"].get(name))]
    else:
        pairs = [(a.figures.get(name), b.figures.get(name)) for a, b in launch.pairs()]
    return [(a, b) for a, b in pairs if a and b]


def _invalid(
    launches: Sequence[Launch], design: Design, metrics: Sequence[MetricComparison]
) -> tuple[str, ...]:
    planned = len(launches) * design.pairs_per_launch
    kept = sum(1 for launch in launches for _ in launch.pairs())
    if planned - kept > MAX_DROPPED_SHARE * planned:
        return (
            f"{planned - kept} of {planned} pairs were dropped, too many to judge the rest",
            *_dropped(launches),
        )
    if not any(metric.judged for metric in metrics):
        return (
            "expected a judged metric from both servers in at least two launches, got none",
            *_dropped(launches),
        )
    return ()


def _dropped(launches: Sequence[Launch]) -> tuple[str, ...]:
    faults = [
        f"launch {number}: {fault}"
        for number, launch in enumerate(launches, 1)
        for fault in (*launch.faults, *(f"{s.name}: {s.fault}" for s in launch.slices if s.fault))
    ]
    shown = faults[:5]
    more = [f"and {len(faults) - len(shown)} more"] if len(faults) > len(shown) else []
    return (*shown, *more)


def _reasons(verdict: intervals.Verdict, judged: Sequence[MetricComparison]) -> list[str]:
    if verdict in {"worse", "better"}:
        return [f"{KINDS[m.name].words} {verdict} {_by_how_much(m)}" for m in judged if m.verdict == verdict]
    if verdict == "same":
        return ["the interval of every judged metric lies within its bars"]
    wide = ", ".join(KINDS[m.name].words for m in judged if m.verdict == "inconclusive")
    return [f"the intervals are too wide for {wide}; more launches or --until-decided narrow them"]


def _by_how_much(metric: MetricComparison) -> str:
    """Return the interval in words, such as ``by 6 % to 9 %``."""
    near, far = sorted((abs(metric.low - 1), abs(metric.high - 1)))
    return f"by {near:.1%} to {far:.1%}".replace("%", " %")
