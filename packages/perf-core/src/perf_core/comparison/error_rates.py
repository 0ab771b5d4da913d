"""A test of whether one of two servers fails more often; pure functions.

Errors come in bursts: one stall fails every call in flight, and a lost session all calls that follow. A test
that takes them for independent finds differences between equal servers. Hence all counts are divided by
their design effect, the factor by which the errors vary more between launches than independent ones would
(Kish, "Survey Sampling", 1965; Rao and Scott, "A simple method for the analysis of clustered binary data",
1992). An error that recurs at the same place of each launch varies little and counts in full.

The test is exact for independent errors: given the errors of both servers together, those of b are binomial
with the share of b's calls (Przyborowski and Wilenski, "Homogeneity of results in testing samples from
Poisson series", 1940). The incomplete beta function extends it to the divided counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.special import betainc, betaincinv

from perf_core.comparison.intervals import Judgement, Verdict

BAR = 0.001
"""Difference of two shares up to which they are the same: one call in a thousand, as for records."""

RELATIVE_BAR = 0.5
"""Part of a's share up to which a difference is none, if that is more: servers that both fail in 5 % of their
calls differ by more than one call in a thousand by chance."""


@dataclass(frozen=True)
class Tally:
    """Calls and failed calls of one slice."""

    calls: int
    errors: int


Launches = Sequence[Mapping[int, Tally]]
"""Slices of one server: one mapping from the number of the pair for each launch."""


@dataclass(frozen=True)
class ErrorRateTest:
    """Calls and errors of both servers, and the design effect by which the test divides them.

    Attributes:
        effect: Variance of the errors relative to independent ones, at least 1.
    """

    calls_a: int
    errors_a: int
    calls_b: int
    errors_b: int
    effect: float = 1.0

    @property
    def share_a(self) -> float:
        """Share of a's calls that failed, 0 to 1."""
        return self.errors_a / self.calls_a

    @property
    def share_b(self) -> float:
        """Share of b's calls that failed, 0 to 1."""
        return self.errors_b / self.calls_b

    @property
    def bar(self) -> float:
        """Largest difference of the shares that is none."""
        return max(BAR, RELATIVE_BAR * self.share_a)

    @property
    def p_worse(self) -> float:
        """p-value of "b fails more often than a"."""
        return self._p_value(self.errors_b, self.errors_a, self.calls_b)

    @property
    def p_better(self) -> float:
        """p-value of "b fails less often than a"."""
        return self._p_value(self.errors_a, self.errors_b, self.calls_a)

    def _p_value(self, more: int, fewer: int, calls: int) -> float:
        if more == 0:
            return 1.0
        share = calls / (self.calls_a + self.calls_b)
        return float(betainc(more / self.effect, fewer / self.effect + 1, share))

    def is_testable(self, alpha: float) -> bool:
        """Return whether so many errors could be a difference at all, if one server had made all of them.

        A test that cannot find anything need not share the allowed error with the others (Tarone, "A modified
        Bonferroni method for discrete data", 1990).
        """
        errors, calls = self.errors_a + self.errors_b, self.calls_a + self.calls_b
        least = min(self.calls_a, self.calls_b) / calls
        return errors > 0 and least**errors < alpha / 2

    def smallest_p_value(self) -> float:
        """Return the two-sided p-value of the claim with the stronger evidence."""
        return 2 * min(self.p_worse, self.p_better)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of the difference of the shares, b minus a.

        It combines the exact intervals of both shares (Clopper and Pearson, 1934) by the method of variance
        estimates recovery (Newcombe, "Interval estimation for the difference between independent
        proportions", 1998).
        """
        low_a, high_a = self._share_interval(self.errors_a, self.calls_a, level)
        low_b, high_b = self._share_interval(self.errors_b, self.calls_b, level)
        a, b = self.share_a, self.share_b
        return b - a - math.hypot(b - low_b, high_a - a), b - a + math.hypot(high_b - b, a - low_a)

    def _share_interval(self, errors: int, calls: int, level: float) -> tuple[float, float]:
        failed, right = errors / self.effect, (calls - errors) / self.effect
        tail = (1 - level) / 2
        low = float(betaincinv(failed, right + 1, tail)) if failed else 0.0
        high = float(betaincinv(failed + 1, right, 1 - tail)) if right else 1.0
        return low, high

    def judge(self, level: float) -> Judgement:
        """Return the judgement at this level; its interval is one of the difference.

        Every difference beyond chance counts, however small: an error is never right. Without one, the shares
        are the same if b failed no more often than a, or if the interval ends below the bar.
        """
        low, high = self.interval(level)
        verdict: Verdict = "inconclusive"
        if 2 * self.p_worse < 1 - level:
            verdict = "worse"
        elif 2 * self.p_better < 1 - level:
            verdict = "better"
        elif self.share_b <= self.share_a or high < self.bar:
            verdict = "same"
        return Judgement(verdict, low, high, level)


def error_rate_test(a: Launches, b: Launches) -> ErrorRateTest | None:
    """Return the test of the slices of both servers; None if one of them made no calls."""
    calls_a, errors_a = _sum(a)
    calls_b, errors_b = _sum(b)
    if not calls_a or not calls_b:
        return None
    return ErrorRateTest(calls_a, errors_a, calls_b, errors_b, design_effect((a, b)))


def design_effect(sides: Sequence[Launches]) -> float:
    """Return how much more the errors vary between launches than independent ones, at least 1.

    It is the larger one of two ratios of Pearson's X² to its degrees of freedom, each summed over the
    servers: for the sums of the launches, and for slices at the same place in each launch. Expected are as
    many errors in each launch: all launches are equally long, and a server that hangs answers few calls.
    """
    sums, slices = [], []
    for launches in sides:
        sums.append([_sum([launch])[1] for launch in launches if _sum([launch])[0]])
        pairs = sorted({pair for launch in launches for pair in launch})
        for pair in pairs:
            tallies = [launch[pair] for launch in launches if pair in launch]
            slices.append([tally.errors for tally in tallies if tally.calls])
    return max(1.0, _dispersion(sums), _dispersion(slices))


def _dispersion(groups: Sequence[Sequence[int]]) -> float:
    """Return X² over its degrees of freedom, for groups of counts with one expectation each."""
    statistic, freedom = 0.0, 0
    for counts in groups:
        expected = fmean(counts) if counts else 0.0
        if len(counts) > 1 and expected > 0:
            statistic += sum((count - expected) ** 2 for count in counts) / expected
            freedom += len(counts) - 1
    return statistic / freedom if freedom else 1.0


def _sum(launches: Launches) -> tuple[int, int]:
    tallies = [tally for launch in launches for tally in launch.values()]
    return sum(tally.calls for tally in tallies), sum(tally.errors for tally in tallies)
