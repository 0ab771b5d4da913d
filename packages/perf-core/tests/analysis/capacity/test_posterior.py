"""The posterior of a capacity."""

from __future__ import annotations

import numpy as np
import pytest

from perf_core.analysis.capacity.posterior import (
    Bound,
    Posterior,
    Trial,
    Trust,
    bound_of,
    chance_of,
    posterior,
    together,
)

BUDGET = 0.01


def _interval(found: Posterior) -> tuple[float, float]:
    return found.quantile(0.025), found.quantile(0.975)


def test_without_trials_every_rate_is_as_likely_by_its_logarithm() -> None:
    assert posterior([], BUDGET, 50, 200).quantile(0.5) == pytest.approx(100, rel=0.01)


def test_capacity_lies_between_what_was_kept_and_what_was_broken() -> None:
    shares = {80: 0.0005, 90: 0.002, 95: 0.005, 103: 0.02, 110: 0.06, 120: 0.2}
    trials = [Trial(rate, 2000, 2000 * share) for rate, share in shares.items()] * 2
    low, high = _interval(posterior(trials, BUDGET, 40, 260))
    assert 90 < low < 98 < high < 105


def test_more_agreeing_steps_narrow_the_interval() -> None:
    once = [Trial(95, 2000, 0), Trial(105, 2000, 1900)]
    few, many = (posterior(once * times, BUDGET, 50, 200) for times in (1, 4))
    assert many.quantile(0.975) / many.quantile(0.025) < few.quantile(0.975) / few.quantile(0.025)


def test_one_bad_step_does_not_outweigh_many() -> None:
    trials = [Trial(rate, 1000, 0) for rate in (100, 120, 140, 160, 180)] + [Trial(210, 1000, 990)] * 2
    assert posterior([*trials, Trial(60, 1000, 300)], BUDGET, 25, 420).quantile(0.5) > 150


def test_one_broken_step_of_few_calls_says_little() -> None:
    few = posterior([Trial(100, 10, 1)], BUDGET, 25, 400)
    many = posterior([Trial(100, 10_000, 1000)] * 3, BUDGET, 25, 400)
    assert few.quantile(0.975) > 150 > many.quantile(0.975)


def test_bound_moves_the_capacity_to_its_side_and_the_more_the_further_away() -> None:
    bound = Bound(100, True, Trust(0.1, 0.2))
    found = posterior([], BUDGET, 25, 400, bounds=[bound])
    assert found.above(100) < 0.05
    assert found.above(101) / found.above(200) > 3


def test_a_step_with_no_broken_call_keeps_the_objective_and_few_calls_say_less() -> None:
    trust = Trust(0.03, 0.1)
    few, many = (bound_of(Trial(100, calls, 0), 0.001, trust) for calls in (20, 20_000))
    assert not few.is_lower
    assert not many.is_lower
    assert 0.03 <= many.trust.error < few.trust.error < 0.15


def test_share_at_the_budget_says_nothing() -> None:
    assert bound_of(Trial(100, 100_000, 100), 0.001, Trust(0.03, 0.1)).trust.error == pytest.approx(
        0.5, abs=0.05
    )


def test_one_slow_call_of_six_may_be_chance() -> None:
    assert chance_of(Trial(2, 6, 1), BUDGET) > 0.05
    assert chance_of(Trial(200, 2000, 60), BUDGET) < 1e-6
    assert chance_of(Trial(2, 1, 1), 0.5) == 0.0
    assert chance_of(Trial(2, 6, 0), BUDGET) == 1.0


def test_whole_steps_are_trials_of_one_call() -> None:
    trials = [Trial(90, 1, 0)] * 4 + [Trial(110, 1, 1)] * 4
    low, high = _interval(posterior(trials, 0.5, 45, 220))
    assert 70 < low < 100 < high < 140


def test_lowest_of_several_capacities_counts() -> None:
    low = posterior([Trial(80, 2000, 0), Trial(90, 2000, 1900)] * 4, BUDGET, 40, 260)
    high = posterior([Trial(180, 2000, 0), Trial(200, 2000, 1900)] * 4, BUDGET, 40, 260)
    assert together([low, high]).quantile(0.5) == pytest.approx(low.quantile(0.5), rel=0.01)


def test_survival_falls_from_one_to_zero() -> None:
    found = posterior([Trial(90, 500, 3), Trial(100, 500, 40)], BUDGET, 45, 200)
    assert found.survival[0] == 1.0
    assert found.survival[-1] == 0.0
    assert np.all(np.diff(found.survival) <= 0)
    assert found.above(found.quantile(0.3)) == pytest.approx(0.7, abs=0.01)
