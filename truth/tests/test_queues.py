"""Queues of known capacity."""

from __future__ import annotations

import random

import pytest
from queues import Limiter, Pauses, Workers

NO_PAUSES = Pauses(0.0, 0.0)
DRAW = random.Random(1)  # noqa: S311 - draws of service times, not secrets


def test_call_waits_for_a_free_worker() -> None:
    workers = Workers(2, 20.0, False, NO_PAUSES, DRAW)
    assert [round(workers.delay_s(10.0), 3) for _ in range(5)] == [0.02, 0.02, 0.04, 0.04, 0.06]
    assert workers.delay_s(20.0) == pytest.approx(0.02)


def test_two_workers_of_20_ms_carry_100_calls_per_second_and_no_more() -> None:
    kept, behind = (
        [workers.delay_s(number / rate) for number in range(5000)][-1]
        for workers, rate in ((Workers(2, 20.0, False, NO_PAUSES, DRAW), r) for r in (99.9, 101.0))
    )
    assert kept < 0.03
    assert behind > 0.4


def test_mean_wait_at_one_exponential_worker_is_that_of_the_formula() -> None:
    workers = Workers(1, 5.0, True, NO_PAUSES, DRAW)
    delays = [workers.delay_s(number / 150) for number in range(200_000)]
    # s = exp(-mu (1 - s) / lambda) with mu = 200 and lambda = 150.
    s = 0.5459
    assert sum(delays) / len(delays) == pytest.approx(1 / (200 * (1 - s)), rel=0.03)


def test_nobody_works_during_a_pause() -> None:
    pauses = Pauses(0.5, 10.0)
    assert pauses.end_of_work(5.0, 0.1) == pytest.approx(5.1)
    assert pauses.end_of_work(10.2, 0.1) == pytest.approx(10.6)
    assert pauses.end_of_work(9.95, 0.1) == pytest.approx(10.55)
    assert pauses.end_of_work(0.1, 0.1) == pytest.approx(0.2)


def test_limiter_admits_its_burst_and_then_its_rate() -> None:
    limiter = Limiter(10.0, 5.0)
    assert sum(limiter.admits(0.0) for _ in range(20)) == 5
    assert sum(limiter.admits(0.001 * number) for number in range(1, 10_001)) == pytest.approx(100, abs=1)
