"""Arguments for a tool, drawn from its input schema, the most promising first.

For each property: values that the schema declares, values that the server has named, examples in the
description, the usual values of such a name, and at the end plain words and small numbers.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from perf_core.targets.discovery.descriptions import examples_in
from perf_core.targets.discovery.plain_values import numbers, strings, usual_values
from perf_core.targets.discovery.schemas import (
    Checker,
    Node,
    alternatives,
    properties_of,
    required_of,
    resolved,
    type_of,
)
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import Tool, singular

Arguments = dict[str, JsonValue]

_MOST_STEPS = 4000
"""Schemas visited for one tool: recursive ones have no end."""

_DEEPEST = 5
_MOST_VALUES = 30
_DIAGONAL = 20
_MIXED = 60
_MOST_DRAWN = 120
_NESTED_VARIANTS = 3
_KEPT = 0.7
"""Share of the mixed arguments that keep a value which another tool accepted."""


@dataclass
class _Drawing:
    """State of one draw: the root of the schema, what is known, and how much work is left."""

    root: Node
    tool: Tool
    seen: SeenValues
    rng: random.Random
    successful: Arguments | None = None
    steps: int = _MOST_STEPS
    informed: set[str] = field(default_factory=set)


def has_required(tool: Tool) -> bool:
    """Return whether a tool cannot be called without arguments."""
    root = tool.input_schema if isinstance(tool.input_schema, Mapping) else {}
    return bool(required_of(resolved(root, root)))


def draw(tool: Tool, seen: SeenValues, seed: int, successful: Arguments | None = None) -> list[Arguments]:
    """Return different arguments for a tool, the most promising first; they may break its schema.

    The same seed draws the same arguments from the same schema and the same values seen.

    Args:
        successful: Arguments with which a call succeeded: every other one differs from them in one property.
    """
    root = tool.input_schema if isinstance(tool.input_schema, Mapping) else {}
    rng = random.Random(f"{seed} {tool.name}")  # noqa: S311 - no secret
    drawing = _Drawing(root, tool, seen, rng, successful)
    each = [list(itertools.islice(_of_object(one, drawing), _MOST_DRAWN)) for one in alternatives(root, root)]
    drawn: dict[str, Arguments] = {}
    for arguments in (row for rows in itertools.zip_longest(*each) for row in rows if row is not None):
        drawn.setdefault(json.dumps(arguments, sort_keys=True), arguments)
    return list(drawn.values())[:_MOST_DRAWN]


def allowed(tool: Tool, drawn: Sequence[Arguments], checker: Checker) -> Iterator[Arguments]:
    """Yield the arguments that the tool's schema allows and JSON can express."""
    for arguments in drawn:
        if _is_json(arguments) and (tool.input_schema is None or not checker.complaint(arguments)):
            yield arguments


def _is_json(value: Any) -> bool:
    """Return whether a value can be written as JSON: not infinity, nor half of a surrogate pair.

    Servers name such values all the same, in schemas (``1e999``), descriptions and answers.
    """
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _of_object(node: Node, drawing: _Drawing) -> Iterator[Arguments]:
    """Yield arguments for an object, those in its examples first."""
    declared = node.get("examples")
    for example in declared if isinstance(declared, list) else []:
        if isinstance(example, dict):
            yield example
    properties, required = properties_of(node), required_of(node)
    choices = {name: _choices(name, properties.get(name, {}), drawing, 0) for name in required}
    if not all(choices.values()):
        return
    optional = {
        name: values
        for name, schema in properties.items()
        if name not in choices and (values := _choices(name, schema, drawing, 0)) and name in drawing.informed
    }
    general = _general(choices, optional, drawing)
    if drawing.successful is None:
        yield from general
        return
    # Arguments that a tool takes may be rare: then only those around them are taken as well.
    around = _around(drawing.successful, {**optional, **choices})
    for pair in itertools.zip_longest(general, around):
        yield from (arguments for arguments in pair if arguments is not None)


def _general(
    choices: Mapping[str, Sequence[JsonValue]],
    optional: Mapping[str, Sequence[JsonValue]],
    drawing: _Drawing,
) -> Iterator[Arguments]:
    """Yield arguments: required ones alone, then with one optional one, then mixed."""
    accepted = {name: seen for name, values in choices.items() if (seen := _accepted(name, values, drawing))}
    for number in range(_DIAGONAL if choices else 1):
        # What another tool accepted is tried again with each value of the other properties.
        if 0 < len(accepted) < len(choices):
            yield _pick({**choices, **accepted}, number)
        yield _pick(choices, number)
    least = _pick({**choices, **accepted}, 0)
    for name, values in optional.items():
        yield from ({**least, name: value} for value in values[:2])
    for _ in range(_MIXED):
        mixed = {
            name: drawing.rng.choice(
                accepted[name] if name in accepted and drawing.rng.random() < _KEPT else values
            )
            for name, values in choices.items()
        }
        for name, values in optional.items():
            if drawing.rng.random() < 1 / 3:
                mixed[name] = drawing.rng.choice(values)
        yield mixed


