"""Whether two servers gave the same answer, as far as the call's expectation checks it; pure."""

from __future__ import annotations

from typing import Any

from perf_core.adapter import PROTOCOL_MEMBERS, Step
from perf_core.load.answers import meets

FAILURE = "failure"
"""Member of the result of a call without a result: the reason."""

Result = dict[str, Any]
"""Result of a call as it came, or its failure."""


def alike(first: Result, second: Result, steps: tuple[Step, Step]) -> bool:
    """Return whether two results are equal in the part that the steps' expectations check."""
    if FAILURE in first or FAILURE in second:
        return FAILURE in first and FAILURE in second
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
    """Return what a person would compare: the blocks of a tool, or a result without the protocol's part."""
    if isinstance(result.get("content"), list):
        return [_seen(block) for block in result["content"]]
    return {name: each for name, each in result.items() if name not in PROTOCOL_MEMBERS}


def _seen(block: Any) -> Any:
    """Return a block of content without the remarks for clients: a text, or a picture with its type."""
    if not isinstance(block, dict):
        return block
    return {name: each for name, each in block.items() if name not in {"_meta", "annotations"}}


def _texts(result: Result) -> list[Any]:
    return [block.get("text") for block in result.get("content", []) if isinstance(block, dict)]
