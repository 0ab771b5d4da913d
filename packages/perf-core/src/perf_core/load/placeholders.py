"""Values by name that stand in a step as ``{name}``: drawn when the plan is made, or saved from an answer.

k6 inserts saved values under load (``k6/lib/further_steps.js``); these functions do the same for calls that
the lab makes itself, and for values that are drawn beforehand. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from perf_core.adapter import Step
from perf_core.load.answers import MISSING, value_at

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


_TEXT_KINDS = frozenset({"text", "contains", "regex"})
"""Kinds of expectation whose value is a text."""


def insert_values(value: Any, values: Mapping[str, Any], *, as_text: bool = False) -> Any:
    """Return a JSON value with every ``{name}`` in its texts replaced by the value of that name.

    A text that is nothing but the placeholder becomes the value, of whatever type. Within a longer text, and
    in the name of a member, its text is inserted, which is JSON if it is no text itself. Other names stay.

    Args:
        as_text: Whether texts stay texts.

    Example::

        insert_values({"id": "{id}", "note": "no. {id}"}, {"id": 7})   # {"id": 7, "note": "no. 7"}
    """
    match value:
        case str():
            whole = None if as_text else _PLACEHOLDER.fullmatch(value)
            return values[whole[1]] if whole and whole[1] in values else _text(value, values)
        case list():
            return [insert_values(each, values, as_text=as_text) for each in value]
        case dict():
            return {
                _text(name, values): insert_values(each, values, as_text=as_text)
                for name, each in value.items()
            }
        case _:
            return value


def _text(text: str, values: Mapping[str, Any]) -> str:
    def inserted(match: re.Match[str]) -> str:
        value = values.get(match[1], MISSING)
        if value is MISSING:
            return match[0]
        if isinstance(value, str):
            return value
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    return _PLACEHOLDER.sub(inserted, text)


def placeholders(value: Any) -> Iterator[str]:
    """Yield the names that stand in braces in the texts of a JSON value."""
    match value:
        case str():
            yield from _PLACEHOLDER.findall(value)
        case list():
            for each in value:
                yield from placeholders(each)
        case dict():
            for name, each in value.items():
                yield from placeholders(name)
                yield from placeholders(each)
        case _:
            return


def filled(step: Step, values: Mapping[str, Any]) -> Step:
    """Return a step with values inserted into its arguments and its expected answer.

    An expected text stays a text, and so do the params of other methods than tools/call, which take no more.
    """
    if not values:
        return step
    is_text = step.expect.kind in _TEXT_KINDS
    arguments = insert_values(dict(step.arguments), values, as_text=step.method != "tools/call")
    expected = insert_values(step.expect.value, values, as_text=is_text)
    return replace(step, arguments=arguments, expect=replace(step.expect, value=expected))


def saved_values(step: Step, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step saves of its result, by name; values that are missing are left out."""
    values = {name: value_at(result, pointer) for name, pointer in step.save.items()}
    return {name: value for name, value in values.items() if value is not MISSING}
