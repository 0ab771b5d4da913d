"""Arguments drawn from schemas: promising, allowed, the same for the same seed, and never without an end."""

from __future__ import annotations

import json
import time

import pytest

from perf_core.targets.discovery.arguments import allowed, draw, has_required
from perf_core.targets.discovery.schemas import Checker
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import Tool

NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
    "required": ["name"],
}


def drawn(
    schema: object, seen: SeenValues | None = None, seed: int = 1, name: str = "get_thing"
) -> list[dict]:
    tool = Tool(name, input_schema=schema)
    return list(allowed(tool, draw(tool, seen or SeenValues(), seed), Checker(schema)))


def of(required: list[str], **properties: object) -> dict:
    return {"type": "object", "properties": properties, "required": required}


def test_numbers_give_many_different_calls() -> None:
    calls = drawn(of(["a", "b"], a={"type": "number"}, b={"type": "number"}))
    assert len(calls) >= 20
    assert all(set(call) == {"a", "b"} for call in calls)
    assert len({call["a"] for call in calls}) > 5


def test_same_seed_same_calls() -> None:
    schema = of(["a"], a={"type": "integer"}, b={"type": "boolean"})
    assert drawn(schema) == drawn(schema)
    assert drawn(schema, seed=1) != drawn(schema, seed=2)


def test_what_the_schema_states_comes_first_and_an_enum_alone() -> None:
    schema = of(["unit", "city"], unit={"enum": ["C", "F"]}, city={"type": "string", "examples": ["Bonn"]})
    calls = drawn(schema)
    assert calls[0] == {"unit": "C", "city": "Bonn"}
    assert {call["unit"] for call in calls} == {"C", "F"}


def test_values_of_the_server_come_before_words() -> None:
    seen = SeenValues()
    seen.add_result("list_users", {}, {"structuredContent": {"users": [{"id": "u-1"}]}})
    assert drawn(of(["user_id"], user_id={"type": "string"}), seen)[0] == {"user_id": "u-1"}
    assert drawn(of(["user_ids"], user_ids={"type": "array", "items": {"type": "string"}}), seen)[0] == {
        "user_ids": ["u-1"]
    }


def test_numbers_in_texts_fit_numbers() -> None:
    seen = SeenValues()
    seen.add_result("list_users", {}, {"content": [{"type": "text", "text": "id: 4711"}]})
    assert drawn(of(["id"], id={"type": "integer"}), seen)[0] == {"id": 4711}


def test_description_and_name_are_heeded() -> None:
    zone = {"type": "string", "description": "IANA name (e.g., 'Asia/Tokyo')"}
    assert drawn(of(["zone"], zone=zone))[0] == {"zone": "Asia/Tokyo"}
    assert drawn(of(["timezone"], timezone={"type": "string"}))[0] == {"timezone": "Europe/London"}


def test_description_of_the_tool_stands_in_for_that_of_a_property() -> None:
    schema = of(["target"], target={"type": "string"})
    tool = Tool("diff", "Shows differences between branches or commits", schema)
    assert draw(tool, SeenValues(), 1)[0] == {"target": "HEAD"}


def test_optional_properties_are_left_out_at_first_and_then_tried() -> None:
    schema = of(["a"], a={"type": "string"}, verbose={"type": "boolean"}, cursor={"type": "string"})
    calls = drawn(schema)
    assert set(calls[0]) == {"a"}
    assert any("verbose" in call for call in calls)
    assert not any("cursor" in call for call in calls), "nothing is known of it but its type"


def test_no_arguments_are_one_call() -> None:
    assert drawn({"type": "object"}) == [{}]
    assert drawn({"type": "object", "properties": {}, "additionalProperties": False}) == [{}]


@pytest.mark.parametrize(
    "schema",
    [
        of(["when"], when={"type": "string", "format": "date-time"}),
        of(["code"], code={"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"}),
        of(["n"], n={"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]}),
        of(
            ["items"],
            items={"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
        ),
        of(
            ["pair"],
            pair={"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
        ),
        of(["pair"], pair={"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}),
        of(["o"], o=of(["x", "y"], x={"type": "number"}, y={"enum": [1]})),
        of(["k"], k={"const": "only"}),
        of(["e"], e={"type": "object"}),
        {"oneOf": [of(["a"], a={"type": "string"}), of(["b"], b={"type": "integer"})]},
        {"allOf": [of(["a"], a={"type": "string"}), of(["b"], b={"type": "integer"})]},
        {**of(["root"], root={"$ref": "#/$defs/node"}), "$defs": {"node": NODE}},
        {**of(["a"], a={"$ref": "#/definitions/a"}), "definitions": {"a": {"type": "boolean"}}},
        of(["undeclared"]),
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_schemas_of_many_kinds_get_allowed_arguments(schema: dict) -> None:
    calls = drawn(schema)
    assert calls
    assert all(Checker(schema).complaint(call) == "" for call in calls)


def test_schema_without_an_end_gets_no_arguments_and_does_not_hang() -> None:
    endless = of(["next"], next={"$ref": "#/$defs/node"})
    links = {f"p{n}": {"$ref": "#/$defs/wide"} for n in range(6)}
    wide = {
        **of(["root"], root={"$ref": "#/$defs/wide"}),
        "$defs": {"wide": {**of(list(links), **links), "anyOf": [{"type": "object"}] * 6}},
    }
    began = time.monotonic()
    assert drawn({**of(["first"], first={"$ref": "#/$defs/node"}), "$defs": {"node": endless}}) == []
    assert drawn(wide) == []
    assert time.monotonic() - began < 5


def test_huge_schema_does_not_hang() -> None:
    schema = of(
        [f"p{n}" for n in range(200)],
        **{f"p{n}": {"type": "string", "enum": [str(v) for v in range(200)]} for n in range(200)},
    )
    began = time.monotonic()
    calls = drawn(schema)
    assert len(calls) > 5
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("schema", [None, "nonsense", 7, {"type": 5}, {"properties": [], "required": 3}])
def test_what_is_no_schema_breaks_nothing(schema: object) -> None:
    tool = Tool("t", input_schema=schema)
    draw(tool, SeenValues(), 1)
    has_required(tool)


def test_tool_without_a_schema_is_called_without_arguments() -> None:
    tool = Tool("t", input_schema=None)
    assert next(iter(allowed(tool, draw(tool, SeenValues(), 1), Checker({"type": "object"})))) == {}
    assert not has_required(tool)
    assert has_required(Tool("t", input_schema=of(["a"])))


def test_values_that_json_cannot_express_are_not_sent() -> None:
    seen = SeenValues()
    seen.add_result("list_users", {}, {"structuredContent": {"users": [{"id": "\ud800"}]}})
    share = {"type": "number", "description": "e.g. 'Infinity', 'nan'", "default": float("inf")}
    for schema in (of(["share"], share=share), of(["user_id"], user_id={"type": "string"})):
        calls = drawn(schema, seen)
        assert calls
        for call in calls:
            json.dumps(call, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    "prop",
    [
        {"type": "number", "minimum": -(10**400), "maximum": 10**400},
        {"type": "number", "multipleOf": 10**400},
        {"type": "number", "multipleOf": 5e-324},
        {"type": "integer", "exclusiveMinimum": 10**400},
        {"type": "array", "items": {"type": "integer"}, "minItems": float("inf")},
        {"type": "string", "minLength": 10**400},
    ],
    ids=", ".join,
)
def test_numbers_beyond_those_of_a_float_break_nothing(prop: dict) -> None:
    for call in drawn(of(["a"], a=prop)):
        assert set(call) == {"a"}
