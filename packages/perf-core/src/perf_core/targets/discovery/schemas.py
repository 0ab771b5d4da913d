"""JSON Schema, read for drawing values and used for checking them; hostile schemas neither hang nor fetch.

Source: JSON Schema 2020-12 and earlier drafts, as the library jsonschema implements them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from perf_core.server.credentials.masking import cut

Node = Mapping[str, Any]

_MOST_REFERENCES = 20
_MOST_ALTERNATIVES = 6
_DEEPEST_MERGE = 4
_CHECKED_CHARACTERS = 300_000
"""Larger schemas are not checked against the meta-schema, which takes a second for each megabyte."""

_EXPLOSIVE = re.compile(r"[*+}]\??\)[*+{]")
"""A repetition within a repeated group: the time to match it may double with each character."""

_LONGEST_EXPLOSIVE = 16


class Checker:
    """Checks values against a schema; an unusable schema has a ``problem`` and accepts nothing.

    Example::

        Checker({"type": "object", "required": ["a"]}).complaint({})     # "'a' is a required property"
    """

    def __init__(self, schema: Any) -> None:
        self.problem = ""
        self._validator: Any = None
        self._longest: int | None = None
        try:
            text = json.dumps(schema)
            is_schema = isinstance(schema, dict | bool)
            if not is_schema:
                raise TypeError(f"expected a JSON object, got {text}")
            kind = validator_for(schema, default=Draft202012Validator)
            self.problem = _problem(kind, schema, text)
            if self.problem and "$schema" not in schema and not _problem(Draft7Validator, schema, text):
                # Many servers write an older draft without saying so.
                kind, self.problem = Draft7Validator, ""
            # With a registry of its own: by default jsonschema fetches what a $ref names.
            self._validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
            if _EXPLOSIVE.search(text):
                self._longest = _LONGEST_EXPLOSIVE
        except (RecursionError, TypeError, ValueError, AttributeError, Unresolvable) as error:
            self.problem = _short(str(error) or type(error).__name__)

    def complaint(self, value: Any) -> str:
        """Return why the schema does not allow a value; empty if it does, or if nobody can say."""
        if self.problem:
            return self.problem
        if self._longest is not None and any(len(text) > self._longest for text in _texts(value)):
            return f"a text of more than {self._longest} characters, whose match may take for ever"
        try:
            error = next(self._validator.iter_errors(value), None)
        except RecursionError:
            return "the schema refers to itself without an end"
        except (Unresolvable, re.error, ArithmeticError):
            # A reference to another document, a pattern that Python lacks, a number that is too large for it:
            # the server will judge.
            return ""
        return _short(error.message) if error is not None else ""


def _problem(kind: Any, schema: Any, text: str) -> str:
    """Return what a meta-schema says against a schema; empty for one that is right, or too large to check."""
    if len(text) > _CHECKED_CHARACTERS:
        return ""
    try:
        # Without formats: a pattern that Python lacks may be right in JavaScript.
        kind.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        return _short(error.message)
    return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _short(text: str) -> str:
    return cut(text, 200)


def resolved(schema: Any, root: Node, depth: int = 0) -> dict[str, Any]:
    """Return a schema with its local references followed and its ``allOf`` merged.

    It is empty if everything is allowed, or if references lead nowhere.
    """
    node: dict[str, Any] = dict(schema) if isinstance(schema, Mapping) else {}
    for _ in range(_MOST_REFERENCES):
        reference = node.pop("$ref", None)
        if not isinstance(reference, str):
            break
        target = _pointed(root, reference)
        node = {**target, **node} if isinstance(target, Mapping) else node
    else:
        return {}
    parts = node.pop("allOf", None)
    if isinstance(parts, list) and depth < _DEEPEST_MERGE:
        for part in parts[:_MOST_ALTERNATIVES]:
            node = _merged(node, resolved(part, root, depth + 1))
    return node


def _pointed(root: Node, reference: str) -> Any:
    """Return what a local reference such as ``#/$defs/Point`` points to; None for others."""
    path, marker, pointer = reference.partition("#")
    if path or not marker:
        return None
    target: Any = root
    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping):
            target = target.get(key)
        elif isinstance(target, list) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
        else:
            return None
    return target


def _merged(first: Node, second: Node) -> dict[str, Any]:
    both = {**second, **first}
    both["properties"] = {**properties_of(second), **properties_of(first)}
    both["required"] = list(dict.fromkeys([*required_of(second), *required_of(first)]))
    return {name: value for name, value in both.items() if value or name not in {"properties", "required"}}


def alternatives(schema: Any, root: Node) -> list[dict[str, Any]]:
    """Return the schemas that ``anyOf``, ``oneOf`` and a list of types allow; those for null last."""
    singles = [single for one in _expanded(resolved(schema, root), root) for single in _single_types(one)]
    return sorted(singles, key=lambda single: single.get("type") == "null")


def _expanded(node: dict[str, Any], root: Node, depth: int = 0) -> list[dict[str, Any]]:
    keyword = next((each for each in ("anyOf", "oneOf") if isinstance(node.get(each), list)), None)
    if keyword is None or depth == _DEEPEST_MERGE:
        return [node]
    base = {key: value for key, value in node.items() if key != keyword}
    options = [option for option in node[keyword][:_MOST_ALTERNATIVES] if option is not False]
    merged = (_merged(resolved(option, root), base) for option in options)
    return [one for option in merged for one in _expanded(option, root, depth + 1)][:_MOST_ALTERNATIVES]


def _single_types(node: Node) -> Iterator[dict[str, Any]]:
    types = node.get("type")
    for kind in types if isinstance(types, list) else [types]:
        yield {**node, "type": kind} if kind is not None else dict(node)


def type_of(node: Node) -> str:
    """Return the type of a schema with one type; where it states none, the one that its keywords imply."""
    kind = node.get("type")
    if isinstance(kind, str):
        return kind
    if "properties" in node or "required" in node:
        return "object"
    if "items" in node or "prefixItems" in node:
        return "array"
    if "minimum" in node or "maximum" in node:
        return "number"
    return "string"


def properties_of(node: Node) -> dict[str, Any]:
    """Return the schemas of an object's properties by name."""
    properties = node.get("properties")
    return dict(properties) if isinstance(properties, Mapping) else {}


def required_of(node: Node) -> list[str]:
    """Return the names of the properties that an object must have."""
    required = node.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