def _around(base: Arguments, choices: Mapping[str, Sequence[JsonValue]]) -> Iterator[Arguments]:
    """Yield arguments that differ from others in one property, each property in turn."""
    for number in range(max(map(len, choices.values()), default=0)):
        for name, values in choices.items():
            if number < len(values):
                yield {**base, name: values[number]}


def _accepted(name: str, values: Sequence[JsonValue], drawing: _Drawing) -> list[JsonValue]:
    """Return the values of a property with which calls of other tools succeeded, if they fit its type."""
    types = {type(value) for value in values}
    return [value for value in drawing.seen.accepted(name) if type(value) in types]


def _pick(choices: Mapping[str, Sequence[JsonValue]], number: int) -> Arguments:
    return {name: values[number % len(values)] for name, values in choices.items()}


def _choices(name: str, schema: Any, drawing: _Drawing, depth: int) -> list[JsonValue]:
    """Return values for a property, the most promising first; empty where none can be drawn."""
    values: dict[str, JsonValue] = {}
    if depth > _DEEPEST or schema is False:
        return []
    for node in alternatives(schema, drawing.root):
        drawing.steps -= 1
        if drawing.steps <= 0:
            break
        declared = list(_declared(node))
        if declared:
            drawing.informed.add(name)
        closed = "const" in node or "enum" in node
        for value in itertools.chain(declared, () if closed else _drawn(name, node, drawing, depth)):
            values.setdefault(json.dumps(value, sort_keys=True), value)
            if len(values) >= _MOST_VALUES:
                break
    return list(values.values())


def _declared(node: Node) -> Iterator[JsonValue]:
    """Yield the values that a schema itself states."""
    if "const" in node:
        yield node["const"]
    for keyword in ("enum", "examples"):
        stated = node.get(keyword)
        if isinstance(stated, list):
            yield from stated[:_MOST_VALUES]
    for keyword in ("default", "example"):
        if node.get(keyword) is not None:
            yield node[keyword]


def _drawn(name: str, node: Node, drawing: _Drawing, depth: int) -> Iterator[JsonValue]:
    match type_of(node):
        case "string":
            informed = list(_informed(name, node, drawing))
            if informed or {"format", "pattern"} & set(node):
                drawing.informed.add(name)
            yield from strings(node, [str(value) for value in informed], drawing.rng)
        case "integer" | "number" as kind:
            drawing.informed.add(name)
            for value in _informed(name, node, drawing):
                number = _as_number(value, whole=kind == "integer")
                if number is not None:
                    yield number
            yield from numbers(name, node, drawing.rng)
        case "boolean":
            drawing.informed.add(name)
            yield from (False, True)
        case "array":
            yield from _arrays(name, node, drawing, depth)
        case "object":
            yield from _objects(node, drawing, depth)
        case "null":
            yield None


def _informed(name: str, node: Node, drawing: _Drawing) -> Iterator[JsonValue]:
    """Yield values that something other than the type speaks for."""
    description = str(node.get("description") or "")
    yield from drawing.seen.allowed(drawing.tool.name, name)
    yield from drawing.seen.fitting(name, drawing.tool.words)
    yield from examples_in(description)
    yield from usual_values(name, description or drawing.tool.description)


def _as_number(value: JsonValue, *, whole: bool) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value) if whole else float(value)
    except (ValueError, OverflowError):
        return None


def _arrays(name: str, node: Node, drawing: _Drawing, depth: int) -> Iterator[JsonValue]:
    prefix, items = node.get("prefixItems"), node.get("items", {})
    if isinstance(items, list):  # how drafts before 2020-12 wrote prefixItems
        prefix, items = items, node.get("additionalItems", {})
    least = node.get("minItems")
    count = int(min(least, _MOST_VALUES)) if isinstance(least, int | float) else 0
    if isinstance(prefix, list) and prefix:
        each = [_choices(singular(name), schema, drawing, depth + 1) for schema in prefix[: max(count, 8)]]
        if all(each):
            yield from ([values[number % len(values)] for values in each] for number in range(4))
        return
    values = _choices(singular(name), items, drawing, depth + 1)
    if not values:
        if count == 0:
            yield []
        return
    if singular(name) in drawing.informed:
        drawing.informed.add(name)
    length = max(count, 1)
    for start in range(min(len(values), 8)):
        yield [values[(start + number) % len(values)] for number in range(length)]
    if length < 2 <= len(values):
        yield values[:2]


def _objects(node: Node, drawing: _Drawing, depth: int) -> Iterator[JsonValue]:
    properties, required = properties_of(node), required_of(node)
    choices = {name: _choices(name, properties.get(name, {}), drawing, depth + 1) for name in required}
    if not all(choices.values()):
        return
    yield from (_pick(choices, number) for number in range(_NESTED_VARIANTS))
    if not required and properties:
        name = next(iter(properties))
        for value in _choices(name, properties[name], drawing, depth + 1)[:_NESTED_VARIANTS]:
            yield {name: value}
