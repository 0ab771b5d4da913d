"""Whether an answer is the expected one, judged as ``k6/lib/answers.js`` does under load; pure functions.

Both are tested with one table of cases, ``tests/data/answers.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from perf_core.adapter import PROTOCOL_MEMBERS, Expectation, Method
from perf_core.load.patterns import python_pattern

MISSING = object()
"""Result of :func:`value_at` where there is no value; null is one."""

_INDEX = re.compile(r"0|[1-9]\d*", re.ASCII)
_ROLES = ("user", "assistant")


def answer_error(
    message: Mapping[str, Any], expect: Expectation, method: Method = "tools/call"
) -> str | None:
    """Return the class of the error in a JSON-RPC response, or None when it is the expected answer.

    Args:
        message: Response with ``result`` or ``error``; its id is not looked at.

    Example::

        answer_error({"result": {"content": [], "isError": True}}, Expectation.anything())   # "is_error"
    """
    if "error" in message:
        error = message["error"]
        if "result" in message or not isinstance(error, dict):
            return "wrong_answer"
        is_expected = expect.kind == "rpc_error" and _is_expected_error(error, expect.value)
        return None if is_expected else "jsonrpc_error"
    result = message.get("result")
    if not isinstance(result, dict) or not is_result_of(method, result):
        return "wrong_answer"
    if method == "tools/call":
        if expect.kind == "error":
            return None if result.get("isError") is True else "wrong_answer"
        if result.get("isError") is True:
            return "is_error"
    return None if _is_expected(result, expect, method) else "wrong_answer"


def meets(expect: Expectation, result: Mapping[str, Any], method: Method = "tools/call") -> bool:
    """Return whether a result is the expected one."""
    return answer_error({"result": result}, expect, method) is None


def is_result_of(method: Method, result: Mapping[str, Any]) -> bool:
    """Return whether a result has the form of the MCP schema, as far as every client relies on it."""
    match method:
        case "tools/call":
            return _all(result.get("content"), _is_block) and isinstance(result.get("isError", False), bool)
        case "resources/read":
            return _all(result.get("contents"), _is_resource)
        case "prompts/get":
            return _all(result.get("messages"), _is_message)
        case "completion/complete":
            completion = result.get("completion")
            return isinstance(completion, dict) and _all(
                completion.get("values"), lambda value: isinstance(value, str)
            )


def _all(values: Any, holds: Any) -> bool:
    return isinstance(values, list) and all(map(holds, values))


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)


def _is_resource(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and isinstance(part.get("uri"), str)
        and (isinstance(part.get("text"), str) or isinstance(part.get("blob"), str))
    )


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in _ROLES and _is_block(message.get("content"))


def _is_expected_error(error: Mapping[str, Any], code: Any) -> bool:
    actual = error.get("code")
    if not isinstance(actual, int) or isinstance(actual, bool) or not isinstance(error.get("message"), str):
        return False
    return code in (None, actual)


def _holds(result: Mapping[str, Any], expect: Expectation, method: Method) -> bool:
    value: Any = expect.value
    content = result.get("structuredContent", MISSING) if method == "tools/call" else MISSING
    match expect.kind:
        case "result":
            holds = same_value(value, content)
        case "members":
            holds = _has_members(content, value)
        case "paths":
            holds = all(same_value(each, value_at(result, pointer)) for pointer, each in value.items())
        case "whole":
            holds = same_value(_content(value), _content(result))
        case "shape":
            holds = has_shape(result, value)
        case "text" | "contains" | "regex" | "json":
            text = first_text(result, method)
            holds = text is not None and _is_expected_text(text, expect)
        case kind:
            holds = kind == "any"
    return holds


def _is_expected(result: Mapping[str, Any], expect: Expectation, method: Method) -> bool:
    try:
        return _holds(result, expect, method)
    except RecursionError:
        # Nested more deeply than Python can compare: better refused than taken for right.
        return False


def _is_expected_text(text: str, expect: Expectation) -> bool:
    value: Any = expect.value
    match expect.kind:
        case "text":
            return bool(text == value)
        case "contains":
            return value in text
        case "regex":
            return re.search(python_pattern(value), text, re.ASCII) is not None
        case _:
            return _has_members(_json_in(text), value)


def first_text(result: Mapping[str, Any], method: Method = "tools/call") -> str | None:
    """Return the first text of a result, or None without one.

    It is that of a tool's content, a resource's contents or a prompt's messages, or the first value of a
    completion.
    """
    match method:
        case "tools/call":
            candidates = [block for block in result["content"] if block["type"] == "text"]
        case "resources/read":
            candidates = [part for part in result["contents"] if isinstance(part.get("text"), str)]
        case "prompts/get":
            contents = [message["content"] for message in result["messages"]]
            candidates = [block for block in contents if block["type"] == "text"]
        case "completion/complete":
            candidates = [{"text": value} for value in result["completion"]["values"]]
    text = candidates[0].get("text") if candidates else None
    return text if isinstance(text, str) else None


def value_at(value: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer (RFC 6901), or :data:`MISSING`.

    A pointer that goes on after a text of JSON goes on within that JSON: many servers answer with nothing
    else.

    Example::

        value_at({"content": [{"text": '{"id": 7}'}]}, "/content/0/text/id")   # 7
    """
    at = value
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(at, str):
            at = _json_in(at)
        if isinstance(at, list):
            at = at[int(name)] if _INDEX.fullmatch(name) and int(name) < len(at) else MISSING
        else:
            at = at.get(name, MISSING) if isinstance(at, dict) else MISSING
        if at is MISSING:
            return MISSING
    return at


def has_shape(value: Any, types: Any) -> bool:
    """Return whether a value has the types that :meth:`Expectation.shape` describes."""
    if isinstance(types, list):
        return isinstance(value, list) and (not types or all(has_shape(each, types[0]) for each in value))
    if isinstance(types, dict):
        return isinstance(value, dict) and all(
            name in value and has_shape(value[name], each) for name, each in types.items()
        )
    if types == "any":
        return True
    # In Python a truth value is a number, in JSON it is none.
    return isinstance(value, _TYPES.get(types, ())) and isinstance(value, bool) == (types == "boolean")


_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "number": (int, float),
    "string": (str,),
}


def same_value(expected: Any, actual: Any) -> bool:
    """Return whether two JSON values are equal: the order of members is free, 3 equals 3.0, 1 is not true.

    Integers beyond 2**53 are compared exactly, except where a fraction or exponent is expected.
    """
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return _double(actual) == expected if isinstance(expected, float) else expected == actual
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            same_value(each, actual[name]) for name, each in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same_value, expected, actual))
    return type(expected) is type(actual) and bool(expected == actual)


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _has_members(value: Any, expected: Any) -> bool:
    return isinstance(value, dict) and all(
        same_value(each, value.get(name, MISSING)) for name, each in expected.items()
    )


def _content(result: Any) -> Any:
    """Return a result without the members of the protocol; errors are judged before."""
    if not isinstance(result, dict):
        return result
    return {name: each for name, each in result.items() if name not in {*PROTOCOL_MEMBERS, "isError"}}


def _json_in(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return MISSING


def _no_json(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
