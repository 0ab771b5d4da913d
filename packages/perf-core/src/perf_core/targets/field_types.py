"""Types of fields in target files that pydantic does not have: pauses, codes of errors, limits of numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from perf_core.adapter import ThinkTime


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _pause(value: Any) -> ThinkTime:
    match value:
        case {"constant": seconds} if len(value) == 1 and _is_number(seconds) and seconds >= 0:
            return ThinkTime.constant(seconds)
        case {"uniform": [low, high]} if len(value) == 1 and _is_number(low) and _is_number(high):
            if 0 <= low <= high:
                return ThinkTime.uniform(low, high)
        case {"exponential": mean} if len(value) == 1 and _is_number(mean) and mean > 0:
            return ThinkTime.exponential(mean)
        case _ if _is_number(value) and value >= 0:
            return ThinkTime.constant(value)
    raise PydanticCustomError(
        "think_time", "expected seconds, { uniform = [1, 3] } or { exponential = 2 }, none of them below zero"
    )


_SECONDS = {"type": "number", "minimum": 0}

Pause = Annotated[
    ThinkTime,
    PlainValidator(_pause),
    WithJsonSchema(
        {
            "anyOf": [
                _SECONDS,
                *(
                    {"type": "object", "properties": {name: schema}, "required": [name]}
                    | {"additionalProperties": False}
                    for name, schema in (
                        ("constant", _SECONDS),
                        ("uniform", {"type": "array", "items": _SECONDS, "minItems": 2, "maxItems": 2}),
                        ("exponential", {"type": "number", "exclusiveMinimum": 0}),
                    )
                ),
            ]
        }
    ),
]


def _code(value: Any) -> int | Literal[True]:
    if value is True or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise PydanticCustomError("rpc_error", "expected the code of a JSON-RPC error, or true for any")


Code = Annotated[
    int, PlainValidator(_code), WithJsonSchema({"anyOf": [{"type": "integer"}, {"const": True}]})
]


def _limits(value: Any) -> list[float]:
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]:
        return value
    raise PydanticCustomError("range", "expected the lowest and the highest number, such as [1, 100]")


Limits = Annotated[
    list[float],
    PlainValidator(_limits),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
