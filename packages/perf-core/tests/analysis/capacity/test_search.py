"""The search for a capacity: which step comes next, and how often the interval is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf_core.analysis.capacity.model import Broken, Step, Waits
from perf_core.analysis.capacity.search import CapacitySearch, Plan

from .simulated import DEFAULT, Cap, Queue, evenly_fed_capacity, searched

SERVERS = {
    "4 workers of 20 ms": (Queue(4, 20.0), 200.0),
    "a cap of 150/s": (Cap(150.0), 150.0),
    "one worker, exponential, 5 ms": (Queue(1, 5.0, is_exponential=True), evenly_fed_capacity(5, 200, 0.01)),
    "one worker, exponential, 2 ms": (Queue(1, 2.0, is_exponential=True), evenly_fed_capacity(2, 200, 0.01)),
    "250 ms without work in every 10 s": (Queue(1, 5.0, pause_s=0.25), 90.0),
}
MANY = 100
SURE = 0.95


def step_at(
    plan: Plan, *, late: float = 0.0, state: str = "kept", p99_ms: float = 20.0, **changes: object
) -> Step:
    """Return a step of which a share of the calls was late."""
    calls = round(plan.rate_per_s * plan.hold_s)
    step = Step(
        phase=plan.phase,
        rate_per_s=plan.rate_per_s,
        start_s=0.0,
        hold_s=plan.hold_s,
        state=state,  # type: ignore[arg-type] # one of the states
        calls=calls,
        answered_per_s=plan.rate_per_s,
        waits_ms=Waits(p99_ms / 2, p99_ms / 2, p99_ms, p99_ms, p99_ms),
        error_rate=0.0,
        errors={},
        broken=(Broken("p99<200ms", calls, late * calls), Broken("errors<0.1%", calls, 0)),
        sustained=True,
    )
    return replace(step, **changes)  # type: ignore[arg-type] # fields of a step


def run(search: CapacitySearch, capacity: float, *, steps: int = 40) -> list[float]:
    """Return the rates of a search at a server that keeps everything up to a rate and nothing beyond."""
    rates = []
    for _ in range(steps):
        plan = search.next()
        if plan is None:
            return rates
        rates.append(plan.rate_per_s)
        is_broken = plan.rate_per_s > capacity
        search.add(
            step_at(
                plan, late=float(is_broken), state="broken" if is_broken else "kept", sustained=not is_broken
            )
        )
    raise AssertionError(f"no end after {steps} steps")


def test_rate_doubles_and_then_steps_close_in_on_the_limit() -> None:
    search = CapacitySearch(DEFAULT)
    rates = run(search, 300.0)
    # A call of 10 ms: 0.4 of them at one time.
    assert rates[:5] == [2.0, 40.0, 80.0, 160.0, 320.0]
    conclusion = search.conclusion()
    assert conclusion.answer == "interval"
    assert conclusion.width <= 0.05
    assert conclusion.low_per_s < 300 < conclusion.high_per_s  # type: ignore[operator] # an interval has ends


def test_server_that_keeps_nothing_has_no_capacity() -> None:
    search = CapacitySearch(DEFAULT)
    rates = run(search, 0.0)
    assert min(rates) == 0.1
    assert search.conclusion().answer == "none"
    assert search.conclusion().high_per_s == 0.1


def test_search_that_never_meets_a_limit_tells_a_lower_bound() -> None:
    search = CapacitySearch(DEFAULT, most_rate=500.0)
    rates = run(search, 1e9)
    assert rates[-1] == 500.0
    assert (search.conclusion().answer, search.conclusion().low_per_s) == ("at least", 500.0)


def test_generator_that_is_the_limit_leaves_a_lower_bound() -> None:
    search = CapacitySearch(DEFAULT)
    for _ in range(40):
        if (plan := search.next()) is None:
            break
        is_beyond = plan.rate_per_s > 1000
        search.add(step_at(plan, state="unclear" if is_beyond else "kept", saturated=is_beyond))
    conclusion = search.conclusion()
    assert conclusion.answer == "at least"
    assert 850 <= conclusion.low_per_s <= 1000  # type: ignore[operator] # a bound has a lower end


def test_unclear_step_is_repeated() -> None:
    search = CapacitySearch(DEFAULT)
    first = search.next()
    assert first is not None
    search.add(step_at(first, state="unclear"))
    assert search.next() == first


def test_machine_that_is_always_busy_ends_the_search_without_an_answer() -> None:
    search = CapacitySearch(DEFAULT)
    count = 0
    while (plan := search.next()) is not None:
        search.add(step_at(plan, state="unclear"))
        count += 1
    assert count == 8
    assert search.conclusion().answer == "cannot tell"


def test_one_slow_call_of_a_first_look_does_not_lead_downwards() -> None:
    search = CapacitySearch(DEFAULT)
    look = search.next()
    assert look is not None
    search.add(step_at(look, late=1 / 6, state="broken"))
    following = search.next()
    assert following is not None
    assert following.rate_per_s > look.rate_per_s


def test_guess_after_a_leap_is_what_the_server_answered_meanwhile() -> None:
    search = CapacitySearch(DEFAULT)
    plans = []
    for late, answered in ((0.0, 2.0), (1.0, 100.0)):
        plan = search.next()
        assert plan is not None
        plans.append(plan)
        state = "broken" if late else "kept"
        search.add(step_at(plan, late=late, state=state, p99_ms=1.0, answered_per_s=answered))
    assert [plan.rate_per_s for plan in plans] == [2.0, 800.0]
    following = search.next()
    assert following is not None
    assert following.rate_per_s == pytest.approx(95.0)


def test_steps_last_for_whole_periods_of_regular_stalls() -> None:
    search = CapacitySearch(DEFAULT)
    starts = iter([(3.0,), (10.0,), (17.0, 24.0), (31.0,), (38.0, 45.0)])
    while (plan := search.next()) is not None and plan.phase != "narrowing":
        is_broken = plan.rate_per_s > 100
        search.add(
            step_at(
                plan,
                late=float(is_broken),
                state="broken" if is_broken else "kept",
                stalls_s=next(starts, ()),
            )
        )
    assert plan is not None
    assert plan.hold_s == pytest.approx(7.0)


def test_limiter_is_found_within_its_interval() -> None:
    for seed in range(3):
        conclusion, _, took_s = searched(Cap(150.0), seed)
        assert conclusion.low_per_s <= 150 <= conclusion.high_per_s  # type: ignore[operator] # an interval has ends
        assert took_s < 170


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SERVERS)
def test_interval_holds_the_capacity_of_simulated_servers(name: str) -> None:
    server, capacity = SERVERS[name]
    hits, longest_s = 0, 0.0
    for seed in range(MANY):
        conclusion, _, took_s = searched(server, seed)
        longest_s = max(longest_s, took_s)
        low, high = conclusion.low_per_s, conclusion.high_per_s
        hits += low is not None and high is not None and low <= capacity <= high
    # Chance takes two standard errors.
    assert hits / MANY >= SURE - 0.045
    assert longest_s < 170
