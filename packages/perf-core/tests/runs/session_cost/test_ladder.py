"""Ladders over units that answer as told, with a server whose memory is a function of the units."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from perf_core.interruption import Interruption
from perf_core.load.session_clients import Reply
from perf_core.results.session_costs import Ladder, LadderEnd, Step
from perf_core.runs.session_cost.ladder import MOST_STEPS, Climb, Limits, seconds_of, until_interrupted

OK = Reply("initialize", 200)
PLACES: Any = ["a client", "another"]


class FakeWatch:
    """A server whose memory follows the units that were made."""

    def __init__(self, kb: Callable[[int], float | None]) -> None:
        self.kb = kb

    async def step(self, units: int, unit_ms: float | None = None) -> Step:
        return Step(units, self.kb(units), unit_ms=unit_ms)


def climb(
    replies: Callable[[int], Reply] = lambda _: OK,
    kb: Callable[[int], float | None] = lambda units: 50.0 * units,
    *,
    most: int = 1000,
    limit_s: float = 60.0,
    interruption: Interruption | None = None,
    **settings: Any,
) -> tuple[Ladder, int]:
    """Return a ladder and the number of units that were really made."""
    made = 0

    async def unit(_place: object) -> Reply:
        nonlocal made
        made += 1
        return replies(made)

    memory_kb = settings.pop("memory_kb", float("inf"))
    large = settings.pop("large_steps", False)
    limits = Limits(most, time.monotonic() + limit_s, memory_kb, 1 if large else 4, large)
    whole = Climb("abandoned", unit, 2, limits, **settings)
    watch: Any = FakeWatch(kb)
    ladder = asyncio.run(whole.run(PLACES, watch, interruption or Interruption(), lambda _share: None))
    return ladder, made


def test_a_ladder_ends_as_soon_as_its_slope_is_precise() -> None:
    ladder, made = climb()
    assert ladder.end == "precise"
    assert ladder.units == made < 200
    assert [step.units for step in ladder.steps][:3] == [0, 4, 8]
    assert ladder.answers[0].count == made


def test_a_long_ladder_keeps_few_steps_at_even_distances() -> None:
    # Noise that never gives a precise slope.
    ladder, _ = climb(kb=lambda units: 1000.0 * (units % 3), most=2000)
    assert ladder.end == "sessions"
    assert ladder.units == 2000
    assert len(ladder.steps) <= MOST_STEPS + 1
    distances = {b.units - a.units for a, b in zip(ladder.steps, ladder.steps[1:-1], strict=False)}
    assert len(distances) == 1


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"memory_kb": 1000.0}, "memory"),
        ({"most": 16}, "sessions"),
        ({"limit_s": 0.0}, "time"),
        ({"kb": lambda units: None if units else 1.0}, "ended"),
        ({"large_steps": True, "most": 8}, "precise"),
    ],
)
def test_a_ladder_ends_at_a_limit(settings: dict[str, Any], end: LadderEnd) -> None:
    assert climb(**settings)[0].end == end


def test_a_refusal_ends_the_ladder_and_is_told() -> None:
    refused = Reply("initialize", 404, "no room", "")
    ladder, made = climb(lambda number: OK if number <= 10 else refused)
    assert ladder.end == "refused"
    assert made <= 12
    assert {(each.status, each.excerpt) for each in ladder.answers} == {(200, ""), (404, "no room")}


def test_a_server_that_asks_to_wait_is_asked_again() -> None:
    busy = Reply("initialize", 429, "slow down", "0")
    ladder, _ = climb(lambda number: busy if number == 5 else OK)
    assert ladder.end == "precise"
    assert sum(each.count for each in ladder.answers if each.status == 429) == 1


def test_a_server_that_still_refuses_after_the_wait_is_full() -> None:
    full = Reply("initialize", 503, "too many sessions", "0")
    ladder, _ = climb(lambda number: OK if number <= 8 else full)
    assert ladder.end == "refused"


def test_a_server_that_no_longer_answers_is_left() -> None:
    silent = Reply("initialize", 0, "no answer within 10 s")
    ladder, made = climb(lambda number: OK if number <= 4 else silent)
    assert ladder.end == "unanswered"
    assert made <= 4 + 10


def test_an_interruption_ends_the_ladder_with_what_there_is() -> None:
    interruption = Interruption()

    def reply(number: int) -> Reply:
        interruption.requested = number >= 30
        return OK

    ladder, made = climb(reply, interruption=interruption)
    assert ladder.end == "interrupted"
    assert made <= 32
    assert ladder.steps


def test_the_oldest_session_is_looked_at_when_the_ladder_has_doubled() -> None:
    looks = 0

    async def gone() -> LadderEnd | None:
        nonlocal looks
        looks += 1
        return "gone" if looks == 2 else None

    ladder, _ = climb(kb=lambda units: 1000.0 * (units % 3), most=100_000, on_doubled=gone)
    assert ladder.end == "gone"
    assert looks == 2


def test_work_that_hangs_is_cancelled_after_an_interruption() -> None:
    interruption = Interruption()
    interruption.requested = True
    cancelled = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    asyncio.run(until_interrupted([hang()], interruption, grace_s=0.01))
    assert cancelled == [True]


@pytest.mark.parametrize(
    ("header", "wait_s"), [("2", 2.0), ("600", 5.0), ("-1", 0.0), ("", 1.0), ("Wed, 21 Oct 2026", 1.0)]
)
def test_a_server_may_ask_to_wait_within_reason(header: str, wait_s: float) -> None:
    assert seconds_of(header) == wait_s
