"""A check that two servers give the same answers; otherwise their speeds cannot be compared.

A few different answers do not prevent a comparison: the load checks each answer, and the one that is wrong
counts as an error of its server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any

from perf_core.adapter import Journey, Step
from perf_core.errors import NotComparable, TargetError
from perf_core.load.plan import insert_unique
from perf_core.server.client import Client

MAX_DIFFERENT_SHARE = 0.1
"""Largest share of calls with different answers; with more, one server does other work, or none."""

_JOURNEYS = 20

_FAILURE = "failure"
"""Member of the result of a call without a result: the reason."""

Result = dict[str, Any]


def expect_same_answers(a: Client, b: Client, journeys: Sequence[Journey]) -> float:
    """Compare the answers of two servers and return the slower one's median call time, in seconds.

    Only the part of an answer that the call's expectation checks is compared. Where any answer is accepted,
    the whole answer is compared, unless the first server answers differently each time (a clock, a random
    number).

    Raises:
        NotComparable: The servers answer more than a tenth of the calls differently, or a call whose answer
            the load does not check, or one lacks a tool; names the first such call and both answers.
    """
    _expect_tools(a, b, journeys)
    took_s: tuple[list[float], list[float]] = [], []
    differences: list[NotComparable] = []
    for step in _steps(journeys):
        first, second = (_timed(client, step, times) for client, times in zip((a, b), took_s, strict=True))
        if _alike(first, second, step):
            continue
        # A call that fails is an error, whatever answers its expectation allows.
        is_checked = step.expect.kind != "any" or _FAILURE in first or _FAILURE in second
        if not is_checked and not _alike(first, _result(a, step), step):
            continue
        difference = NotComparable(
            f"expected the same answer to {step.tool}({dict(step.arguments)}) from both servers, "
            f"got {_short(first)} from the first and {_short(second)} from the second",
            "Their figures would be those of different work. Fix one server, or compare with other calls.",
        )
        if not is_checked:
            raise difference
        differences.append(difference)
    if len(differences) > MAX_DIFFERENT_SHARE * len(took_s[0]):
        raise differences[0]
    return max(map(median, took_s))


def _timed(client: Client, step: Step, times: list[float]) -> Result:
    began = time.perf_counter()
    result = _result(client, step)
    times.append(time.perf_counter() - began)
    return result


def _result(client: Client, step: Step) -> Result:
    try:
        return client.call(step.tool, step.arguments)
    except TargetError as error:
        return {_FAILURE: error.message}


def _expect_tools(a: Client, b: Client, journeys: Sequence[Journey]) -> None:
    needed = {step.tool for journey in journeys for step in journey.steps}
    for which, client in (("first", a), ("second", b)):
        tools = client.tools()
        missing = sorted(needed - set(tools))
        if missing:
            raise NotComparable(
                f"expected the tools {', '.join(missing)}, "
                f"got {', '.join(tools) or 'no tools'} from the {which} server",
                "Compare servers that have the same tools.",
            )


def _steps(journeys: Sequence[Journey]) -> Iterator[Step]:
    # Spread over the whole pool, since neighbours may be alike.
    stride = max(1, len(journeys) // _JOURNEYS)
    for number, journey in enumerate(islice(journeys, 0, None, stride)):
        yield from (_with_unique(step, f"{number:016}") for step in journey.steps)


def _with_unique(step: Step, unique: str) -> Step:
    """Return the step as a virtual user would send it, with unique texts filled in."""
    return replace(step, arguments=insert_unique(dict(step.arguments), unique))


def _alike(first: Result, second: Result, step: Step) -> bool:
    """Return whether two results are equal in the part that the step's expectation checks."""
    if _FAILURE in first or _FAILURE in second:
        return _FAILURE in first and _FAILURE in second
    if bool(first.get("isError")) != bool(second.get("isError")):
        return False
    if step.expect.kind != "any":
        return bool(_checked_part(first, step) == _checked_part(second, step))
    if "structuredContent" in first and "structuredContent" in second:
        return bool(first["structuredContent"] == second["structuredContent"])
    return _texts(first) == _texts(second)


def _checked_part(result: Result, step: Step) -> Any:
    """Return the part of a result that the step's expectation checks."""
    match step.expect.kind:
        case "text":
            return _texts(result)[:1]
        case "result":
            return result.get("structuredContent")
        case "members":
            return _members(result, step)
        case _:
            return None


def _members(result: Result, step: Step) -> dict[str, Any]:
    content, expected = result.get("structuredContent"), step.expect.value
    if not isinstance(content, dict) or not isinstance(expected, dict):
        return {}
    return {name: content[name] for name in expected if name in content}


def _texts(result: Result) -> list[Any]:
    return [block.get("text") for block in result.get("content", []) if isinstance(block, dict)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
