"""Mistakes in the steps of journeys that can be told before any server is asked; pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from perf_core.adapter import PROTOCOL_MEMBERS, Expectation, Journey, Method, Pools, Step, ThinkTime
from perf_core.load.answers import is_result_of
from perf_core.load.patterns import pattern_problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_TYPES = ("string", "number", "boolean", "null", "any")
_OF_TOOLS = ("result", "members", "error")
_RESERVED = "unique"

_PARAMS: Mapping[Method, tuple[str, ...]] = {
    "tools/call": (),
    "resources/read": ("uri",),
    "prompts/get": ("name",),
    "completion/complete": ("ref", "argument"),
}
"""Members that the params of each method must have."""


def journey_problems(pools: Pools) -> Iterator[str]:
    """Yield what is wrong with the steps and think times of a plan; each mistake once."""
    methods: dict[str, set[Method]] = {}
    problems: dict[str, None] = {}
    for journey in _journeys(pools):
        for step in journey.steps:
            methods.setdefault(step.tool, set()).add(step.method)
            for problem in step_problems(step):
                problems.setdefault(f"{journey.name}: {problem}")
        if journey.think_time is not None:
            for problem in think_time_problems(journey.think_time):
                problems.setdefault(f"{journey.name}: {problem}")
    yield from problems
    for name, used in methods.items():
        if len(used) > 1:
            yield f"expected a name in figures for each method, got {name!r} for {' and '.join(sorted(used))}"


def _journeys(pools: Pools) -> Iterable[Journey]:
    # Most journeys are in the pool of all and in that of their tool.
    return {id(journey): journey for pool in pools.values() for journey in pool}.values()


def step_problems(step: Step) -> Iterator[str]:
    """Yield what is wrong with a step."""
    missing = [name for name in _PARAMS.get(step.method, ()) if name not in step.arguments]
    if missing:
        yield f"expected {' and '.join(missing)} in the params of {step.method}, got {dict(step.arguments)}"
    problem = expectation_problem(step.expect, step.method)
    if problem:
        yield problem
    yield from save_problems(step.save, step.expect)


def save_problems(save: Mapping[str, str], expect: Expectation) -> Iterator[str]:
    """Yield what is wrong with the values that a step saves."""
    if save and expect.kind == "rpc_error":
        yield "expected nothing to be saved of a JSON-RPC error, which has no result"
    yield from saved_value_problems(save)


def saved_value_problems(save: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with names and pointers of saved values."""
    for name, pointer in save.items():
        if not _NAME.fullmatch(name) or name == _RESERVED:
            yield f"expected a name of letters, digits and _ other than 'unique', got {name!r}"
        if not is_pointer(pointer):
            yield f"expected a JSON pointer such as /structuredContent/id for {name!r}, got {pointer!r}"


def is_pointer(text: object) -> bool:
    """Return whether a text is a JSON pointer (RFC 6901)."""
    return isinstance(text, str) and _POINTER.fullmatch(text) is not None


def expectation_problem(expect: Expectation, method: Method = "tools/call") -> str | None:
    """Return why no answer could be right, or why the expectation cannot be checked; None if it can."""
    kind, value = expect.kind, expect.value
    problem: str | None = None
    if method != "tools/call" and kind in _OF_TOOLS:
        problem = f"expected another kind of expectation than {kind} for {method}: it is of tools only"
    elif kind in ("text", "contains", "regex"):
        problem = _text_problem(kind, value)
    elif kind in ("members", "json", "paths", "whole"):
        problem = _object_problem(expect, value, method)
    elif kind == "shape":
        problem = _shape_problem(value)
    elif (
        kind == "rpc_error" and value is not None and (not isinstance(value, int) or isinstance(value, bool))
    ):
        problem = f"expected the code of a JSON-RPC error, got {value!r}"
    return problem


def _text_problem(kind: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return f"expected a text for {kind}, got {value!r}"
    problem = pattern_problem(value) if kind == "regex" else None
    return f"the pattern {value!r} {problem}" if problem else None


def _object_problem(expect: Expectation, value: Any, method: Method) -> str | None:
    if not isinstance(value, dict):
        return f"expected an object for {expect.kind}, got {value!r}"
    if expect.kind == "paths":
        wrong = [pointer for pointer in value if not is_pointer(pointer)]
        return f"expected JSON pointers such as /content/1/text, got {wrong[0]!r}" if wrong else None
    if expect.kind == "whole":
        content = {name: each for name, each in value.items() if name not in PROTOCOL_MEMBERS}
        if not is_result_of(method, content):
            return f"expected a whole result of {method}, got {value!r}"
        if content.get("isError") is True:
            return "expected a result without isError for whole, got one with it: expect an error instead"
    return None


def _shape_problem(types: Any) -> str | None:
    if isinstance(types, dict):
        return next(filter(None, map(_shape_problem, types.values())), None)
    if isinstance(types, list):
        if len(types) > 1:
            return f"expected one type for every element of a list, got {types!r}"
        return _shape_problem(types[0]) if types else None
    return None if types in _TYPES else f"expected one of {', '.join(_TYPES)}, got {types!r}"


def think_time_problems(think_time: ThinkTime) -> Iterator[str]:
    """Yield what is wrong with a think time."""
    values = think_time.values_s
    counts = {"constant": 1, "uniform": 2, "exponential": 1}
    if len(values) != counts.get(think_time.distribution):
        yield f"expected the parameters of a think time, got {think_time.distribution} {values}"
    elif any(not 0 <= value < float("inf") for value in values) or list(values) != sorted(values):
        yield f"expected a think time of zero or more seconds, the shortest first, got {values}"
