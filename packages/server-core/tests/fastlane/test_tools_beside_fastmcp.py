"""Tools of every kind: the lane calls those that cannot know of their request, and no answer differs."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pytest
from beside_fastmcp import assert_like_fastmcp, outcomes
from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.server.dependencies import get_context
from fastmcp.tools import FunctionTool, ToolResult
from pydantic import BaseModel, BeforeValidator
from pydantic_core import to_json
from request_readers import NOT_PLAIN, TOKEN, app_of, by_context_variable, calls, key

from server_core import EncodedJson, PlainTool

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("fn", NOT_PLAIN, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
async def test_a_tool_that_may_know_of_its_request_is_called_by_fastmcp(fn: Any) -> None:
    await assert_like_fastmcp(
        lambda _notes: app_of(fn), *calls("tool", {"text": "hi"}), lane_calls=0, auth_tokens=[TOKEN]
    )


TRUSTED = [each for each in NOT_PLAIN if each is not by_context_variable]


@pytest.mark.parametrize("fn", TRUSTED, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
async def test_a_plain_tool_finds_its_request_on_the_lane_too(fn: Any) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_of(fn, PlainTool),
        *calls("tool", {"text": "hi"}),
        lane_calls=4,
        auth_tokens=[TOKEN],
    )
    assert len({each.body for each in answers}) > 2


class Writer:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += f"{text.strip()} {key()}"


async def by_writer(text: str) -> str:
    writer = Writer()
    print(text, file=writer, end="")
    return writer.text


async def test_methods_that_a_library_calls_find_their_request() -> None:
    for kind in (FunctionTool, PlainTool):
        answers = await assert_like_fastmcp(
            lambda _notes, kind=kind: app_of(by_writer, kind),  # type: ignore[misc]
            *calls("tool", {"text": "hi"}),
        )
        assert "hi two" in answers[2].body


@pytest.mark.parametrize("arguments", [{"text": "hi"}, {"text": 5}, {"text": "\ud83d"}, {"text": "5"}, {}])
@pytest.mark.parametrize("annotation", [str, int, "datetime.date", "uuid.UUID", "tuple[int, ...]"])
async def test_strict_servers_validate_as_fastmcp_does(arguments: dict[str, Any], annotation: Any) -> None:
    import datetime
    import uuid

    names = {"datetime.date": datetime.date, "uuid.UUID": uuid.UUID, "tuple[int, ...]": tuple[int, ...]}

    def make(_notes: list[str]) -> FastMCP[Any]:
        async def strict(text: Any) -> str:
            return f"{type(text).__name__} {text!r}"

        strict.__annotations__ = {"text": names.get(annotation, annotation), "return": str}
        mcp: FastMCP[Any] = FastMCP("app", version="1", strict_input_validation=True)
        mcp.tool(strict, name="tool")
        return mcp

    values = [arguments, {"text": "2026-01-02"}, {"text": [1, 2]}, {"text": str(uuid.UUID(int=7))}]
    await assert_like_fastmcp(make, *(call for each in values for call in calls("tool", each)))


async def test_a_validator_that_fails_in_an_unusual_way_is_fastmcps() -> None:
    def explode(_value: Any) -> Any:
        raise RuntimeError("no ValueError")

    async def tool(text: Annotated[str, BeforeValidator(explode)]) -> str:
        return text

    tool.__annotations__ = {"text": Annotated[str, BeforeValidator(explode)], "return": str}
    for kind in (FunctionTool, PlainTool):
        await assert_like_fastmcp(
            lambda _notes, kind=kind: app_of(tool, kind),  # type: ignore[misc]
            *calls("tool", {"text": "x"}),
            lane_calls=0,
        )


async def test_a_log_filter_may_ask_for_the_request() -> None:
    """Code that the search cannot connect with a tool finds the truth in the context variables."""
    logger = logging.getLogger("beside")
    seen: list[str] = []

    class Noting(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            seen.append(f"{key()} {get_context().request_id}")
            return False

    async def logging_tool(text: str) -> str:
        logger.warning("called")
        return text

    logger.addFilter(Noting())
    try:
        for kind in (FunctionTool, PlainTool):
            seen.clear()
            requests = calls("tool", {"text": "x"})
            results = await outcomes(lambda _notes, kind=kind: app_of(logging_tool, kind), *requests)  # type: ignore[misc]
            assert len(seen) == 12
            assert seen[:4] == seen[4:8] == seen[8:]
            assert results["lane"].lane_calls == (4 if kind is PlainTool else 0)
    finally:
        logger.filters.clear()


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Text(str):
    __slots__ = ()


async def raises_an_error_without_text(text: str) -> str:
    raise SpeechlessError


async def raises_a_group(text: str) -> str:
    raise ExceptionGroup("several", [ValueError(text)])


async def raises_stop_iteration(text: str) -> str:
    raise StopIteration(text)


async def raises_not_found(text: str) -> str:
    raise NotFoundError(text)


async def raises_for_a_model(text: str) -> str:
    return Number(x=text).text  # type: ignore[arg-type]


class Number(BaseModel):
    x: int
    text: str = ""


async def returns_encoded(text: str) -> Any:
    return EncodedJson(to_json({"text": text}))


async def names_tools(text: str) -> dict[str, Any]:
    names = {"_meta": {"fastmcp": {"toolNames": {"shown": "address"}}}}
    return {**names, "text": text, "button": {"action": "toolCall", "tool": "shown"}}


async def names_tools_in_a_result(text: str) -> ToolResult:
    return ToolResult(content=text, structured_content=await names_tools(text))


async def has_meta(text: str) -> dict[str, Any]:
    return {"_meta": {"own": text}}


async def returns_a_kind_of_text(text: str) -> str:
    return Text(text)


async def returns_bytes(text: str) -> bytes:
    return b"\xff" + text.encode()


UNUSUAL = [
    *(raises_an_error_without_text, raises_a_group, raises_stop_iteration, raises_not_found),
    *(raises_for_a_model, returns_encoded, names_tools, names_tools_in_a_result, has_meta),
    *(returns_a_kind_of_text, returns_bytes),
]


@pytest.mark.parametrize("fn", UNUSUAL, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
async def test_unusual_results_and_errors_are_fastmcps(fn: Any, kind: type[FunctionTool]) -> None:
    await assert_like_fastmcp(lambda _notes: app_of(fn, kind), *calls("tool", {"text": "hi"}), lane_calls=4)
