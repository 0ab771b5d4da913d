"""One call of each tool, as ``perf-core check`` makes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from perf_core.adapter import Journey, Scenario, Step
from perf_core.errors import TargetError
from perf_core.load.answers import answer_error
from perf_core.load.placeholders import filled, saved_values
from perf_core.server.client.connection import Client
from perf_core.server.client.steps import answer_to

_SEED = 1
_LONGEST_ANSWER = 300


@dataclass(frozen=True)
class ToolAnswer:
    """Answer to one call of a tool.

    Attributes:
        tool: Name of the tool; for other requests their name in figures.
        is_right: Whether the answer is the expected one.
        took_s: Time of the call.
        answer: The answer as text, shortened; the reason without one.
        arguments: Arguments of the call.
    """

    tool: str
    is_right: bool
    took_s: float
    answer: str
    arguments: Any


def covering_journeys(scenarios: Iterable[Scenario]) -> list[Journey]:
    """Return journeys that call every tool of the scenarios, each as short as possible.

    Scenarios that start the server in their own way are left out, since it may have other tools then.
    """
    draws = dict.fromkeys(each.journeys for each in scenarios if each.launch is None)
    covered: set[str] = set()
    chosen = []
    for draw in draws:
        for pool in draw(_SEED).values():
            for journey in pool:
                length = _length_with_new(journey, covered)
                if length:
                    chosen.append(Journey(journey.name, journey.steps[:length], journey.kind))
                    covered |= {step.tool for step in journey.steps[:length]}
    return chosen


def _length_with_new(journey: Journey, covered: set[str]) -> int:
    """Return how many steps it takes to the last tool that is not covered yet."""
    return max((n for n, step in enumerate(journey.steps, 1) if step.tool not in covered), default=0)


def answers(
    client: Client, journeys: Sequence[Journey], tools: Collection[str], on_call: Callable[[str], None]
) -> Iterator[ToolAnswer]:
    """Yield one answer for each tool and every further wrong one; a journey ends at its first wrong answer.

    Args:
        tools: Tools that the server lists; journeys end before others.
        on_call: Gets the name of a tool before it is called.
    """
    seen: set[str] = set()
    for journey in journeys:
        values: dict[str, Any] = {"unique": uuid4().hex[:16]}
        for step in (filled(each, values) for each in journey.steps):
            if step.method == "tools/call" and step.tool not in tools:
                break
            on_call(step.tool)
            answer, result = _answer(client, step)
            if step.tool not in seen or not answer.is_right:
                seen.add(step.tool)
                yield answer
            if not answer.is_right:
                break
            # The steps are filled in one by one, so that later ones get these values.
            values |= saved_values(step, result)


def not_reached(
    journeys: Iterable[Journey], tools: Collection[str], answered: Collection[str]
) -> dict[str, str]:
    """Return the tools of journeys that ended before they were called, each with the reason.

    Args:
        tools: Tools that the server lists.
        answered: Tools that were called.
    """
    reasons: dict[str, str] = {}
    for journey in journeys:
        cause = ""
        for step in journey.steps:
            if not cause and step.method == "tools/call" and step.tool not in tools:
                reasons.setdefault(step.tool, "the server does not list it")
                cause = f"the server does not list {step.tool}, which is called before it"
            elif step.tool not in answered:
                reasons.setdefault(step.tool, cause or "a step before it failed")
    return reasons


def _answer(client: Client, step: Step) -> tuple[ToolAnswer, dict[str, Any]]:
    """Return the answer to a step, and the result itself, which is empty without one."""
    began = time.perf_counter()
    result: dict[str, Any] = {}
    is_right = False
    try:
        answer = answer_to(client, step)
    except TargetError as error:
        text = error.message
    except httpx2.HTTPError as error:
        # One tool that ends its connection says nothing about the others.
        text = f"expected an answer, got none: {str(error) or type(error).__name__}"
    else:
        is_right = answer_error(answer, step.expect, step.method) is None
        result = answer.get("result", {})
        text = answer["error"]["message"] if "error" in answer else answer_text(result)
        missing = [name for name in step.save if name not in saved_values(step, result)]
        if not is_right and result:
            text = _mistake(step, result)
        elif missing:
            # The load counts it as an error, too: the steps behind it need the value.
            is_right = False
            places = ", ".join(f"{step.save[name]} to save as {name}" for name in missing)
            text = f"expected a value at {places}, got {answer_text(result) if result else text}"
    took_s = time.perf_counter() - began
    return ToolAnswer(step.tool, is_right, took_s, shown(text), dict(step.arguments)), result


def _mistake(step: Step, result: dict[str, Any]) -> str:
    got = ("an error: " if result.get("isError") else "") + answer_text(result)
    if step.expect.kind == "any":
        return f"expected no error, got {got}"
    expected = (
        "a tool error" if step.expect.kind == "error" else json.dumps(step.expect.value, ensure_ascii=False)
    )
    return f"expected {shown(expected, 100)}, got {got}"


def answer_text(result: dict[str, Any]) -> str:
    """Return what a person would look at in a result: its structured content, else its texts."""
    if result.get("structuredContent") is not None:
        return json.dumps(result["structuredContent"], ensure_ascii=False)
    blocks = result.get("content")
    if not isinstance(blocks, list):
        return json.dumps(result, ensure_ascii=False)
    parts = [
        str(block["text"]) if "text" in block else f"({block.get('type', 'block')})"
        for block in blocks
        if isinstance(block, dict)
    ]
    return " ".join(parts) or "(empty)"


def shown(text: str, longest: int = _LONGEST_ANSWER) -> str:
    """Return a text on one line, shortened."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
