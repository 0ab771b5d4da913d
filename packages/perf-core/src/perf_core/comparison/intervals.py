"""Confidence intervals of ratios from paired slices, and verdicts from intervals; pure functions.

The sample is the launch: the slices of one launch share its memory layout and hash seed, so they are
correlated, and an interval over slices would be too narrow. The logarithms of the ratios are averaged by
launch; Student's t over these averages gives the interval. With few launches, the percentile bootstrap
finds differences between equals far too often.

Several metrics, and several servers, are judged together. Holm's method divides the allowed error among
them: the one with the strongest evidence is tested at the strictest level, the next at a looser one, and so
on. Source: Holm, "A simple sequentially rejective multiple test procedure" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

# Not scipy.stats, which takes three times as long to import; its t distribution calls these functions.
from scipy.special import stdtr, stdtrit

Verdict = Literal["worse", "better", "same", "inconclusive"]

MIN_LAUNCHES = 2
"""An interval needs a spread between launches."""

_WIDEST = 500.0
"""Largest half width of an interval, as a logarithm: that of two launches may be beyond the largest float."""


@dataclass(frozen=True)
class Estimate:
    """Mean log ratio over launches, its standard error and its degrees of freedom."""

    mean: float
    error: float
    freedom: int

    @property
    def ratio(self) -> float:
        """Geometric mean of the ratios."""
        return math.exp(self.mean)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the confidence interval of the ratio at this level."""
        half = min(_WIDEST, float(stdtrit(self.freedom, (1 + level) / 2)) * self.error)
        return math.exp(self.mean - half), math.exp(self.mean + half)

    def beyond(self, bar: float) -> float:
        """Return the p-value of "the logarithm of the true ratio is above ``bar``"."""
        if self.error == 0:
            return 0.0 if self.mean > bar else 1.0
        return float(stdtr(self.freedom, (bar - self.mean) / self.error))

    def short_of(self, bar: float) -> float:
        """Return the p-value of "the logarithm of the true ratio is below ``bar``"."""
        return Estimate(-self.mean, self.error, self.freedom).beyond(-bar)


def estimate(log_ratios: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the mean of log ratios, given by launch and pair; None with pairs in fewer than two launches."""
    launches = np.array([np.mean(pairs) for pairs in log_ratios if len(pairs)], dtype=float)
    if len(launches) < MIN_LAUNCHES:
        return None
    error = float(np.std(launches, ddof=1) / math.sqrt(len(launches)))
    return Estimate(float(np.mean(launches)), error, len(launches) - 1)


@dataclass(frozen=True)
class Judgement:
    """Verdict on one metric, and the confidence interval of its ratio or difference at ``level``."""

    verdict: Verdict
    low: float
    high: float
    level: float


class AnyTest(Protocol):
    """A test of one metric that is judged together with others."""

    def smallest_p_value(self) -> float:
        """Return the two-sided p-value of the claim with the strongest evidence."""

    def judge(self, level: float) -> Judgement:
        """Return the judgement at this level of confidence."""


@dataclass(frozen=True)
class MetricTest:
    """Estimate of one metric's ratio and the bar that it is tested against.

    Attributes:
        bar: Relative difference beyond which it matters, such as 0.05: the bars are 1.05 and 1 / 1.05.
        one_sided: For metrics of which less is better: whether the metric is the same as soon as it is no
            worse than the bar. Otherwise its interval must also show that it is no better. It is worse as
            soon as it is certainly above 1 and was measured above the bar: tails vary so much that an
            interval wholly beyond a wide bar would take tails several times as long, while equal servers
            are as safe from an alarm.
    """

    estimate: Estimate
    bar: float
    higher_is_better: bool = False
    one_sided: bool = False

    def smallest_p_value(self) -> float:
        """Return the two-sided p-value of the claim with the strongest evidence."""
        bar, estimate = math.log1p(self.bar), self.estimate
        no_worse, no_better = estimate.short_of(bar), estimate.beyond(-bar)
        if self.higher_is_better:
            no_worse, no_better = no_better, no_worse
        same = no_worse if self.one_sided else max(no_worse, no_better)
        worse = estimate.beyond(0.0 if self._is_measured_beyond else bar)
        return 2 * min(worse, estimate.short_of(-bar), same)

    def judge(self, level: float) -> Judgement:
        """Return the judgement at this level of confidence.

        It is ``worse`` or ``better`` when the whole interval lies beyond a bar, ``same`` when it lies between
        the bars, else ``inconclusive``; see `one_sided` for the exceptions.
        """
        low, high = self.estimate.interval(level)
        bar = 1 + self.bar
        verdict: Verdict = "inconclusive"
        is_below, is_above = high < bar, low > 1 / bar
        if low > bar:
            verdict = "better" if self.higher_is_better else "worse"
        elif high < 1 / bar:
            verdict = "worse" if self.higher_is_better else "better"
        elif low > 1 and self._is_measured_beyond:
            verdict = "worse"
        elif (is_below and is_above) or (self.one_sided and is_below):
            verdict = "same"
        return Judgement(verdict, low, high, level)

    @property
    def _is_measured_beyond(self) -> bool:
        """Whether a one-sided metric was measured above its bar."""
        return self.one_sided and self.estimate.ratio > 1 + self.bar


Name = TypeVar("Name", bound=Hashable)


def judge_together(tests: Mapping[Name, AnyTest], alpha: float) -> dict[Name, Judgement]:
    """Return the judgement of each test by name, with an error of at most ``alpha`` over all of them."""
    order = sorted(tests, key=lambda name: tests[name].smallest_p_value())
    judgements: dict[Name, Judgement] = {}
    share, all_decided = len(order), True
    for rank, name in enumerate(order):
        judgements[name] = tests[name].judge(1 - alpha / share)
        # Holm: the level becomes looser only as long as every metric so far was decided. A later one may be
        # decided at the same level, since shares of failed calls are the same without any evidence.
        all_decided = all_decided and judgements[name].verdict != "inconclusive"
        if all_decided:
            share = len(order) - rank - 1
    return {name: judgements[name] for name in tests}


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict over several metrics: one ``worse`` decides, ``same`` requires all of them."""
    if "worse" in verdicts:
        return "worse"
    if "better" in verdicts:
        return "better"
    return "same" if verdicts and all(each == "same" for each in verdicts) else "inconclusive"
