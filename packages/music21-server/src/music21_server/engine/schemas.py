"""Output schemas of tools, with the descriptions that the dataclasses give their fields."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from music21_server.engine.pages import Page

_ATTRIBUTE = re.compile(r"^(\w+): (.*)$")


def output_schema(result: type[Any], pages: str | None) -> dict[str, Any]:
    """Return the JSON schema of an analysis' answer.

    Args:
        result: Its dataclass.
        pages: The field of which an answer holds a page; None when there is none.
    """
    schema = _schema(result)
    own: dict[str, Any] = {"score_id": {"type": "string", "description": "The score that was analysed."}}
    schema["properties"] = {**own, **schema["properties"]}
    schema["required"] = ["score_id", *schema.get("required", [])]
    if pages is not None:
        page = _schema(Page)
        schema["properties"]["page"] = {**page, "description": f"Which of all `{pages}` these are."}
        schema["required"].append("page")
    return schema


def _schema(kind: type[Any]) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    described = {each.__name__: _descriptions(each) for each in _dataclasses(kind, set())}
    for name, definition in [(kind.__name__, schema), *schema.get("$defs", {}).items()]:
        for field, description in described.get(name, {}).items():
            definition["properties"][field].setdefault("description", description)
        definition.pop("title", None)
        if "description" in definition:  # the docstring; its attributes have found their places
            definition["description"] = definition["description"].partition("\n\nAttributes:")[0]
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
    return schema


def _dataclasses(kind: Any, seen: set[Any]) -> Iterator[type[Any]]:
    """Yield a dataclass and those of its fields."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        yield kind
        for hint in get_type_hints(kind).values():
            yield from _dataclasses(hint, seen)
    for argument in get_args(kind):
        yield from _dataclasses(argument, seen)


def _descriptions(kind: type[Any]) -> Mapping[str, str]:
    """Return what a dataclass' docstring says about its attributes."""
    _, _, rest = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    lines = itertools.takewhile(lambda line: not line or line.startswith(" "), rest.splitlines())
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent("\n".join(lines)).splitlines():
        match = _ATTRIBUTE.match(line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif line.strip():
            found[name] += f" {line.strip()}"
    return {name: text.replace("``", "`") for name, text in found.items()}
