"""Intervals of ratios from paired slices, and verdicts from intervals; pure functions.

The unit is the launch: slices of one launch share its memory layout and its hash seed, so they vary
together, and an interval over slices would promise too much. The logarithms of the ratios are averaged by
launch; Student's t over these averages gives the interval. With few launches the percentile bootstrap,
which comes to mind, alarms far too often.

Several metrics are judged together. Holm's method shares the error among them: the metric with the most
evidence is held to the strictest level, the next to a looser one, and so on. Source: Holm, "A simple
sequentially rejective multiple test procedure" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Verdict = Literal["worse", "better", "same", "inconclusive"]

FEWEST_LAUNCHES = 2
"""An interval needs a spread."""


@dataclass(frozen=True)
class Estimate:
    """Mean of logarithms of ratios, one per launch.

    Attributes:
        mean: Mean logarithm.
        error: Standard error of the mean.
        freedom: Degrees of freedom.
    """

    mean: float
    error: float
    freedom: int

    @property
    def ratio(self) -> float:
        """The ratio itself."""
        return math.exp(self.mean)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of the ratio that holds the truth with this probability."""
        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return math.exp(self.mean - half), math.exp(self.mean + half)

    def beyond(self, bar: float) -> float:
        """Return the p-value of "the logarithm of the true ratio is above ``bar``"."""
        if self.error == 0:
            return 0.0 if self.mean > bar else 1.0
        return float(stats.t.sf((self.mean - bar) / self.error, self.freedom))

    def short_of(self, bar: float) -> float:
        """Return the p-value of "the logarithm of the true ratio is below ``bar``"."""
        return Estimate(-self.mean, self.error, self.freedom).beyond(-bar)


def estimate(log_ratios: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the mean of log ratios over launches; None with fewer than two launches.

    Args:
        log_ratios: Logarithms of the ratios of the pairs, by launch; a launch without pairs is left out.
    """
    launches = np.array([np.mean(pairs) for pairs in log_ratios if len(pairs)], dtype=float)
    if len(launches) < FEWEST_LAUNCHES:
        return None
    error = float(np.std(launches, ddof=1) / math.sqrt(len(launches)))
    return Estimate(float(np.mean(launches)), error, len(launches) - 1)


@dataclass(frozen=True)
class Judged:
    """What can be said of one metric.

    Attributes:
        verdict: ``worse`` or ``better`` when the whole interval lies beyond a bar, ``same`` when it lies
            between them, else ``inconclusive``.
        low: Lower end of the interval of the ratio.
        high: Upper end.
        level: Probability with which the interval holds the truth.
    """

    verdict: Verdict
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Question:
    """One metric to be judged.

    Attributes:
        estimate: Its log ratio.
        bar: How much larger the ratio may be before it matters, such as 0.05; the lower bar is its mirror.
        higher_is_better: Whether a larger figure is a better one.
    """

    estimate: Estimate
    bar: float
    higher_is_better: bool = False


def judge_together(questions: Mapping[str, Question], alpha: float) -> dict[str, Judged]:
    """Return what can be said of each metric, with an error of at most ``alpha`` over all of them."""
    order = sorted(questions, key=lambda name: _doubt(questions[name]))
    judged: dict[str, Judged] = {}
    share = len(order)
    for rank, name in enumerate(order):
        question = questions[name]
        level = 1 - alpha / share
        judged[name] = _judged(question, level)
        # Holm: the next metric gets a looser level only as long as all before it were decided.
        if judged[name].verdict != "inconclusive":
            share = len(order) - rank - 1
    return {name: judged[name] for name in questions}


def _doubt(question: Question) -> float:
    """Return the two-sided p-value of the claim that has the most evidence."""
    bar, found = math.log1p(question.bar), question.estimate
    same = max(found.short_of(bar), found.beyond(-bar))
    return 2 * min(found.beyond(bar), found.short_of(-bar), same)


def _judged(question: Question, level: float) -> Judged:
    low, high = question.estimate.interval(level)
    bar = 1 + question.bar
    verdict: Verdict = "inconclusive"
    if low > bar:
        verdict = "better" if question.higher_is_better else "worse"
    elif high < 1 / bar:
        verdict = "worse" if question.higher_is_better else "better"
    elif low > 1 / bar and high < bar:
        verdict = "same"
    return Judged(verdict, low, high, level)


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict over several metrics: worse beats all, same needs them all."""
    if "worse" in verdicts:
        return "worse"
    if "better" in verdicts:
        return "better"
    return "same" if verdicts and all(each == "same" for each in verdicts) else "inconclusive"
