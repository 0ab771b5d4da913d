"""Values by name that stand in a step as ``{name}``: drawn when the plan is made, or saved from an answer.

k6 inserts saved values under load (``k6/lib/further_steps.js``); these functions do the same for calls that
the lab makes itself, and for values that are drawn beforehand. Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from perf_core.adapter import UNIQUE, Step
from perf_core.load.answers import MISSING, value_at

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_UNIQUE = UNIQUE.strip("{}")

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
        return json_text(value)

    return _PLACEHOLDER.sub(inserted, text)


def json_text(value: Any) -> str:
    """Return compact JSON with numbers as k6 writes them.

    Source: ECMAScript 2023, Number::toString, 6.1.6.1.20.

    Example::

        json_text([7.0, 1e-5, 1e-7, 1e21])   # "[7,0.00001,1e-7,1e+21]"
    """
    match value:
        case float() if math.isfinite(value):
            return _number_text(value)
        case list():
            return f"[{','.join(map(json_text, value))}]"
        case dict():
            members = (
                f"{json.dumps(name, ensure_ascii=False)}:{json_text(each)}" for name, each in value.items()
            )
            return f"{{{','.join(members)}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


_LEAST_EXPONENT = 1e21
_MOST_EXPONENT = 1e-6
"""Numbers from here on have an exponent in JavaScript."""


def _number_text(value: float) -> str:
    size, text = abs(value), repr(value)
    if value.is_integer() and size < _LEAST_EXPONENT:
        # The shortest digits of the double and then zeros, which from 2**53 are not those of the integer.
        return str(int(Decimal(text)))
    if "e" in text and size >= _MOST_EXPONENT and size < _LEAST_EXPONENT:
        return format(Decimal(text), "f")
    return re.sub(r"e([+-])0", r"e\1", text)


def plain_numbers(value: Any) -> Any:
    """Return a JSON value whose whole numbers are integers: ``7.0`` is 7 in JavaScript, and so in k6."""
    match value:
        case float() if value.is_integer() and abs(value) < _LEAST_EXPONENT:
            return int(_number_text(value))
        case list():
            return list(map(plain_numbers, value))
        case dict():
            return {name: plain_numbers(each) for name, each in value.items()}
        case _:
            return value


def with_marked_names(value: Any, mark: str) -> Any:
    """Return a JSON value with ``mark`` instead of the brace before each name in braces."""
    match value:
        case str():
            return _PLACEHOLDER.sub(lambda match: mark + match[0][1:], value)
        case list():
            return [with_marked_names(each, mark) for each in value]
        case Mapping():
            return {
                with_marked_names(name, mark): with_marked_names(each, mark) for name, each in value.items()
            }
        case _:
            return value


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
    all_values = {**values, **step.literals}
    return replace(_inserted(step, all_values), literals={}) if all_values else step


def drawn(step: Step, values: Mapping[str, Any]) -> Step:
    """Return a step with drawn values; those with names in braces are left as :attr:`Step.literals`."""
    used = {*placeholders(dict(step.arguments)), *placeholders(step.expect.value)}
    literals = {name: each for name, each in values.items() if name in used and any(placeholders(each))}
    plain = {name: each for name, each in values.items() if name not in literals}
    return replace(_inserted(step, plain), literals={**step.literals, **literals})


def as_it_is(step: Step) -> Step:
    """Return a step of a drawn journey, which saves nothing, where ``{unique}`` stands for itself, too."""
    names = {*placeholders(dict(step.arguments)), *placeholders(step.expect.value)}
    return replace(step, literals={_UNIQUE: UNIQUE}) if _UNIQUE in names else step


def _inserted(step: Step, values: Mapping[str, Any]) -> Step:
    is_text = step.expect.kind in _TEXT_KINDS
    arguments = insert_values(dict(step.arguments), values, as_text=step.method != "tools/call")
    expected = insert_values(step.expect.value, values, as_text=is_text)
    return replace(step, arguments=arguments, expect=replace(step.expect, value=expected))


def saved_values(step: Step, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step saves of its result, by name; values that are missing are left out.

    Whole numbers are integers, as in k6, which cannot tell 7.0 from 7.
    """
    values = {name: value_at(result, pointer) for name, pointer in step.save.items()}
    return {name: plain_numbers(value) for name, value in values.items() if value is not MISSING}
