"""Ladders over units that answer as told, with a server whose memory is a function of the units."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from perf_core.interruption import Interruption
from perf_core.load.session_clients import Reply
from perf_core.results.session_costs import Ladder, LadderEnd, Step
from perf_core.runs.session_cost.ladder import MOST_STEPS, Climb, Limits, until_interrupted

OK = Reply("initialize", 200)


class FakePlace:
    """A client whose requests were put off so often."""

    def __init__(self, put_off: Sequence[Reply]) -> None:
        self.put_off = list(put_off)

    def taken_put_off(self) -> list[Reply]:
        replies, self.put_off = self.put_off, []
        return replies


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
    put_off = settings.pop("put_off", ())
    whole = Climb("abandoned", unit, 2, limits, **settings)
    watch: Any = FakeWatch(kb)
    places: Any = [FakePlace(put_off), FakePlace(put_off)]
    ladder = asyncio.run(whole.run(places, watch, interruption or Interruption(), lambda _share: None))
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


def test_requests_that_were_put_off_are_counted() -> None:
    busy = Reply("initialize, put off", 429, "slow down", "1")
    ladder, _ = climb(put_off=[busy, busy])
    assert {(each.request, each.status, each.count) for each in ladder.answers} >= {
        ("initialize, put off", 429, 4)
    }


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
