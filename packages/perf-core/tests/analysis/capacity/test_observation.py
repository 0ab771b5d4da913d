"""Counts of calls that broke an objective, growing queues and stalls."""

from __future__ import annotations

import random

import pytest

from perf_core.analysis.capacity.objectives import Objective
from perf_core.analysis.capacity.observation import broken_by, grows, share_above, stall_every_s, stalls

VALUES = {"count": 1000, "min": 10, "med": 50, "p(90)": 90, "p(99)": 100, "max": 200, "avg": 52}


@pytest.mark.parametrize(
    ("level_ms", "share"),
    [
        (5, 1.0),
        (10, 1.0),
        (50, 0.5),
        (70, 0.3),
        (90, 0.1),
        (99.9, 0.0109),
        (100, 0.01),
        (150, 0.005),
        (300, 0.0),
    ],
)
def test_share_above_a_level_follows_from_the_quantiles(level_ms: float, share: float) -> None:
    assert share_above(VALUES, level_ms) == pytest.approx(share, rel=1e-6)


def test_without_samples_nothing_is_above() -> None:
    assert share_above({}, 5) == 0.0


def test_equal_samples_are_all_on_one_side() -> None:
    equal = dict.fromkeys(VALUES, 20) | {"count": 10}
    assert share_above(equal, 20) == 1.0
    assert share_above(equal, 20.1) == 0.0


def test_calls_that_could_not_begin_would_have_waited_longest() -> None:
    broken = broken_by(Objective("p99", 100.0), VALUES, calls=1000, failed=0, dropped=50)
    assert (broken.calls, broken.broken) == (1050, pytest.approx(60))


def test_errors_are_a_share_of_the_calls_that_began() -> None:
    broken = broken_by(Objective("errors", 0.001), VALUES, calls=1010, failed=10, dropped=3)
    assert (broken.calls, broken.broken) == (1010, 10)


def test_average_is_kept_or_broken_by_the_whole_step() -> None:
    assert broken_by(Objective("avg", 50.0), VALUES, calls=1, failed=0, dropped=0).broken == 1
    assert broken_by(Objective("avg", 60.0), VALUES, calls=1, failed=0, dropped=0).broken == 0


def _times(count: int = 50) -> list[float]:
    return [0.2 * (index + 1) for index in range(count)]


def test_queue_that_grows_evenly_grows_long_before_it_is_too_long() -> None:
    rng = random.Random(1)  # noqa: S311 - noise, not secrets
    times = _times()
    # An overload of 1 %: after 10 s the calls wait for 100 ms of the 200 ms that they may.
    latencies = [5 + 10 * t + rng.expovariate(1.0) for t in times]
    assert grows(times, latencies, 200.0)


def test_steady_latency_does_not_grow() -> None:
    rng = random.Random(2)  # noqa: S311 - noise, not secrets
    assert not any(grows(_times(), [20 + rng.expovariate(0.2) for _ in range(50)], 200.0) for _ in range(500))


def test_random_walk_seldom_grows() -> None:
    rng = random.Random(3)  # noqa: S311 - noise, not secrets
    found = 0
    for _ in range(500):
        level, walk = 100.0, []
        for _ in range(50):
            level = max(1.0, level + rng.gauss(0, 30))
            walk.append(level)
        found += grows(_times(), walk, 200.0)
    assert found <= 5


def test_growth_that_would_take_long_to_matter_is_none() -> None:
    times = _times()
    assert not grows(times, [5 + 0.1 * t for t in times], 200.0)


def test_short_steps_are_not_judged() -> None:
    assert not grows(_times(10), [float(index) for index in range(10)], 5.0)


def test_stall_begins_where_waits_become_far_longer_than_usual() -> None:
    longest: list[float | None] = [8.0] * 50
    longest[20:23] = [250.0, 230.0, None]
    longest[40] = 200.0
    assert stalls(_times(), longest) == pytest.approx([4.2, 8.2])


def test_short_waits_are_no_stalls() -> None:
    longest: list[float | None] = [2.0] * 50
    longest[7] = 40.0
    assert stalls(_times(), longest) == ()


def test_regular_stalls_are_found_across_gaps_in_which_nobody_looked() -> None:
    assert stall_every_s([3.0, 13.1, 43.0, 53.05, 92.9]) == pytest.approx(9.95, abs=0.2)


@pytest.mark.parametrize("starts", [[], [1.0], [1.0, 11.0], [1.0, 2.9, 9.1, 14.0, 15.7, 29.3]])
def test_few_or_irregular_stalls_have_no_period(starts: list[float]) -> None:
    assert stall_every_s(starts) is None
