"""A check that two servers give the same answers; otherwise their speeds cannot be compared.

A few different answers do not prevent a comparison: the load checks each answer, and the one that is wrong
counts as an error of its server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median
from typing import Any

import httpx2

from perf_core.adapter import Journey, Step
from perf_core.comparison.alike import FAILURE, Result, alike
from perf_core.errors import NotComparable, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.placeholders import filled, saved_values
from perf_core.server.client.connection import Client
from perf_core.server.client.steps import send_step
from perf_core.server.credentials.masking import cut

MAX_DIFFERENT_SHARE = 0.1
"""Largest share of calls with different answers; with more, one server does other work, or none."""

PARALLEL_AFTER_S = 3.0
"""Time after which the remaining calls are made several at a time: slow tools mostly wait, and a tool of five
seconds would take minutes otherwise. Quick calls are made one by one, which gives their time more exactly."""

REPEATED_FOR_S = 60.0
"""Time in which calls that failed among others are made once more, alone; the rest is left to the load."""

_AT_ONCE = 8

_JOURNEYS = 20

Connect = Callable[[], AbstractContextManager[Client]]
"""Opens a connection to one of the two servers."""


@dataclass(frozen=True)
class _Pair:
    """The answers of both servers to one step.

    Attributes:
        steps: The step with the values of each server.
        took_s: Time of the call on each server.
        varies: Whether the first server answers this step differently each time.
        is_alone: Whether no other call was in progress, for which it may have waited.
    """

    steps: tuple[Step, Step]
    first: Result
    second: Result
    took_s: tuple[float, float]
    varies: bool = False
    is_alone: bool = True

    @property
    def has_failed(self) -> bool:
        """Whether a server gave no result."""
        return FAILURE in self.first or FAILURE in self.second

    @property
    def is_alike(self) -> bool:
        return self.varies or alike(self.first, self.second, self.steps)

    @property
    def is_checked(self) -> bool:
        """Whether the load would notice a wrong answer; a call that fails is an error in any case."""
        return self.steps[0].expect.kind != "any" or self.has_failed


def expect_same_answers(
    a: Connect,
    b: Connect,
    journeys: Sequence[Journey],
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> float:
    """Compare the answers of two servers and return the slower one's median call time, in seconds.

    It is the time of calls that are made one by one: others may wait for each other.

    Only the part of an answer that the call's expectation checks is compared. Where any answer is accepted,
    the whole answer is compared, unless the first server answers differently each time (a clock, a random
    number).

    Raises:
        NotComparable: The servers answer more than a tenth of the calls differently, or a call whose answer
            the load does not check, or one lacks a tool; names the first such call and both answers.
        Interrupted: The user interrupted.
    """
    chosen = list(_spread(journeys))
    pairs = _ask_one_by_one(a, b, chosen, interruption, on_progress)
    if rest := chosen[len(pairs) :]:
        in_parallel = _ask_in_parallel(a, b, rest, interruption, on_progress)
        pairs += _without_failures(a, b, rest, in_parallel, interruption)
    every = [pair for of_journey in pairs for pair in of_journey]
    _expect_alike(every)
    return max(_call_s(every, side) for side in (0, 1))


def _call_s(pairs: Sequence[_Pair], side: int) -> float:
    """Return the median time of the calls of one server, those of each tool as long as alone."""
    alone: dict[str, list[float]] = {}
    among_others: dict[str, list[float]] = {}
    for pair in pairs:
        of_tool = alone if pair.is_alone else among_others
        of_tool.setdefault(pair.steps[0].tool, []).append(pair.took_s[side])
    # The shortest of several calls at once has waited least.
    usual = {tool: min(times) for tool, times in among_others.items()}
    usual |= {tool: median(times) for tool, times in alone.items()}
    return median(pair.took_s[side] if pair.is_alone else usual[pair.steps[0].tool] for pair in pairs)


def _ask_one_by_one(
    a: Connect,
    b: Connect,
    chosen: Sequence[tuple[int, Journey]],
    interruption: Interruption,
    on_progress: OnProgress,
) -> list[list[_Pair]]:
    """Return the answers to the first journeys: those that are asked in a few seconds."""
    done: list[list[_Pair]] = []
    began = time.perf_counter()

    def goes_on() -> bool:
        return len(done) < len(chosen) and time.perf_counter() - began < PARALLEL_AFTER_S

    while goes_on():
        with a() as first, b() as second:
            if not done:
                _expect_tools(first, second, [journey for _, journey in chosen])
            while goes_on():
                interruption.check()
                on_progress("comparing answers", len(done) / len(chosen))
                done.append(_ask(first, second, *chosen[len(done)]))
                if any(pair.has_failed for pair in done[-1]):
                    break  # the session may have ended, too
    return done


def _ask_in_parallel(
    a: Connect,
    b: Connect,
    chosen: Sequence[tuple[int, Journey]],
    interruption: Interruption,
    on_progress: OnProgress,
) -> list[list[_Pair] | None]:
    """Return the answers to each journey; None for one to which a server gave no result."""

    def ask(each: tuple[int, Journey]) -> list[_Pair] | None:
        if interruption.requested:
            return None
        try:
            # Sessions of their own, as a server may answer the calls of one session one by one.
            with a() as first, b() as second:
                pairs = _ask(first, second, *each)
        except TargetError:
            return None
        return None if any(pair.has_failed for pair in pairs) else pairs

    on_progress(f"comparing answers, {_AT_ONCE} calls at once", None)
    done = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, pairs in enumerate(pool.map(ask, chosen), 1):
            on_progress(f"comparing answers, {_AT_ONCE} calls at once", number / len(chosen))
            done.append(pairs)
    interruption.check()
    return done


def _without_failures(
    a: Connect,
    b: Connect,
    chosen: Sequence[tuple[int, Journey]],
    answered: Sequence[list[_Pair] | None],
    interruption: Interruption,
) -> Iterator[list[_Pair]]:
    """Yield the answers of calls that were made several at a time; where there is none, that of another try.

    A server that answers one call after the other lets the last of several wait for too long.
    """
    began = time.perf_counter()
    for each, pairs in zip(chosen, answered, strict=True):
        if pairs is not None:
            yield [replace(pair, is_alone=False) for pair in pairs]
        elif time.perf_counter() - began < REPEATED_FOR_S:
            interruption.check()
            with a() as first, b() as second:
                yield _ask(first, second, *each)


def _ask(first: Client, second: Client, number: int, journey: Journey) -> list[_Pair]:
    """Return the answers of both servers to the steps of a journey, as far as both can follow it."""
    pairs = []
    values: tuple[dict[str, Any], ...] = tuple({"unique": f"{number:016}"} for _ in range(2))
    for step in journey.steps:
        # Each server gets the values that it returned itself, such as the id of what it created.
        steps = (filled(step, values[0]), filled(step, values[1]))
        (from_first, first_s), (from_second, second_s) = _timed(first, steps[0]), _timed(second, steps[1])
        pair = _Pair(steps, from_first, from_second, (first_s, second_s))
        if not pair.is_alike and not pair.is_checked:
            # A second answer of the first server shows whether it always answers the same.
            again = _result(first, steps[0])
            pair = replace(pair, varies=not alike(from_first, again, (steps[0], steps[0])))
        pairs.append(pair)
        for own, result in zip(values, (from_first, from_second), strict=True):
            own.update(saved_values(step, result))
        if any(name not in own for own in values for name in step.save):
            break
    return pairs


def _expect_alike(pairs: Sequence[_Pair]) -> None:
    different = [pair for pair in pairs if not pair.is_alike]
    unchecked = [pair for pair in different if not pair.is_checked]
    if unchecked or len(different) > MAX_DIFFERENT_SHARE * len(pairs):
        pair = (unchecked or different)[0]
        step = pair.steps[0]
        raise NotComparable(
            f"expected the same answer to {step.tool}({dict(step.arguments)}) from both servers, "
            f"got {_short(pair.first)} from the first and {_short(pair.second)} from the second",
            "Their figures would be those of different work. Fix one server, or compare with other calls.",
        )


def _timed(client: Client, step: Step) -> tuple[Result, float]:
    began = time.perf_counter()
    result = _result(client, step)
    return result, time.perf_counter() - began


def _result(client: Client, step: Step) -> Result:
    try:
        return send_step(client, step)
    except TargetError as error:
        return {FAILURE: error.message}
    except httpx2.HTTPError as error:
        # One call that ends its connection says nothing about the others.
        return {FAILURE: f"no answer: {str(error) or type(error).__name__}"}


def _expect_tools(a: Client, b: Client, journeys: Sequence[Journey]) -> None:
    needed = {step.tool for journey in journeys for step in journey.steps if step.method == "tools/call"}
    for which, client in (("first", a), ("second", b)):
        tools = client.tools()
        missing = sorted(needed - set(tools))
        if missing:
            raise NotComparable(
                f"expected the tools {', '.join(missing)}, "
                f"got {', '.join(tools) or 'no tools'} from the {which} server",
                "Compare servers that have the same tools.",
            )


def _spread(journeys: Sequence[Journey]) -> Iterator[tuple[int, Journey]]:
    """Yield some journeys from the whole pool, since neighbours may be alike, each with its number."""
    stride = max(1, len(journeys) // _JOURNEYS)
    yield from enumerate(islice(journeys, 0, None, stride))


def _short(value: object) -> str:
    return cut(repr(value), 200)
