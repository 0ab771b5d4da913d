"""Schemas of strangers: checked, followed, and never fetched or waited for."""

from __future__ import annotations

import socket
import time

import pytest

from perf_core.targets.discovery.schemas import Checker, alternatives, resolved, type_of


def test_values_are_checked_with_formats_and_references() -> None:
    schema = {
        "type": "object",
        "properties": {"day": {"type": "string", "format": "date"}, "at": {"$ref": "#/$defs/point"}},
        "required": ["at"],
        "$defs": {"point": {"type": "integer", "minimum": 1}},
    }
    checker = Checker(schema)
    assert checker.complaint({"at": 2, "day": "2024-01-15"}) == ""
    assert "required" in checker.complaint({})
    assert "minimum" in checker.complaint({"at": 0})
    assert "date" in checker.complaint({"at": 1, "day": "soon"})


@pytest.mark.parametrize("schema", [{"type": 5}, {"properties": []}, "nonsense", 7, ["a"], {"$schema": 3}])
def test_what_is_no_schema_is_said_to_be_none(schema: object) -> None:
    checker = Checker(schema)
    assert checker.problem
    assert checker.complaint({}) == checker.problem


@pytest.mark.parametrize(("schema", "got"), [("nonsense", '"nonsense"'), (["a"], '["a"]'), (None, "null")])
def test_what_is_no_schema_is_told_in_words(schema: object, got: str) -> None:
    assert Checker(schema).problem == f"expected a JSON object, got {got}"


def test_remote_references_are_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        schema = {"properties": {"a": {"$ref": f"http://127.0.0.1:{port}/schema.json"}}}
        assert Checker(schema).complaint({"a": 1}) == ""
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_pattern_that_python_lacks_is_left_to_the_server() -> None:
    assert Checker({"properties": {"a": {"pattern": "^\\p{L}+$"}}}).complaint({"a": "x"}) == ""


def test_number_too_large_for_python_is_left_to_the_server() -> None:
    assert Checker({"multipleOf": 10**400}).complaint(1.5) == ""


def test_reference_to_itself_ends() -> None:
    checker = Checker({"$ref": "#"})
    assert "without an end" in checker.complaint({})
    assert resolved({"$ref": "#"}, {"$ref": "#"}) == {}
    mutual = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert resolved({"$ref": "#/$defs/a"}, mutual) == {}


def test_pattern_that_may_take_for_ever_is_not_tried_on_long_texts() -> None:
    checker = Checker({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
    began = time.monotonic()
    assert "for ever" in checker.complaint({"a": "a" * 60 + "!"})
    assert time.monotonic() - began < 1
    assert checker.complaint({"a": "aaa"}) == ""


def test_references_and_parts_are_merged() -> None:
    root = {"$defs": {"base": {"type": "object", "properties": {"a": {}}, "required": ["a"]}}}
    node = resolved(
        {"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {}}, "required": ["b"]}], "title": "t"},
        root,
    )
    assert set(node["properties"]) == {"a", "b"}
    assert set(node["required"]) == {"a", "b"}
    assert node["title"] == "t"


def test_alternatives_put_null_last_and_keep_what_they_share() -> None:
    schema = {"anyOf": [{"type": "null"}, {"type": "string"}, {"oneOf": [{"type": "integer"}]}], "title": "t"}
    assert [node["type"] for node in alternatives(schema, {})] == ["string", "integer", "null"]
    assert {node["title"] for node in alternatives(schema, {})} == {"t"}
    assert [node["type"] for node in alternatives({"type": ["null", "number"]}, {})] == ["number", "null"]


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"type": "boolean"}, "boolean"),
        ({"properties": {}}, "object"),
        ({"items": {}}, "array"),
        ({"minimum": 1}, "number"),
        ({}, "string"),
    ],
)
def test_type_is_implied_by_the_keywords(node: dict, kind: str) -> None:
    assert type_of(node) == kind
