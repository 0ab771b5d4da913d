"""The posterior distribution of a capacity, from counts of calls that broke an objective; pure functions.

The share of calls that break an objective grows with the arrival rate as a psychometric function: a floor
that does not depend on the rate, and a logistic curve in the logarithm of the rate. The capacity is the rate
at which the share reaches the objective's budget, such as 1 % for a p99. Calls of one step do not break it
independently, since a queue delays many at once: the share of each step is drawn from a beta distribution
around the curve, so that the counts are beta-binomial. Capacity, steepness, floor and concentration of that
distribution have broad priors on a grid, and all but the capacity are summed out.

Far from the capacity no curve of two parameters fits every server: steps there only say on which side of
them the capacity lies, each with a probability of error, as in probabilistic bisection.

Source: Schütt, Harmeling, Macke and Wichmann, "Painfree and accurate Bayesian estimation of psychometric
functions for (potentially) overdispersed data", Vision Research 122 (2016); the beta-binomial dose-response
is Williams', Biometrics 31 (1975); probabilistic bisection: Waeber, Frazier and Henderson, "Bisection search
with noisy responses", SIAM Journal on Control and Optimization 51 (2013).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

POINTS = 160
"""Rates of the grid, evenly spaced by their logarithm: 1.3 % apart over a range of 8 to 1."""


@dataclass(frozen=True)
class Values:
    """Values of a grid with their probabilities before any step."""

    values: Column
    weights: Column


def _values(pairs: Mapping[float, float]) -> Values:
    weights = np.array(list(pairs.values()))
    return Values(np.array(list(pairs)), weights / weights.sum())


@dataclass(frozen=True)
class Prior:
    """Beliefs about a kind of objective before any step.

    Attributes:
        steepness: Growth of the share's logit per unit of the rate's logarithm: 2 for a server that stalls
            now and then, some 20 to 100 for a queue near saturation, no limit for one that refuses what
            exceeds its limit.
        concentration: Concentration of the beta distribution: as many independent calls would scatter as
            much as one step does.
        floors: Share of calls that break the objective at any rate, in budgets.
    """

    steepness: Values
    concentration: Values
    floors: Values


QUEUE = Prior(
    _values({6: 1, 15: 3, 40: 4, 100: 3, 250: 2}),
    _values({0.5: 2, 2: 3, 8: 4, 30: 3, 120: 1, 1000: 0.5}),
    _values({0.002: 6, 0.1: 1, 0.3: 1, 0.6: 1, 0.85: 1}),
)
"""Shares of calls that wait too long in a queue: it delays many at once, so that steps scatter."""

STALLS = Prior(
    _values({0.4: 2, 1.5: 2, 4: 2, 10: 1, 40: 1}),
    _values({2: 1, 8: 2, 30: 3, 120: 3, 1000: 2}),
    _values({0.002: 3, 0.1: 1, 0.3: 1, 0.6: 1, 0.85: 1}),
)
"""The same where the server stalls regularly: what a stall delays grows slowly with the rate."""

WHOLE = Prior(_values({80: 1, 160: 2, 320: 2}), _values({1.0: 1}), _values({0.01: 3, 0.06: 1}))
"""Whole steps: whether the server kept up, which it does not beyond its limit by a percent or two."""

_SMALLEST_ERROR = 1e-3
"""Probability that a step errs by whatever distance: what happened then has nothing to do with the rate."""

_LAPSE = 1e-3
"""Share of calls that keep the objective at any rate."""


@dataclass(frozen=True)
class Trial:
    """One step as one objective sees it.

    Attributes:
        calls: Calls that it counts; 1 where only the step as a whole kept or broke it.
        broken: Those that broke it, not necessarily a whole number.
    """

    rate_per_s: float
    calls: float
    broken: float


@dataclass(frozen=True)
class Trust:
    """Trust in a step that says on which side of its rate the capacity lies.

    Attributes:
        error: Probability that it errs if the capacity is close to its rate.
        reach: Distance, as a logarithm of rates, over which that falls to a third: few steps err by much.
    """

    error: float
    reach: float


@dataclass(frozen=True)
class Bound:
    """One step that only says on which side of its rate the capacity lies.

    Attributes:
        is_lower: Whether the capacity is lower, by this step.
        trust: How far that can be trusted.
    """

    rate_per_s: float
    is_lower: bool
    trust: Trust


@dataclass(frozen=True)
class Posterior:
    """Probability of each capacity.

    Attributes:
        rates: Rates per second, ascending.
        survival: Probability that the capacity is above each of them.
    """

    rates: Column
    survival: Column

    def quantile(self, share: float) -> float:
        """Return the rate below which the capacity lies with probability ``share``."""
        below = 1.0 - self.survival
        return float(np.exp(np.interp(share, below, np.log(self.rates))))

    def above(self, rate: float) -> float:
        """Return the probability that the capacity is above a rate."""
        return float(np.interp(math.log(rate), np.log(self.rates), self.survival))


def posterior(
    trials: Sequence[Trial],
    budget: float,
    low: float,
    high: float,
    *,
    bounds: Sequence[Bound] = (),
    prior: Prior = QUEUE,
) -> Posterior:
    """Return the posterior of one objective's capacity, uniform in the logarithm between two rates before.

    Args:
        trials: Steps near the capacity: far from it no curve of two parameters fits every server.
        budget: Share of calls that may break the objective, 0 to 1; 0.5 for trials of one call.
        bounds: The other steps.
    """
    rates = np.geomspace(low, high, POINTS)
    shares, scatter = prior.steepness.weights, prior.concentration.weights
    before = shares[:, None, None] * prior.floors.weights[:, None] * scatter
    density = np.broadcast_to(np.log(before), (POINTS, *before.shape)).copy()
    for trial in trials:
        density += _log_likelihood(trial, budget, rates, prior)
    for bound in bounds:
        density += _log_likelihood_of(bound, rates)[:, None, None, None]
    weights = np.exp(density - density.max()).sum(axis=(1, 2, 3))
    weights /= weights.sum()
    # The mass of a grid point lies around it.
    centred = np.cumsum(weights) - weights / 2
    survival = np.clip(1.0 - centred, 0.0, 1.0)
    survival[0], survival[-1] = 1.0, 0.0
    return Posterior(rates, survival)


def _log_likelihood_of(bound: Bound, rates: Column) -> Column:
    is_consistent = (rates < bound.rate_per_s) == bound.is_lower
    distance = np.abs(np.log(rates / bound.rate_per_s))
    error = np.maximum(bound.trust.error * np.exp(-distance / bound.trust.reach), _SMALLEST_ERROR)
    logs: Column = np.log(np.where(is_consistent, 1 - error, error))
    return logs


def bound_of(trial: Trial, budget: float, trust: Trust) -> Bound:
    """Return what a step says on its own: whether more calls break the objective than may.

    The probability of that is beta after the counts, with Jeffreys' prior; a share exactly at the budget says
    nothing.

    Args:
        trust: Trust in a step of very many calls, which depend on one another.
    """
    from scipy.special import betainc  # takes a second to load, and few commands need it

    if trial.calls <= 1:
        above = float(trial.broken > 0)
    else:
        above = 1 - float(betainc(trial.broken + 0.5, trial.calls - trial.broken + 0.5, budget))
        if trial.broken == 0:
            # Half of the belief is that such calls do not occur at all at a rate; none is seen by chance with
            # the probability of Jeffreys' prior for no success in so many calls.
            by_chance = 1 / math.sqrt(math.pi * trial.calls)
            above *= by_chance / (1 + by_chance)
    error = min(0.5, trust.error + min(above, 1 - above))
    return Bound(trial.rate_per_s, above > 0.5, Trust(error, trust.reach))


def chance_of(trial: Trial, budget: float) -> float:
    """Return the probability that so many calls break an objective by chance, if exactly its budget does."""
    from scipy.special import bdtrc  # takes a second to load, and few commands need it

    if trial.calls <= 1:
        return float(not trial.broken)
    at_least = math.ceil(trial.broken)
    return 1.0 if at_least == 0 else float(bdtrc(at_least - 1, math.ceil(trial.calls), budget))


def together(posteriors: Sequence[Posterior]) -> Posterior:
    """Return the posterior of the capacity that keeps all objectives: the lowest of theirs.

    What breaks them mostly has one cause, so that they are not taken as independent: a server that falls
    behind at some rate also answers late there, which is no second reason for a lower capacity.
    """
    survival = np.min([each.survival for each in posteriors], axis=0)
    return Posterior(posteriors[0].rates, survival)


def _log_likelihood(trial: Trial, budget: float, rates: Column, prior: Prior) -> Column:
    """Return the logarithm of the likelihood over the grid: capacity, steepness, floor, concentration."""
    expit, gammaln = _special()
    floors, concentrations = prior.floors.values * budget, prior.concentration.values
    at_capacity = (budget - floors) / (1 - floors)
    distance = math.log(trial.rate_per_s) - np.log(rates)
    logit = (
        np.log(at_capacity / (1 - at_capacity)) + prior.steepness.values[:, None] * distance[:, None, None]
    )
    share = floors + (1 - floors - _LAPSE) * expit(logit)
    if trial.calls <= 1:
        chance = np.log(share if trial.broken else 1 - share)[..., None]
        return np.broadcast_to(chance, (*chance.shape[:-1], len(concentrations))).astype(np.float64)
    kept = trial.calls - trial.broken
    a = share[..., None] * concentrations
    b = concentrations - a
    total: Column = gammaln(concentrations) - gammaln(trial.calls + concentrations)
    if trial.broken:
        total = total + gammaln(trial.broken + a) - gammaln(a)
    if kept:
        total = total + gammaln(kept + b) - gammaln(b)
    return np.broadcast_to(total, a.shape).astype(np.float64)


@cache
def _special() -> tuple[Any, Any]:
    # Takes a second to load, and few commands need it.
    from scipy.special import expit, gammaln

    return expit, gammaln
