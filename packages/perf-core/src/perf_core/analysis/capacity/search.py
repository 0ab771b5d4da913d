"""The search for a capacity: which rate to offer next, and what the steps so far say; pure.

The rate doubles until a step breaks an objective. From then on each step goes where it says most about the
capacity: near the median of the posterior, which is probabilistic bisection (Waeber, Frazier and Henderson,
"Bisection search with noisy responses", SIAM Journal on Control and Optimization 51, 2013). A step that lies
is outvoted by later ones; where steps agree, this is plain bisection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perf_core.analysis.capacity.model import Answer, Phase, Step
from perf_core.analysis.capacity.objectives import ERRORS, Objective
from perf_core.analysis.capacity.observation import stall_every_s
from perf_core.analysis.capacity.posterior import (
    QUEUE,
    STALLS,
    WHOLE,
    Bound,
    Posterior,
    Prior,
    Trial,
    Trust,
    bound_of,
    chance_of,
    posterior,
    together,
)

LEVEL = 0.95
"""Probability with which the capacity lies in the interval."""

TOLERANCE = 0.05
"""Width of the interval, as a share of the best guess, at which the search ends."""

FIRST_RATE = 2.0
LOWEST_RATE = 0.1
"""k6 counts arrivals per ten seconds, in whole numbers."""

HIGHEST_RATE = 100_000.0

LOOK_S = 3.0
DOUBLING_S = 3.0
NARROWING_S = 10.0
MOST_S = 30.0
"""Lengths of steps, in seconds."""

WARM_UPS_S: Mapping[Phase, float] = {"look": 2.0, "doubling": 2.0, "narrowing": 4.0}
"""Time at a step's rate before anything counts. Near the capacity a queue needs long to become as long as it
will
be: with 2 s the intervals of a worker with exponential times of 1 ms were 1.3 % too high."""

_MARGIN = 0.005
"""Share by which each end of an interval is moved outwards: for arrivals that are not quite even, queues
that grow too slowly to be noticed, and rates in tenths."""

_CALLS_PER_STEP = 300
"""Calls of a narrowing step, if it can have them within twice its usual length."""

_DOUBLING = 2.0
_CLOSE = 2.2
"""Ratio of a broken to a kept rate from which the posterior is better than halving."""

_CLOSE_TO_CEILING = 1.1
"""Ratio of a rate that cannot be measured to a kept one at which a lower bound is good enough."""

_PLACES = (0.5, 0.5, 0.35, 0.65)
"""Quantiles of the posterior at which steps take place, in turn."""

_MOST_UNCLEAR = 8
"""Unclear steps after which the search gives up: a busy machine tells nothing."""

_LEAST_NARROWING = 4
"""Steps near the capacity before an interval is believed: fewer do not show how much steps scatter."""

_SURE = 0.01
"""Probability that so many calls break an objective by chance, below which a step surely broke it."""

_MOST_HALVINGS = 5
"""Broken steps without a kept one after which no rate is expected to keep the objectives."""

_NEAR = 1.25
"""Ratio of rates within which steps share one curve."""

_TRUST = Trust(0.03, 0.1)
_TRUST_OF_CLEAR_STEPS = Trust(0.05, 0.1)
_TRUST_OF_SHORT_STEPS = Trust(0.1, 0.2)
_TRUST_BETWEEN_STALLS = Trust(0.4, 1.0)
"""Trust in steps of full length, in those that kept the objective by far, in shorter ones, and in shorter
ones of a server that stalls: such a step sees no stall or one, which is a far larger share of it than of
other times."""

_CLEAR_FACTOR = 3.0

_AT_AN_EDGE = 0.05
_WIDER = 2.0
_WIDENINGS = 4


@dataclass(frozen=True)
class Plan:
    """The next step.

    Attributes:
        hold_s: Length without the warm-up.
    """

    phase: Phase
    rate_per_s: float
    hold_s: float


@dataclass(frozen=True)
class Conclusion:
    """Answer of the steps so far; see :class:`.model.Capacity` for the fields."""

    answer: Answer
    low_per_s: float | None = None
    high_per_s: float | None = None
    best_per_s: float | None = None

    @property
    def width(self) -> float:
        """Width of the interval as a share of the best guess; infinite without one."""
        if self.low_per_s is None or self.high_per_s is None or not self.best_per_s:
            return math.inf
        return (self.high_per_s - self.low_per_s) / self.best_per_s


@dataclass(frozen=True)
class _Needs:
    """Requirements on a step that counts in full.

    Attributes:
        whole_s: Length from which it sees all that the server does.
        trust_of_short: Trust in a shorter one.
        prior: How steps near the capacity scatter.
    """

    whole_s: float
    trust_of_short: Trust
    prior: Prior


@dataclass
class CapacitySearch:
    """Chooses steps and keeps what came of them.

    Example::

        search = CapacitySearch(objectives)
        while (plan := search.next()) is not None:
            search.add(measured(plan))
        search.conclusion()
    """

    objectives: Sequence[Objective]
    tolerance: float = TOLERANCE
    most_rate: float = HIGHEST_RATE
    steps: list[Step] = field(default_factory=list)
    _narrowing: int = 0

    def next(self) -> Plan | None:
        """Return the next step; None when the search has its answer."""
        if not self.steps:
            return Plan("look", min(FIRST_RATE, self.most_rate), LOOK_S)
        if len(self.steps) - len(self._clear()) >= _MOST_UNCLEAR:
            return None
        last = self.steps[-1]
        if not self._clear() or (last.state == "unclear" and not self._was_repeated(last)):
            return Plan(last.phase, last.rate_per_s, last.hold_s)
        kept, broken = self._highest_kept(), self._lowest_broken()
        if kept is None or broken is None:
            return self._doubled(kept) if broken is None else self._halved(broken)
        if broken / kept > _CLOSE and self._narrowing == 0:
            return Plan("doubling", _rounded(self._between(kept, broken)), DOUBLING_S)
        return self._narrowed()

    def add(self, step: Step) -> None:
        """Keep a step."""
        self.steps.append(step)

    def conclusion(self) -> Conclusion:
        """Return what the steps so far say."""
        kept, broken = self._highest_kept(), self._lowest_broken()
        if kept is None and broken is None:
            return Conclusion("cannot tell")
        if broken is None:
            whole = self._highest_kept_whole()
            return Conclusion("cannot tell") if whole is None else Conclusion("at least", low_per_s=whole)
        if kept is None:
            return Conclusion("none", 0.0, broken, 0.0)
        limit = self._posterior()
        tail = (1 - LEVEL) / 2
        return Conclusion(
            "interval",
            limit.quantile(tail) * (1 - _MARGIN),
            limit.quantile(1 - tail) * (1 + _MARGIN),
            limit.quantile(0.5),
        )

    def stall_every_s(self) -> float | None:
        """Return the time between the server's stalls, if they come regularly."""
        return stall_every_s([start for step in self.steps for start in step.stalls_s])

    def _doubled(self, kept: float | None) -> Plan | None:
        assert kept is not None, "a step that is not unclear is kept or broken"  # noqa: S101 - see next()
        ceiling = self._ceiling()
        last = max(self._clear(), key=lambda step: step.rate_per_s)
        rate = kept * _DOUBLING
        if last.phase == "look" and last.waits_ms is not None and last.waits_ms.med > 0:
            # One call at a time is far below what any server can do that serves several.
            rate = max(rate, 0.4 * 1000 / last.waits_ms.med)
        if ceiling is not None:
            rate = min(rate, math.sqrt(kept * ceiling))
        rate = _rounded(min(rate, self.most_rate))
        is_close = ceiling is not None and ceiling / kept < _CLOSE_TO_CEILING
        if not is_close and rate > kept:
            return Plan("doubling", rate, DOUBLING_S)
        # Where the search ends, its bound rests on a step of full length: queues take time to grow.
        return None if self._highest_kept_whole() == kept else Plan("narrowing", kept, self._hold_s(kept))

    def _highest_kept_whole(self) -> float | None:
        """Return the highest rate at which a step of full length kept the objectives; None without one."""
        whole_s = self._needs().whole_s
        rates = [step.rate_per_s for step in self._clear() if step.state == "kept" and step.hold_s >= whole_s]
        return max(rates, default=None)

    def _narrowed(self) -> Plan | None:
        if self.conclusion().width <= self.tolerance and self._narrowing >= _LEAST_NARROWING:
            return None
        place = _PLACES[self._narrowing % len(_PLACES)]
        self._narrowing += 1
        rate = min(_rounded(self._posterior().quantile(place)), self.most_rate)
        ceiling = self._ceiling()
        return (
            None if ceiling is not None and rate >= ceiling else Plan("narrowing", rate, self._hold_s(rate))
        )

    def _halved(self, broken: float) -> Plan | None:
        if broken <= LOWEST_RATE:
            return None
        tried = [step for step in self._clear() if self._is_surely_broken(step)]
        if len(tried) >= _MOST_HALVINGS:
            return None
        return Plan("doubling", _rounded(max(LOWEST_RATE, broken / 4)), self._hold_s(broken / 4))

    def _between(self, kept: float, broken: float) -> float:
        """Return a rate between the highest kept and the lowest broken one.

        What the server answered while it was overloaded is a good guess of what it can do.
        """
        step = min(
            (step for step in self._clear() if self._is_surely_broken(step)), key=lambda step: step.rate_per_s
        )
        guess = 0.95 * step.answered_per_s
        if 1.2 * kept < guess < broken / 1.2:
            return guess
        return math.sqrt(kept * broken)

    def _posterior(self) -> Posterior:
        """Return the posterior of the capacity over a range that holds it."""
        kept, broken = self._highest_kept(), self._lowest_broken()
        # Before that nobody asks for it.
        assert kept is not None, "expected a kept step, got none"  # noqa: S101
        assert broken is not None, "expected a broken step, got none"  # noqa: S101
        low, high = min(kept, broken) / _WIDER, max(kept, broken) * _WIDER
        for _ in range(_WIDENINGS):
            limit = self._posterior_between(low, high)
            at_top, at_bottom = limit.above(high / 1.15), 1 - limit.above(low * 1.15)
            if at_top <= _AT_AN_EDGE and at_bottom <= _AT_AN_EDGE:
                break
            high *= _WIDER if at_top > _AT_AN_EDGE else 1
            low /= _WIDER if at_bottom > _AT_AN_EDGE else 1
        return limit

    def _posterior_between(self, low: float, high: float) -> Posterior:
        steps = [step for step in self._clear() if low / 2 <= step.rate_per_s <= high * 2]
        each = [
            limit
            for objective in self.objectives
            if (limit := _objective_posterior(steps, objective, low, high, self._needs())) is not None
        ]
        if any(not step.sustained for step in steps):
            # Calls that waited too long in a step that seems sustained leave open whether it was.
            clear = [step for step in steps if not step.sustained or step.state == "kept"]
            whole = [Trial(step.rate_per_s, 1, float(not step.sustained)) for step in clear]
            each.append(posterior(whole, 0.5, low, high, prior=WHOLE))
        if not each:
            each.append(posterior([], 0.5, low, high))
        return together(each)

    def _clear(self) -> list[Step]:
        return [step for step in self.steps if step.state != "unclear"]

    def _highest_kept(self) -> float | None:
        kept = [step for step in self._clear() if not self._is_surely_broken(step)]
        return max((step.rate_per_s for step in kept), default=None)

    def _lowest_broken(self) -> float | None:
        broken = [step for step in self._clear() if self._is_surely_broken(step)]
        return min((step.rate_per_s for step in broken), default=None)

    def _is_surely_broken(self, step: Step) -> bool:
        """Return whether a broken step is not merely one of too few calls, of which a single one was slow."""
        if step.state != "broken" or not step.sustained:
            return step.state == "broken"
        trials = [(objective, _trial(step, objective)) for objective in self.objectives]
        return any(
            trial is not None and chance_of(trial, objective.budget or 0.5) < _SURE
            for objective, trial in trials
        )

    def _ceiling(self) -> float | None:
        """Return the lowest rate that could not be measured here, such as one beyond what k6 can offer."""
        kept = self._highest_kept() or 0.0
        rates = [step.rate_per_s for step in self.steps if step.state == "unclear" and step.rate_per_s > kept]
        twice = [rate for rate in rates if rates.count(rate) >= 2]
        return min(twice, default=None)

    def _was_repeated(self, step: Step) -> bool:
        return [each.rate_per_s for each in self.steps[-2:]].count(step.rate_per_s) > 1

    def _needs(self) -> _Needs:
        every_s = self.stall_every_s()
        if every_s is None:
            return _Needs(0.95 * NARROWING_S, _TRUST_OF_SHORT_STEPS, QUEUE)
        return _Needs(0.95 * min(max(NARROWING_S, every_s), MOST_S), _TRUST_BETWEEN_STALLS, STALLS)

    def _hold_s(self, rate: float) -> float:
        """Return the length of a step: long enough for its calls, and whole periods of regular stalls."""
        length_s = min(max(NARROWING_S, _CALLS_PER_STEP / max(rate, 1e-3)), 2 * NARROWING_S)
        every_s = self.stall_every_s()
        if every_s is not None and every_s <= MOST_S:
            length_s = max(1, round(length_s / every_s)) * every_s
        return min(length_s, MOST_S)


