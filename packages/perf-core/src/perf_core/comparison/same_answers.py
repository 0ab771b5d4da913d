"""Whether two servers answer alike: without that their speeds cannot be compared."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any

from perf_core.adapter import Journey, Step
from perf_core.errors import NotComparable
from perf_core.load.plan import filled
from perf_core.server.client import Client

_JOURNEYS = 20

Result = dict[str, Any]


def expect_same_answers(a: Client, b: Client, journeys: Sequence[Journey]) -> float:
    """Call both servers with some journeys, compare the answers, and return how long the slower one took.

    Only what a call's expectation looks at is compared; a call that expects anything is compared whole,
    unless the first server contradicts itself (a clock, a random number).

    Returns:
        Median time of a call, in seconds.

    Raises:
        NotComparable: They answer differently, or one lacks a tool; names the call and both answers.
    """
    _expect_tools(a, b, journeys)
    took_s: tuple[list[float], list[float]] = [], []
    for step in _steps(journeys):
        first, second = (_timed(client, step, times) for client, times in zip((a, b), took_s, strict=True))
        if _alike(first, second, step):
            continue
        if step.expect.kind == "any" and not _alike(first, a.call(step.tool, step.arguments), step):
            continue
        raise NotComparable(
            f"the two answer {step.tool}({dict(step.arguments)}) differently: "
            f"{_short(first)} comes from the first, {_short(second)} from the second",
            "Their figures would stand for different work. Mend one, or compare with other calls.",
        )
    return max(map(median, took_s))


def _timed(client: Client, step: Step, times: list[float]) -> Result:
    began = time.perf_counter()
    result = client.call(step.tool, step.arguments)
    times.append(time.perf_counter() - began)
    return result


def _expect_tools(a: Client, b: Client, journeys: Sequence[Journey]) -> None:
    wanted = {step.tool for journey in journeys for step in journey.steps}
    for which, client in (("first", a), ("second", b)):
        tools = client.tools()
        missing = sorted(wanted - set(tools))
        if missing:
            raise NotComparable(
                f"the calls need {', '.join(missing)}; "
                f"the {which} server lists {', '.join(tools) or 'no tools'}",
                "Compare servers that have the same tools.",
            )


def _steps(journeys: Sequence[Journey]) -> Iterator[Step]:
    # Spread over the whole pool: neighbours may be alike.
    stride = max(1, len(journeys) // _JOURNEYS)
    for number, journey in enumerate(islice(journeys, 0, None, stride)):
        yield from (_with_unique(step, f"{number:016}") for step in journey.steps)


def _with_unique(step: Step, unique: str) -> Step:
    """Return a step as a virtual user would make it: nobody else may have the same names."""
    return replace(step, arguments=filled(dict(step.arguments), unique))


def _alike(first: Result, second: Result, step: Step) -> bool:
    """Return whether two results are the same to the expectation of a step."""
    if bool(first.get("isError")) != bool(second.get("isError")):
        return False
    if step.expect.kind != "any":
        return bool(_looked_at(first, step) == _looked_at(second, step))
    if "structuredContent" in first and "structuredContent" in second:
        return bool(first["structuredContent"] == second["structuredContent"])
    return _texts(first) == _texts(second)


def _looked_at(result: Result, step: Step) -> Any:
    """Return the part of a result that an expectation looks at."""
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
