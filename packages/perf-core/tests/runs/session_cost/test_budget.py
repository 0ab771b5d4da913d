"""The division of time: what ends early leaves the rest to what comes after it."""

from __future__ import annotations

import time

import pytest

from perf_core.runs.session_cost import budget as module
from perf_core.runs.session_cost.budget import Budget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that stands until it is set."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_the_last_part_gets_all_that_is_left(clock: list[float]) -> None:
    budget = Budget(100.0, ["control", "abandoned"])
    first = budget.take("control")
    assert first == pytest.approx(1000 + 100 * 18 / 48)
    clock[0] = 1005.0  # it needed less
    assert budget.take("abandoned") == pytest.approx(1100)
    assert budget.left_s == pytest.approx(95)


def test_parts_that_are_left_out_leave_their_time(clock: list[float]) -> None:
    budget = Budget(100.0, ["control", "refused", "deleted", "abandoned"])
    assert budget.take("abandoned") == pytest.approx(1100)


def test_a_part_beyond_the_plan_gets_what_is_left(clock: list[float]) -> None:
    budget = Budget(100.0, ["control"])
    budget.take("control")
    clock[0] = 1200.0
    assert budget.left_s == 0
    assert budget.take("delete") == pytest.approx(1200)


def test_time_really_passes() -> None:
    assert Budget(10.0, ["delete"]).until_s == pytest.approx(time.monotonic() + 10, abs=1)
