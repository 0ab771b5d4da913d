"""Parts of several answers to the same call that are the same in all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from pydantic import JsonValue

SHORTEST_PIECE = 6
_COMPARED_CHARACTERS = 800
"""Start of a text in which stable pieces are looked for: the time to compare grows with the square."""

_TORN_START = re.compile(r"^[\w.,-]+")
_TORN_END = re.compile(r"[\w.,-]+$")
_MOST_POINTERS = 40


def same(values: Sequence[Any]) -> bool:
    """Return whether all values are equal as JSON, where ``1`` is not ``true``."""
    first = json.dumps(values[0], sort_keys=True)
    return all(json.dumps(value, sort_keys=True) == first for value in values[1:])


def stable_parts(values: Sequence[Any], pointer: str = "") -> dict[str, JsonValue]:
    """Return the largest parts that all values share, by JSON pointer.

    Texts that hold JSON are looked into; a pointer then goes on within that JSON. Parts that say nothing,
    such as ``true`` or an empty list, are left out unless another part is stable beside them.

    Example::

        stable_parts([{"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}])
        # {"/a": 1, "/b/c": 2}
    """
    parts: dict[str, JsonValue] = {}
    for place, value in _stable(values, pointer):
        parts[place] = value
        if len(parts) == _MOST_POINTERS:
            break
    return parts if any(map(says_something, parts.values())) else {}


def says_something(value: JsonValue) -> bool:
    """Return whether a value could tell answers apart: a number, or a text or container with content."""
    return not isinstance(value, bool) and value not in (None, "", [], {})


def _stable(values: Sequence[Any], pointer: str) -> Iterator[tuple[str, JsonValue]]:
    if same(values):
        yield pointer, values[0]
    elif all(isinstance(value, Mapping) for value in values):
        for key in values[0]:
            if all(key in value for value in values):
                yield from _stable([value[key] for value in values], f"{pointer}/{_escaped(key)}")
    elif all(isinstance(value, list) for value in values):
        for index in range(min(map(len, values))):
            yield from _stable([value[index] for value in values], f"{pointer}/{index}")
    elif all(isinstance(value, str) for value in values):
        parsed = [container_in(value) for value in values]
        if all(each is not None for each in parsed):
            yield from _stable(parsed, pointer)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def container_in(text: str) -> dict[str, Any] | list[Any] | None:
    """Return the object or list that a text holds as JSON; None for others."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def stable_pieces(texts: Sequence[str]) -> list[str]:
    """Return pieces that all texts contain, the longest first; each has a few letters or digits.

    Example::

        stable_pieces(["Oslo: 3 degrees, windy", "Oslo: 4 degrees, windy"])    # [" degrees, windy", "Oslo: "]
    """
    pieces = [texts[0][:_COMPARED_CHARACTERS]]
    for text in texts[1:]:
        pieces = [common for piece in pieces for common in _common(piece, text[:_COMPARED_CHARACTERS])]
    whole = {_without_torn_words(piece, texts) for piece in pieces}
    worded = {piece for piece in whole if sum(character.isalnum() for character in piece) >= 3}
    return sorted(worded, key=lambda piece: (-len(piece), piece))


def _without_torn_words(piece: str, texts: Sequence[str]) -> str:
    """Return a piece without parts of words or numbers at its ends: 27.3 and 28.1 share a 2 by chance."""
    if not all(text.startswith(piece) for text in texts):
        piece = _TORN_START.sub("", piece)
    return piece if all(text.endswith(piece) for text in texts) else _TORN_END.sub("", piece)


def _common(piece: str, text: str) -> Iterator[str]:
    if piece in text:
        yield piece
        return
    for block in SequenceMatcher(None, piece, text, autojunk=False).get_matching_blocks():
        if block.size >= SHORTEST_PIECE:
            yield piece[block.a : block.a + block.size]


def shape_of(values: Sequence[Any]) -> JsonValue:
    """Return the types that all values share, in the form of :meth:`perf_core.Expectation.shape`."""
    if all(isinstance(value, Mapping) for value in values):
        keys = [key for key in values[0] if all(key in value for value in values)]
        return {key: shape_of([value[key] for value in values]) for key in keys}
    if all(isinstance(value, list) for value in values):
        elements = [element for value in values for element in value]
        return [shape_of(elements)] if elements else []
    names = {_type_name(value) for value in values}
    return names.pop() if len(names) == 1 else "any"


def _type_name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case _:
            return "any"