def _objective_posterior(
    steps: Sequence[Step], objective: Objective, low: float, high: float, needs: _Needs
) -> Posterior | None:
    """Return the posterior of one objective; None if no step ever broke it, which says nothing."""
    budget = objective.budget or 0.5
    pairs = [(step, trial) for step in steps if (trial := _trial(step, objective)) is not None]
    if not any(trial.broken > 0 for _, trial in pairs):
        return None
    bounds = [_bound(step, trial, objective, needs) for step, trial in pairs]
    middle = posterior([], budget, low, high, bounds=bounds).quantile(0.5)
    near, far = [], []
    # Failures grow from nothing at a limit, which no logistic curve does.
    is_curve = objective.budget is not None and objective.name != ERRORS
    for (step, trial), bound in zip(pairs, bounds, strict=True):
        if is_curve and _kept_clearly(step, objective) and step.hold_s >= needs.whole_s:
            far.append(Bound(step.rate_per_s, False, _TRUST_OF_CLEAR_STEPS))
            continue
        # A queue that grows without end is on no curve: how many waited too long depends on the length of
        # the step.
        if (
            is_curve
            and step.sustained
            and step.hold_s >= needs.whole_s
            and 1 / _NEAR <= step.rate_per_s / middle <= _NEAR
        ):
            near.append(trial)
        else:
            far.append(bound)
    return posterior(near, budget, low, high, bounds=far, prior=needs.prior)


def _kept_clearly(step: Step, objective: Objective) -> bool:
    """Return whether even the slow calls of a step took far less time than they may.

    The tail of a queue's waits is exponential: where one in a hundred exceeds a third of a level, one in a
    million exceeds it.
    """
    return (
        step.sustained and step.waits_ms is not None and step.waits_ms.p99 * _CLEAR_FACTOR <= objective.level
    )


def _bound(step: Step, trial: Trial, objective: Objective, needs: _Needs) -> Bound:
    trust = _TRUST if step.hold_s >= needs.whole_s else needs.trust_of_short
    if not step.sustained and objective.name != ERRORS:
        # In the long run all of its calls wait too long.
        return Bound(step.rate_per_s, True, trust)
    return bound_of(trial, objective.budget or 0.5, trust)


def _trial(step: Step, objective: Objective) -> Trial | None:
    for each in step.broken:
        if each.objective == objective.text and each.calls > 0:
            return Trial(step.rate_per_s, each.calls, min(each.broken, each.calls))
    return None


def _rounded(rate: float) -> float:
    """Return a rate that k6 can offer: tenths, and three digits or so of large ones."""
    return max(LOWEST_RATE, round(rate, 1 if rate < 1000 else 0))
