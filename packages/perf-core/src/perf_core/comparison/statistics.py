"""From launches to metrics and verdicts; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from perf_core.comparison import failed_calls, intervals, verdict_reasons
from perf_core.comparison.drift import find_drifts
from perf_core.comparison.error_rates import ErrorRateTest, error_rate_test
from perf_core.comparison.intervals import Judgement, MetricTest
from perf_core.comparison.model import (
    ERROR_RATE,
    KINDS,
    SEVERITY,
    Design,
    Launch,
    MetricComparison,
    OwnFigure,
    Pairing,
    Ranking,
    Verdict,
)
from perf_core.comparison.own_figures import own_figures, paired
from perf_core.comparison.rankings import rankings
from perf_core.comparison.schedule import BASELINE, Side

ALPHA = 0.05
"""Allowed probability of a difference between equal servers, over all metrics of all servers together."""

MAX_DROPPED_SHARE = 0.2
"""Largest share of dropped pairs with which the remaining ones are a fair sample."""


@dataclass(frozen=True)
class Conclusion:
    """Verdicts, reasons and figures from the launches so far; see :class:`.model.Comparison`."""

    verdict: Verdict
    reasons: tuple[str, ...]
    pairings: tuple[Pairing, ...]
    own_figures: tuple[OwnFigure, ...] = ()
    rankings: tuple[Ranking, ...] = ()

    @property
    def metrics(self) -> tuple[MetricComparison, ...]:
        """Metrics of the first server that is judged; of two servers, all that there are."""
        return self.pairings[0].metrics

    def interrupted(self) -> Conclusion:
        """Return the figures without the verdicts, which were not complete."""
        pairings = tuple(replace(each, verdict="interrupted", reasons=()) for each in self.pairings)
        reason = "the user interrupted; the figures cover the launches so far"
        return replace(self, verdict="interrupted", reasons=(reason,), pairings=pairings)

    @property
    def is_open(self) -> bool:
        """Whether more launches could decide something."""
        return any(pairing.verdict == "inconclusive" for pairing in self.pairings)


def conclude(launches: Sequence[Launch], design: Design) -> Conclusion:
    """Return the conclusion from the launches so far."""
    metrics = compare_metrics(launches, design)
    pairings = tuple(_pairing(side, metrics[side], launches, design) for side in design.rivals)
    own = own_figures(launches, design)
    return Conclusion(
        verdict=most_severe(pairing.verdict for pairing in pairings),
        reasons=verdict_reasons.for_people(pairings, launches, design),
        pairings=pairings,
        own_figures=own,
        rankings=rankings(launches, design, own, ALPHA / len(design.looks)),
    )


def most_severe(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over several servers."""
    return min(verdicts, key=SEVERITY.index)


def _pairing(
    side: Side, metrics: tuple[MetricComparison, ...], launches: Sequence[Launch], design: Design
) -> Pairing:
    judged = [metric for metric in metrics if metric.judged]
    verdict: Verdict
    reasons: Sequence[str]
    invalid = _invalid(launches, design, metrics, side)
    # More pairs would not take back errors and tails, which include the dropped ones.
    certain = [m for m in judged if m.verdict == "worse" and KINDS[m.name].covers_dropped]
    if invalid and not certain:
        verdict, reasons = "invalid", [invalid]
    elif invalid:
        worse = verdict_reasons.of_verdict("worse", certain, side)
        verdict, reasons = "worse", [*worse, f"{invalid}; the rest is not judged"]
    else:
        verdict = _overall(judged)
        reasons = verdict_reasons.of_verdict(verdict, judged, side)
    return Pairing(side, verdict, tuple(reasons), metrics, find_drifts(launches, design, side))


def _overall(judged: Sequence[MetricComparison]) -> intervals.Verdict:
    open_ones = verdict_reasons.may_stay_open
    verdicts = {m.name: m.verdict for m in judged if m.verdict != "inconclusive" or not open_ones(m)}
    verdict = intervals.overall(list(verdicts.values()))
    # A server that may be faster because it is wrong, or because some calls wait longer, is not better.
    doubtful = any(
        m.verdict == "inconclusive" and (m.name == ERROR_RATE or verdict_reasons.looks_worse(m))
        for m in judged
        if KINDS[m.name].covers_dropped
    )
    return "inconclusive" if verdict == "better" and doubtful else verdict


_Values = Mapping[str, list[list[tuple[float, float]]]]
"""Figures of both servers of a pairing by metric, launch and pair."""


@dataclass(frozen=True)
class _Tests:
    """Tests of one server against the baseline: of its ratios by metric, and of its failed calls."""

    values: _Values
    ratios: Mapping[str, MetricTest]
    errors: ErrorRateTest | None

    def together(self, alpha: float) -> dict[str, intervals.AnyTest]:
        """Return the tests that share the allowed error."""
        tests: dict[str, intervals.AnyTest] = {n: t for n, t in self.ratios.items() if KINDS[n].judged}
        if self.errors is not None and self.errors.is_testable(alpha):
            tests[ERROR_RATE] = self.errors
        return tests


def compare_metrics(launches: Sequence[Launch], design: Design) -> dict[Side, tuple[MetricComparison, ...]]:
    """Return every metric that a server and the baseline have in enough launches, in the order of the tables.

    All judged metrics of all servers are tested together.
    """
    alpha = ALPHA / len(design.looks)
    tests = {side: _tests(launches, design, side) for side in design.rivals}
    together = {
        (side, name): test for side, own in tests.items() for name, test in own.together(alpha).items()
    }
    judged = intervals.judge_together(together, alpha)
    return {
        side: _rows(own, {name: judged[each, name] for each, name in judged if each == side}, alpha)
        for side, own in tests.items()
    }


def _tests(launches: Sequence[Launch], design: Design, side: Side) -> _Tests:
    values = {name: [paired(launch, name, side) for launch in launches] for name in KINDS}
    ratios: dict[str, MetricTest] = {}
    for name, kind in KINDS.items():
        estimate = intervals.estimate([[math.log(b / a) for a, b in pairs] for pairs in values[name]])
        if estimate is not None:
            ratios[name] = MetricTest(estimate, kind.bar(design.bars), kind.higher_is_better, kind.one_sided)
    errors = error_rate_test(failed_calls.tallies(launches, BASELINE), failed_calls.tallies(launches, side))
    return _Tests(values, ratios, errors)


def _rows(tests: _Tests, judged: Mapping[str, Judgement], alpha: float) -> tuple[MetricComparison, ...]:
    rows = []
    for name in KINDS:
        if name == ERROR_RATE and tests.errors is not None:
            rows.append(_error_row(tests.errors, judged.get(name, tests.errors.judge(1 - alpha))))
        elif name in tests.ratios:
            low, high = tests.ratios[name].estimate.interval(1 - alpha)
            judgement = judged.get(name, Judgement("inconclusive", low, high, 1 - alpha))
            rows.append(_ratio_row(name, tests.ratios[name], judgement, tests.values[name]))
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


def _invalid(
    launches: Sequence[Launch], design: Design, metrics: Sequence[MetricComparison], side: Side
) -> str:
    """Return the reason why the times of a server cannot be judged; empty if they can."""
    planned = len(launches) * design.pairs_per_launch
    kept = sum(1 for launch in launches for _ in launch.pairs(side))
    if planned - kept > MAX_DROPPED_SHARE * planned:
        return f"{planned - kept} of {planned} pairs were dropped, too many to judge the rest"
    if not any(metric.judged and metric.ratio is not None for metric in metrics):
        return "expected a judged metric from both servers in at least two launches, got none"
    return ""
