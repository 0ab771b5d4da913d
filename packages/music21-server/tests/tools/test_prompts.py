"""The prompts over HTTP on both wires; every tool call that they describe is valid."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import mcp_types
import pytest
from fastmcp import Client
from mcp.shared.exceptions import MCPError

from perf_core import Launch
from perf_core.server.process import ServerProcess

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PROMPTS: dict[str, dict[str, str]] = {
    "analyse_score": {"source": "bach/bwv66.6"},
    "compare_scores": {"first": "bach/bwv66.6", "second": "trecento/fava_dicant_nunc_iudei"},
    "harmony_exercise": {},
    "counterpoint_lesson": {},
}
OTHER_ARGUMENTS: list[tuple[str, dict[str, str]]] = [
    ("analyse_score", {"source": "x", "focus": "harmony"}),
    ("compare_scores", {"first": "a", "second": "b", "question": "Who borrowed from whom?"}),
    ("harmony_exercise", {"melody": "C4 D4 E4", "level": "advanced"}),
    ("counterpoint_lesson", {"species": "4", "cantus": "D4 E4 D4"}),
]
CALL = re.compile(r"(?<![\w.])([a-z]+_[a-z0-9_]+)\(([^()]*)\)", re.DOTALL)
ARGUMENT = re.compile(r'(\w+)=("[^"]*"|[\w.…]+)')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    argv = (sys.executable, "-m", "music21_server", "--port", "0", "--ready-file", "{ready_file}")
    launch = Launch((*argv, "--worker-processes", "1"), cwd=folder)
    with ServerProcess(launch, "session", folder / "log") as running:
        yield running


@pytest.fixture(params=["legacy", "2026-07-28"], ids=["session", "stateless"])
async def client(server: ServerProcess, request: pytest.FixtureRequest) -> AsyncIterator[Client[Any]]:
    async with Client(server.url, mode=request.param) as connected:
        yield connected


async def text_of(client: Client[Any], name: str, arguments: dict[str, str]) -> str:
    (message,) = (await client.get_prompt(name, arguments)).messages
    assert message.role == "user"
    assert isinstance(message.content, mcp_types.TextContent)
    return message.content.text


async def test_prompts_are_listed_with_their_arguments(client: Client[Any]) -> None:
    listed = {prompt.name: prompt for prompt in await client.list_prompts()}
    assert set(listed) == set(PROMPTS)
    for name, prompt in listed.items():
        assert prompt.description
        assert len(prompt.description) > 40
        required = {argument.name for argument in prompt.arguments or [] if argument.required}
        assert required == set(PROMPTS[name])
        for argument in prompt.arguments or []:
            assert argument.description, f"{name}.{argument.name}"


@pytest.mark.parametrize(("name", "arguments"), [*PROMPTS.items(), *OTHER_ARGUMENTS])
async def test_prompts_contain_their_arguments(
    client: Client[Any], name: str, arguments: dict[str, str]
) -> None:
    text = await text_of(client, name, arguments)
    for value in arguments.values():
        assert value in text
    assert not re.search(r"[{}]", text)


async def test_every_call_in_a_prompt_is_valid(client: Client[Any]) -> None:
    tools = {tool.name: tool.input_schema for tool in await client.list_tools()}
    for name, arguments in [*PROMPTS.items(), *OTHER_ARGUMENTS]:
        text = await text_of(client, name, arguments)
        calls = CALL.findall(text)
        assert len(calls) >= 6
        for tool, call_arguments in calls:
            assert tool in tools, f"{name}: {tool}"
            fields = tools[tool]["properties"]
            for argument, value in ARGUMENT.findall(call_arguments):
                assert argument in fields, f"{name}: {tool}({argument})"
                if "…" not in value:
                    schema = {**fields[argument], "$defs": tools[tool].get("$defs", {})}
                    jsonschema.validate(_json(value), schema)
        mentioned = set(re.findall(r"\b[a-z]+_(?:analysis|score|pattern|melody|counterpoint|style)\b", text))
        assert mentioned - {"score_id"} <= set(tools)


def _json(value: str) -> Any:
    if value.startswith('"'):
        return value[1:-1]
    return {"true": True, "false": False}.get(value) if value in ("true", "false") else int(value)


async def test_fields_that_prompts_name_are_in_the_output_schemas(client: Client[Any]) -> None:
    tools = {tool.name: tool for tool in await client.list_tools()}
    fields_of_tools = {
        "key_analysis": ("key", "coefficient", "alternatives", "confidence"),
        "harmony_analysis": ("cadences", "rhythm", "functions", "pairs", "page"),
    }
    text = await text_of(client, "analyse_score", {"source": "x"})
    text += await text_of(client, "compare_scores", {"first": "x", "second": "y"})
    for tool, fields in fields_of_tools.items():
        schema = tools[tool].output_schema
        assert schema is not None
        for field in fields:
            assert field in schema["properties"]
            assert f"`{field}" in text


async def test_a_text_with_quotes_stays_one_argument(client: Client[Any]) -> None:
    text = await text_of(client, "analyse_score", {"source": 'he said "C4"\nD4'})
    assert r'import_score(source="he said \"C4\"\nD4")' in text


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("analyse_score", {}, "source"),
        ("analyse_score", {"source": "x", "focus": "weather"}, "one of everything, harmony"),
        ("harmony_exercise", {"level": "wizard"}, "one of beginner, intermediate"),
        ("counterpoint_lesson", {"species": "6"}, "one of 1, 2, 3, 4, 5"),
        ("nothing", {}, "nothing"),
    ],
)
async def test_invalid_arguments_are_errors(
    client: Client[Any], name: str, arguments: dict[str, str], expected: str
) -> None:
    with pytest.raises(MCPError) as caught:
        await client.get_prompt(name, arguments)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("prompt", "argument", "value", "expected"),
    [
        ("analyse_score", "focus", "", ["everything", "harmony", "form", "part-writing", "melody"]),
        ("harmony_exercise", "level", "int", ["intermediate"]),
        ("counterpoint_lesson", "species", "", ["1", "2", "3", "4", "5"]),
        ("compare_scores", "second", "Bach/bwv66", ["bach/bwv66.6"]),
        ("analyse_score", "source", "zz/nothing", []),
        ("compare_scores", "question", "w", []),
    ],
)
async def test_arguments_are_completed(
    client: Client[Any], prompt: str, argument: str, value: str, expected: list[str]
) -> None:
    reference = mcp_types.PromptReference(type="ref/prompt", name=prompt)
    completion = await client.complete(reference, {"name": argument, "value": value})
    assert completion.values == expected


async def test_at_most_100_completions_are_returned(client: Client[Any]) -> None:
    reference = mcp_types.PromptReference(type="ref/prompt", name="analyse_score")
    completion = await client.complete(reference, {"name": "source", "value": "bach/"})
    assert len(completion.values) == 100
    assert completion.has_more
    assert completion.total is not None
    assert completion.total > 400


async def test_names_of_stored_scores_are_completed(server: ServerProcess) -> None:
    async with Client(server.url, mode="legacy") as client:
        await client.call_tool("import_score", {"source": "C4 D4 E4 F4", "score_id": "my-tune"})
        for reference in (
            mcp_types.PromptReference(type="ref/prompt", name="analyse_score"),
            mcp_types.ResourceTemplateReference(type="ref/resource", uri="music21://scores/{score_id}"),
        ):
            name = "source" if isinstance(reference, mcp_types.PromptReference) else "score_id"
            assert (await client.complete(reference, {"name": name, "value": "my-"})).values == ["my-tune"]
    async with Client(server.url, mode="legacy") as other:
        reference = mcp_types.PromptReference(type="ref/prompt", name="analyse_score")
        assert (await other.complete(reference, {"name": "source", "value": "my-"})).values == []
