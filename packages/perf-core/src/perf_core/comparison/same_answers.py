"""A check that two servers give the same answers; otherwise their speeds cannot be compared.

A few different answers do not prevent a comparison: the load checks each answer, and the one that is wrong
counts as an error of its server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median
from typing import Any

from perf_core.adapter import PROTOCOL_MEMBERS, Journey, Step
from perf_core.errors import NotComparable, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.answers import meets
from perf_core.load.placeholders import filled, saved_values
from perf_core.server.client.connection import Client
from perf_core.server.client.steps import send_step

MAX_DIFFERENT_SHARE = 0.1
"""Largest share of calls with different answers; with more, one server does other work, or none."""

PARALLEL_AFTER_S = 3.0
"""Time after which the remaining calls are made several at a time: slow tools mostly wait, and a tool of five
seconds would take minutes otherwise. Quick calls are made one by one, which gives their time more exactly."""

_AT_ONCE = 8

_JOURNEYS = 20

_FAILURE = "failure"
"""Member of the result of a call without a result: the reason."""

Result = dict[str, Any]

Connect = Callable[[], AbstractContextManager[Client]]
"""Opens a connection to one of the two servers."""


@dataclass(frozen=True)
class _Pair:
    """The answers of both servers to one step.

    Attributes:
        steps: The step with the values of each server.
        took_s: Time of the call on each server.
        varies: Whether the first server answers this step differently each time.
    """

    steps: tuple[Step, Step]
    first: Result
    second: Result
    took_s: tuple[float, float]
    varies: bool = False

    @property
    def is_alike(self) -> bool:
        return self.varies or _alike(self.first, self.second, self.steps)

    @property
    def is_checked(self) -> bool:
        """Whether the load would notice a wrong answer; a call that fails is an error in any case."""
        return self.steps[0].expect.kind != "any" or _FAILURE in self.first or _FAILURE in self.second


def expect_same_answers(
    a: Connect,
    b: Connect,
    journeys: Sequence[Journey],
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> float:
    """Compare the answers of two servers and return the slower one's median call time, in seconds.

    Only the part of an answer that the call's expectation checks is compared. Where any answer is accepted,
    the whole answer is compared, unless the first server answers differently each time (a clock, a random
    number).

    Raises:
        NotComparable: The servers answer more than a tenth of the calls differently, or a call whose answer
            the load does not check, or one lacks a tool; names the first such call and both answers.
        Interrupted: The user interrupted.
    """
    with a() as first, b() as second:
        _expect_tools(first, second, journeys)
        chosen = list(_spread(journeys))
        total = len(chosen)
        pairs: list[_Pair] = []
        began = time.perf_counter()
        while chosen and time.perf_counter() - began < PARALLEL_AFTER_S:
            interruption.check()
            on_progress("comparing answers", 1 - len(chosen) / total)
            pairs += _ask(first, second, *chosen.pop(0))
    if chosen:
        interruption.check()
        on_progress(f"comparing answers, {_AT_ONCE} calls at once", None)
        pairs += _ask_in_parallel(a, b, chosen, interruption, on_progress)
    _expect_alike(pairs)
    return max(median(pair.took_s[side] for pair in pairs) for side in (0, 1))


def _ask_in_parallel(
    a: Connect,
    b: Connect,
    chosen: Sequence[tuple[int, Journey]],
    interruption: Interruption,
    on_progress: OnProgress,
) -> Iterator[_Pair]:
    def ask(each: tuple[int, Journey]) -> list[_Pair]:
        if interruption.requested:
            return []
        # Sessions of their own, as a server may answer the calls of one session one by one.
        with a() as first, b() as second:
            return _ask(first, second, *each)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, pairs in enumerate(pool.map(ask, chosen), 1):
            on_progress(f"comparing answers, {_AT_ONCE} calls at once", done / len(chosen))
            yield from pairs
    interruption.check()


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
            pair = replace(
                pair, varies=not _alike(from_first, _result(first, steps[0]), (steps[0], steps[0]))
            )
        pairs.append(pair)
        for own, result in zip(values, (from_first, from_second), strict=True):
            own.update(saved_values(step, result))
        if any(name not in own for own in values for name in step.save):
            break
    return pairs


def _expect_alike(pairs: Iterable[_Pair]) -> None:
    every = list(pairs)
    different = [pair for pair in every if not pair.is_alike]
    unchecked = [pair for pair in different if not pair.is_checked]
    if unchecked or len(different) > MAX_DIFFERENT_SHARE * len(every):
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
        return {_FAILURE: error.message}


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


def _alike(first: Result, second: Result, steps: tuple[Step, Step]) -> bool:
    """Return whether two results are equal in the part that the steps' expectations check."""
    if _FAILURE in first or _FAILURE in second:
        return _FAILURE in first and _FAILURE in second
    if bool(first.get("isError")) != bool(second.get("isError")):
        return False
    step, other = steps
    if step.expect.kind != "any":
        # Both right, or both wrong in the same way, in what is checked.
        both_right = meets(step.expect, first, step.method) and meets(other.expect, second, other.method)
        return both_right or bool(_checked_part(first, step) == _checked_part(second, step))
    if "structuredContent" in first and "structuredContent" in second:
        return bool(first["structuredContent"] == second["structuredContent"])
    return bool(_content(first) == _content(second))


def _checked_part(result: Result, step: Step) -> Any:
    """Return the part of a wrong result that the step's expectation checks."""
    match step.expect.kind:
        case "error":
            return bool(result.get("isError"))
        case "result":
            return result.get("structuredContent")
        case "members":
            return _members(result, step)
        case "text" | "contains" | "regex" | "json":
            return _texts(result)[:1]
        case _:
            return _content(result)


def _members(result: Result, step: Step) -> dict[str, Any]:
    content, expected = result.get("structuredContent"), step.expect.value
    if not isinstance(content, dict) or not isinstance(expected, dict):
        return {}
    return {name: content[name] for name in expected if name in content}


def _content(result: Result) -> Any:
    """Return what a person would compare: the texts of a tool, or a result without the protocol's part."""
    if isinstance(result.get("content"), list):
        return _texts(result)
    return {name: each for name, each in result.items() if name not in PROTOCOL_MEMBERS}


def _texts(result: Result) -> list[Any]:
    return [block.get("text") for block in result.get("content", []) if isinstance(block, dict)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
