from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.tools import FunctionTool

from calculator_server.server import SAMPLE_URI, create_server

pytestmark = pytest.mark.anyio

RawCall = Callable[[str, str], Any]
TOOLS = ["add", "subtract", "multiply", "divide"]


async def test_the_tools_have_schemas_descriptions_and_annotations() -> None:
    async with Client(create_server()) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    assert list(tools) == TOOLS
    for tool in tools.values():
        schema = tool.input_schema
        assert schema["required"] == ["a", "b"]
        assert schema["additionalProperties"] is False
        for operand in ("a", "b"):
            assert schema["properties"][operand]["type"] == "number"
            assert "finite JSON number" in schema["properties"][operand]["description"]
        output = tool.output_schema
        assert output is not None
        assert output["required"] == ["result"]
        assert output["properties"]["result"]["type"] == "number"
        assert tool.description is not None
        assert "Use it for" in tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True


async def test_the_instructions_name_every_tool() -> None:
    instructions = create_server().instructions
    assert instructions is not None
    for word in [*TOOLS, "isError", SAMPLE_URI]:
        assert word in instructions


async def test_the_tools_are_plain_enough_to_be_served_without_fastmcp() -> None:
    server = create_server()
    assert server.middleware == []
    for tool in await server.list_tools():
        assert isinstance(tool, FunctionTool)
        assert set(tool.parameters["properties"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("tool", "arguments", "result"),
    [
        ("add", '{"a":1,"b":2}', 3.0),
        ("add", '{"a":0.1,"b":0.2}', 0.30000000000000004),
        ("subtract", '{"a":1,"b":2.5}', -1.5),
        ("multiply", '{"a":-4,"b":2.5e0}', -10.0),
        ("multiply", '{"a":-0.0,"b":1}', -0.0),
        ("multiply", '{"a":5e-324,"b":1}', 5e-324),
        ("divide", '{"b":8,"a":1}', 0.125),
        ("divide", '{"a":9007199254740993,"b":1}', 9007199254740992.0),
    ],
)
async def test_results_are_structured_and_the_same_as_text(
    raw_call: RawCall, tool: str, arguments: str, result: float
) -> None:
    answer = await raw_call(tool, arguments)
    assert answer["isError"] is False
    assert answer["structuredContent"] == {"result": result}
    assert math.copysign(1, answer["structuredContent"]["result"]) == math.copysign(1, result)
    (content,) = answer["content"]
    assert json.loads(content["text"]) == answer["structuredContent"]


A_NOT_FINITE = "'a' must be finite, not NaN or infinite"


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("divide", '{"a":1,"b":0}', "Division by zero has no result"),
        ("divide", '{"a":0,"b":-0.0}', "Division by zero has no result"),
        ("add", '{"a":1.7976931348623157e308,"b":1.7976931348623157e308}', "The sum is too large"),
        (
            "subtract",
            '{"a":-1.7976931348623157e308,"b":1.7976931348623157e308}',
            "The difference is too large",
        ),
        ("multiply", '{"a":1e308,"b":10}', "The product is too large"),
        ("divide", '{"a":1e308,"b":1e-10}', "The quotient is too large"),
        ("add", '{"a":NaN,"b":2}', A_NOT_FINITE),
        ("add", '{"a":-Infinity,"b":2}', A_NOT_FINITE),
        ("add", '{"a":1e999,"b":2}', A_NOT_FINITE),
        pytest.param("add", f'{{"a":1{"0" * 400},"b":2}}', A_NOT_FINITE, id="add-401 digits"),
        ("add", '{"a":"1","b":2}', "'a' must be a JSON number, but \"1\" was sent"),
        ("add", '{"a":true,"b":2}', "'a' must be a JSON number, but true was sent"),
        ("add", '{"a":null,"b":2}', "'a' must be a JSON number, but null was sent"),
        ("add", '{"a":[1],"b":2}', "'a' must be a JSON number, but [1] was sent"),
        ("add", '{"a":1}', "add needs the argument 'b', which is missing"),
        ("add", "{}", "add needs the argument 'a', which is missing"),
        ("add", '{"a":1,"b":2,"c":3}', 'add has no argument "c": leave it out'),
        ("sqrt", '{"a":1}', "Unknown tool: 'sqrt'"),
    ],
)
async def test_errors_are_errors_and_say_what_to_change(
    raw_call: RawCall, tool: str, arguments: str, sentence: str
) -> None:
    answer = await raw_call(tool, arguments)
    assert answer["isError"] is True
    assert "structuredContent" not in answer
    (content,) = answer["content"]
    assert sentence in content["text"]
    assert "pydantic" not in content["text"]
    assert "\n" not in content["text"]


async def test_the_examples_in_the_sample_text_are_correct() -> None:
    async with Client(create_server()) as client:
        (listed,) = await client.list_resources()
        assert str(listed.uri) == SAMPLE_URI
        (content,) = await client.read_resource(SAMPLE_URI)
        examples = [
            line.split(maxsplit=1)
            for line in content.text.splitlines()
            if line.startswith(tuple(TOOLS)) and "isError" not in line
        ]
        assert len(examples) >= 5
        for tool, rest in examples:
            arguments, _, result = rest.partition("->")
            answer = await client.call_tool(tool, json.loads(arguments))
            expected, _ = json.JSONDecoder().raw_decode(result.strip())
            assert answer.structured_content == expected
