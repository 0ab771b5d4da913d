"""The JSON Schema of target files accepts what the lab accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from perf_core.targets.file_schema import file_schema

SCHEMA = file_schema()
VALID = {"name": "s", "url": "http://h", "calls": [{"tool": "t"}]}


def problems(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)]


def test_schema_is_a_schema_of_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"think_time": 2},
        {"think_time": {"uniform": [1, 3]}},
        {"calls": [{"tool": "t", "expect": {"rpc_error": True}}]},
        {"calls": [{"tool": "t", "expect": {"json": {"a": 1}}}]},
        {"calls": [{"tool": "t", "draw": {"a": {"range": [1, 2]}}}]},
        {"access": {"headers": {"A": "$B"}}},
    ],
)
def test_valid_file_is_valid(fields: dict[str, Any]) -> None:
    assert problems({**VALID, **fields}) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"color": 1},
        {"name": ""},
        {"think_time": {"uniform": [1]}},
        {"think_time": -1},
        {"transport": "sse"},
        {"calls": [{"tool": "t", "args": {}}]},
        {"calls": [{"tool": "t", "expect": {"text": "a", "error": True}}]},
        {"calls": [{"tool": "t", "expect": {"rpc_error": False}}]},
        {"calls": [{"tool": "t", "expect": {"json_": {}}}]},
        {"calls": [{"tool": "t", "draw": {"a": {"range": [1]}}}]},
        {"journeys": [{"name": "j", "steps": []}]},
        {"targets": [{"figure": "f", "comparison": "<=", "target": 1, "need": "n"}]},
    ],
)
def test_mistake_is_a_mistake_to_an_editor(fields: dict[str, Any]) -> None:
    assert problems({**VALID, **fields})


def tables(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "the file", schema
    yield from schema["$defs"].items()


def test_every_field_of_ours_has_a_description() -> None:
    for name, table in tables(SCHEMA):
        if name.endswith("Table") or name == "the file":
            assert table["additionalProperties"] is False
            for field, properties in table["properties"].items():
                assert properties.get("description"), f"{name}: {field}"
