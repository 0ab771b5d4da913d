"""Plain values and dataclasses as bytes that can be read without running any code.

Workers read documents of strangers with large libraries. A worker that a document has taken over must not
take over the server with its answer, so answers are no pickles:

    length of the text | text (JSON) | all byte strings, one after another

In the text, None, booleans, numbers and texts stand for themselves; any other value is a list that begins
with its kind: ``["bytes", length]``, ``["list", value…]``, ``["tuple", value…]``, ``["map", {key: value}]``,
or the name of a dataclass and its fields. The reader knows which dataclasses there may be, and checks their
fields.
"""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter

_LENGTH: Final = struct.Struct("!I")

_MOST_TEXT_BYTES: Final = 4 * 1024**2
"""Longest text. Reading it holds up the server for about 0.1 s; what is large is bytes."""


class MalformedValueError(ValueError):
    """Bytes that are no value, or not one of the expected kinds."""


def encode(value: object) -> bytes:
    """Return a value as bytes.

    Raises:
        TypeError: It holds something that is neither plain nor a dataclass.
        ValueError: It is too long, or contains itself.
    """
    byte_strings: list[Any] = []
    try:
        text = json.dumps(_described(value, byte_strings), separators=(",", ":")).encode()
    except RecursionError as error:
        raise ValueError("expected a value that does not contain itself, got one that does") from error
    if len(text) > _MOST_TEXT_BYTES:
        raise ValueError(
            f"expected at most {_MOST_TEXT_BYTES:,} bytes of text in a value, got {len(text):,}: return long "
            "texts and lists as bytes"
        )
    return b"".join((_LENGTH.pack(len(text)), text, *byte_strings))


def decode(encoded: bytes, kinds: Mapping[str, type]) -> Any:
    """Return the value in some bytes.

    Args:
        kinds: Dataclasses that it may hold, by name.

    Raises:
        MalformedValueError: The bytes are damaged, or hold something else.
    """
    view = memoryview(encoded)
    try:
        (length,) = _LENGTH.unpack_from(view)
        if length > _MOST_TEXT_BYTES:
            raise ValueError(f"a text of {length:,} bytes")
        begin = _LENGTH.size + length
        reader = _Reader(view[begin:], kinds)
        value = reader.value(json.loads(bytes(view[_LENGTH.size : begin])))
        reader.expect_end()
    except (ValueError, TypeError, LookupError, RecursionError, struct.error) as error:
        raise MalformedValueError(
            f"expected a value of plain kinds or of {', '.join(kinds)}, got {str(error)[:200]}"
        ) from error
    return value


def _described(value: Any, byte_strings: list[Any]) -> Any:
    """Return the JSON-able description of a value; add its byte strings to a list."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray):
        byte_strings.append(value)
        return ["bytes", len(value)]
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, *(_described(each, byte_strings) for each in value)]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("expected texts as the keys of a mapping, got others")
        return ["map", {key: _described(each, byte_strings) for key, each in value.items()}]
    if is_dataclass(value) and not isinstance(value, type):
        parts = (_described(getattr(value, each.name), byte_strings) for each in fields(value))
        return [type(value).__name__, *parts]
    raise TypeError(f"expected a plain value or a dataclass, got a {type(value).__name__}")


class _Reader:
    def __init__(self, byte_strings: memoryview, kinds: Mapping[str, type]) -> None:
        self._byte_strings = byte_strings
        self._kinds = kinds

    def value(self, described: Any) -> Any:
        """Return the value of a description."""
        if isinstance(described, dict):
            raise ValueError("an object without a kind")
        if not isinstance(described, list):
            return described
        kind, *parts = described
        if kind == "bytes":
            return self._take(*parts)
        if kind == "map":
            (values,) = parts
            if not isinstance(values, dict):
                raise ValueError("a map without keys")
            return {key: self.value(each) for key, each in values.items()}
        values = [self.value(each) for each in parts]
        if kind == "list":
            return values
        if kind == "tuple":
            return tuple(values)
        return _instance(self._kinds[kind], values)

    def expect_end(self) -> None:
        """Raise ValueError if bytes are left over."""
        if len(self._byte_strings):
            raise ValueError(f"{len(self._byte_strings):,} bytes after it")

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._byte_strings):
            raise ValueError(f"{len(self._byte_strings):,} bytes where {length} should be")
        taken, self._byte_strings = bytes(self._byte_strings[:length]), self._byte_strings[length:]
        return taken


def _instance(kind: type, values: list[Any]) -> Any:
    """Return a dataclass made of values of the right types."""
    checks = _checks(kind)
    pairs = zip(checks.items(), values, strict=True)
    return kind(**{name: check.validate_python(value, strict=True) for (name, check), value in pairs})


@functools.cache
def _checks(kind: type) -> Mapping[str, TypeAdapter[Any]]:
    """Return what checks each field of a dataclass."""
    types = get_type_hints(kind)
    return {each.name: TypeAdapter(types[each.name]) for each in fields(kind)}
