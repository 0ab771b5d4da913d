"""Return types whose values can be written as JSON any number of times, with the same result.

FastMCP writes a result twice: as it is, and as its return type says. Only the second text is shown, but the
first empties an iterator, fails for bytes that are not UTF-8, and calls an app's own serializers once more.
The lane writes only once where none of that can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SIMPLE: Final = frozenset(
    {
        *("none", "bool", "int", "float", "complex", "decimal", "str", "literal", "enum", "uuid", "url"),
        *("multi-host-url", "date", "time", "datetime", "timedelta", "list", "tuple", "set", "frozenset"),
        *("dict", "nullable", "union", "tagged-union", "default", "lax-or-strict", "json-or-python"),
        *("model", "model-fields", "model-field", "typed-dict", "typed-dict-field", "dataclass"),
        *("dataclass-args", "dataclass-field", "definitions", "definition-ref"),
        *("function-before", "function-after", "function-wrap"),
    }
)
"""Types of pydantic's core schemas; not among them: ``any``, ``bytes``, ``generator``, custom classes."""

_LISTS: Final = frozenset({"list", "tuple", "set", "frozenset"})
_NO_SCHEMAS: Final = frozenset({"cls", "config", "default", "expected", "function", "members", "metadata"})
"""Keys whose values are no schemas, but may look like some."""


def is_simple(schema: Any) -> bool:
    """Return whether values of a core schema are written alike each time."""
    if isinstance(schema, list | tuple):
        return all(map(is_simple, schema))
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") not in _SIMPLE or _allows_more_fields(schema):
        return False
    if schema.get("serialization") is not None or schema.get("computed_fields"):
        return False
    inner = [value for key, value in schema.items() if key not in _NO_SCHEMAS]
    # Fields and choices have names, which are the app's.
    return all(is_simple(list(each.values()) if _is_named(each) else each) for each in inner)


def has_lists(schema: Any) -> bool:
    """Return whether values of a simple schema may be lists, or have some."""
    if isinstance(schema, list | tuple):
        return any(map(has_lists, schema))
    if not isinstance(schema, Mapping):
        return False
    inner = [value for key, value in schema.items() if key not in _NO_SCHEMAS or _is_named(schema)]
    kind = schema.get("type")
    return (isinstance(kind, str) and kind in _LISTS) or any(map(has_lists, inner))


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping) and not isinstance(value.get("type"), str)


def _allows_more_fields(schema: Mapping[str, Any]) -> bool:
    """Return whether an object may have fields that its schema does not describe."""
    config = schema.get("config")
    allowed = config.get("extra_fields_behavior") if isinstance(config, Mapping) else None
    return "allow" in (schema.get("extra_behavior"), allowed)


def has_simple_fields(kind: type) -> bool:
    """Return whether instances of a class are written alike each time; False if its fields are unknown."""
    schema = vars(kind).get("__pydantic_core_schema__")
    return type(schema) is dict and is_simple(schema)
