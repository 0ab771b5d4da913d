"""From launches to metrics and a verdict; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perf_core.comparison import failed_calls, intervals
from perf_core.comparison.drift import find_drifts
from perf_core.comparison.error_rates import ErrorRateTest, error_rate_test
from perf_core.comparison.intervals import Judgement, MetricTest
from perf_core.comparison.model import ERROR_RATE, KINDS, Design, Drift, Launch, MetricComparison, Verdict

ALPHA = 0.05
"""Allowed probability of a difference between equal servers, over all metrics together."""

MAX_DROPPED_SHARE = 0.2
"""Largest share of dropped pairs with which the remaining ones are a fair sample."""

_LARGEST_FACTOR = 1_000_000


@dataclass(frozen=True)
class Conclusion:
    """Verdict, reasons, metrics and drifts from the launches so far."""

    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: tuple[MetricComparison, ...]
    drifts: tuple[Drift, ...] = ()


def conclude(launches: Sequence[Launch], design: Design) -> Conclusion:
    """Return the conclusion from the launches so far."""
    metrics = compare_metrics(launches, design)
    judged = [metric for metric in metrics if metric.judged]
    drifts = find_drifts(launches, design)
    remarks = (
        *failed_calls.sentences(launches),
        *_drifts_in_words(drifts),
        *_dropped(launches),
    )
    verdict: Verdict
    reasons: Sequence[str]
    invalid = _invalid(launches, design, metrics)
    # More pairs would not take back errors and tails, which include the dropped ones.
    certain = [m for m in judged if m.verdict == "worse" and KINDS[m.name].covers_dropped]
    if invalid and not certain:
        verdict, reasons = "invalid", [invalid]
    elif invalid:
        verdict, reasons = "worse", [*_reasons("worse", certain), f"{invalid}; the rest is not judged"]
    else:
        verdict = _overall(judged)
        reasons = _reasons(verdict, judged)
    return Conclusion(verdict, (*reasons, *remarks), metrics, drifts)


def _overall(judged: Sequence[MetricComparison]) -> intervals.Verdict:
    verdicts = {m.name: m.verdict for m in judged if m.verdict != "inconclusive" or not _may_stay_open(m)}
    verdict = intervals.overall(list(verdicts.values()))
    # A server that may be faster because it is wrong, or because some calls wait longer, is not better.
    doubtful = any(
        m.verdict == "inconclusive" and (m.name == ERROR_RATE or _looks_worse(m))
        for m in judged
        if KINDS[m.name].covers_dropped
    )
    return "inconclusive" if verdict == "better" and doubtful else verdict


def _looks_worse(metric: MetricComparison) -> bool:
    return (metric.ratio or 0.0) > 1 + metric.bar


def _may_stay_open(metric: MetricComparison) -> bool:
    return KINDS[metric.name].may_stay_open and not _looks_worse(metric)


def compare_metrics(launches: Sequence[Launch], design: Design) -> tuple[MetricComparison, ...]:
    """Return every metric that both servers have in enough launches, in the order of the tables."""
    values = {name: [paired(launch, name) for launch in launches] for name in KINDS}
    tests: dict[str, MetricTest] = {}
    for name, kind in KINDS.items():
        estimate = intervals.estimate([[math.log(b / a) for a, b in pairs] for pairs in values[name]])
        if estimate is not None:
            tests[name] = MetricTest(estimate, kind.bar(design.bars), kind.higher_is_better, kind.one_sided)
    errors = error_rate_test(failed_calls.tallies(launches, "a"), failed_calls.tallies(launches, "b"))
    alpha = ALPHA / len(design.looks)
    together: dict[str, intervals.AnyTest] = {n: t for n, t in tests.items() if KINDS[n].judged}
    if errors is not None and errors.is_testable(alpha):
        together[ERROR_RATE] = errors
    judged = intervals.judge_together(together, alpha)
    rows = []
    for name in KINDS:
        if name == ERROR_RATE and errors is not None:
            rows.append(_error_row(errors, judged.get(name, errors.judge(1 - alpha))))
        elif name in tests:
            low, high = tests[name].estimate.interval(1 - alpha)
            judgement = judged.get(name, Judgement("inconclusive", low, high, 1 - alpha))
            rows.append(_ratio_row(name, tests[name], judgement, values[name]))
    return tuple(rows)


def _ratio_row(
    name: str, test: MetricTest, judgement: Judgement, values: Sequence[Sequence[tuple[float, float]]]
) -> MetricComparison:
    kind = KINDS[name]
    return MetricComparison(
        name=name,
        unit=kind.unit,
        better="higher" if kind.higher_is_better else "lower",
        bar=test.bar,
        judged=kind.judged,
        a=median(a for pairs in values for a, _ in pairs),
        b=median(b for pairs in values for _, b in pairs),
        ratio=test.estimate.ratio,
        low=judgement.low,
        high=judgement.high,
        level=judgement.level,
        verdict=judgement.verdict,
    )


def _error_row(test: ErrorRateTest, judgement: Judgement) -> MetricComparison:
    return MetricComparison(
        name=ERROR_RATE,
        unit=KINDS[ERROR_RATE].unit,
        better="lower",
        bar=test.bar,
        judged=True,
        a=test.share_a,
        b=test.share_b,
        ratio=None,
        low=judgement.low,
        high=judgement.high,
        level=judgement.level,
        verdict=judgement.verdict,
        difference=test.share_b - test.share_a,
    )


def paired(launch: Launch, name: str) -> list[tuple[float, float]]:
    """Return the figures of a metric in the pairs of a launch, without zeros, which have no ratio.

    A launch with a fault has none.
    """
    if launch.faults:
        return []
    if KINDS[name].once_per_launch:
        pairs = [(launch.figures["a"].get(name), launch.figures["b"].get(name))]
    else:
        pairs = [(a.figures.get(name), b.figures.get(name)) for a, b in launch.pairs()]
    return [(a, b) for a, b in pairs if a and b]


def _invalid(launches: Sequence[Launch], design: Design, metrics: Sequence[MetricComparison]) -> str:
    """Return the reason why the times cannot be judged; empty if they can."""
    planned = len(launches) * design.pairs_per_launch
    kept = sum(1 for launch in launches for _ in launch.pairs())
    if planned - kept > MAX_DROPPED_SHARE * planned:
        return f"{planned - kept} of {planned} pairs were dropped, too many to judge the rest"
    if not any(metric.judged and metric.ratio is not None for metric in metrics):
        return "expected a judged metric from both servers in at least two launches, got none"
    return ""


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
    still_open = [m for m in judged if m.verdict == "inconclusive"]
    if verdict in {"worse", "better"}:
        return [f"{KINDS[m.name].words} {verdict} {_by_how_much(m)}" for m in judged if m.verdict == verdict]
    if verdict == "same":
        decided = "the interval of every judged metric lies within its bars"
        return [decided, *(_open_in_words(m) for m in still_open)]
    wide = ", ".join(KINDS[m.name].words for m in still_open if not _may_stay_open(m))
    return [f"the intervals are too wide for {wide}; more launches or --until-decided narrow them"]


def _open_in_words(metric: MetricComparison) -> str:
    """Return what is known about a metric without a verdict: how much worse it may be."""
    return (
        f"{KINDS[metric.name].words} has no verdict: b's may be up to {_factor(metric.high)} times that of a"
    )


def _by_how_much(metric: MetricComparison) -> str:
    """Return the interval in words.

    For example ``by 6.0 % to 9.0 %``, ``by a factor of 7.1 to 15`` or ``by 0.3 to 0.8 percentage points``.
    """
    if metric.ratio is None:
        near, far = sorted((abs(metric.low), abs(metric.high)))
        return f"by {100 * near:.2g} to {100 * far:.2g} percentage points"
    if metric.high >= 2 or metric.low <= 0.5:
        near, far = sorted((metric.low, metric.high), key=lambda ratio: abs(math.log(ratio)))
        return f"by a factor of {_factor(near)} to {_factor(far)}"
    near, far = sorted((abs(metric.low - 1), abs(metric.high - 1)))
    return f"by {near:.1%} to {far:.1%}".replace("%", " %")


def _factor(ratio: float) -> str:
    # With very few launches an interval has practically no bounds.
    if ratio > _LARGEST_FACTOR:
        return f"over {_LARGEST_FACTOR:,}"
    if 0.9 < ratio < 1.1:
        return f"{ratio:.2f}"  # two digits of 1.04 would be a factor of 1
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"


def _drifts_in_words(drifts: Sequence[Drift]) -> list[str]:
    """Return one sentence for each change of a server, with all metrics that show it."""
    groups: dict[tuple[str, int, bool], list[Drift]] = {}
    for drift in drifts:
        groups.setdefault((drift.side, drift.first_pairs, drift.is_warm_up), []).append(drift)
    return [_change_in_words(group) for group in groups.values()]


def _change_in_words(drifts: Sequence[Drift]) -> str:
    first = drifts[0]
    sizes = ", ".join(_size_in_words(drift) for drift in drifts)
    if first.is_warm_up:
        what, where = "warms up after the load has begun", f"first {first.first_pairs}"
    else:
        what, where = "becomes worse during a launch", f"last {first.pairs - first.first_pairs}"
    return (
        f"{first.side} {what}: in the {where} of {first.pairs} pairs, against the others and relative to the "
        f"other server, {sizes}; the figures average all pairs"
    )


def _size_in_words(drift: Drift) -> str:
    """Return what the change is for one metric, such as ``latency median 1.81 to 2.20 times``."""
    if KINDS[drift.metric].higher_is_better:
        return f"throughput {1 / drift.high:.2f} to {1 / drift.low:.2f} times"
    return f"{KINDS[drift.metric].words} {drift.low:.2f} to {drift.high:.2f} times"
