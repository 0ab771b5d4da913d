"""Results of every kind: FastMCP writes each twice, and the SDK answers for those that cannot be written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import mcp_types
import pytest
from beside_fastmcp import assert_like_fastmcp
from fastmcp.exceptions import ToolError
from fastmcp.tools import ToolResult
from in_memory import initialize, session_call
from pydantic import BaseModel, ConfigDict, PlainSerializer, RootModel, model_serializer
from request_readers import app_of, calls

pytestmark = pytest.mark.anyio

HALF = "\ud83d"


def numbers() -> Iterator[int]:
    yield from range(3)


def failing_numbers() -> Iterator[int]:
    yield 1
    raise ValueError("no second number")


class Rows(BaseModel):
    rows: Iterable[int]


class Names(RootModel[list[str]]):
    pass


class More(BaseModel):
    model_config = ConfigDict(extra="allow")


class Config(BaseModel):
    config: Any


class Emptied(BaseModel):
    text: str

    @model_serializer
    def as_list(self) -> list[str]:
        return []


@dataclass
class Blob:
    __pydantic_config__ = ConfigDict(ser_json_bytes="base64")
    data: bytes


@dataclass
class Listed(list[str]):
    name: str


def in_hex(value: bytes) -> str:
    return value.hex()


async def iterators(text: str) -> dict[str, Any]:
    return {"own": numbers(), "deep": {"map": map(str, [1, 2])}}


async def an_iterator_for_a_list(text: str) -> dict[str, list[int]]:
    return {"rows": numbers()}  # type: ignore[dict-item] # the type is wrong


async def a_failing_iterator(text: str) -> dict[str, Any]:
    return {"rows": failing_numbers()}


async def a_model_with_an_iterator(text: str) -> Rows:
    return Rows(rows=numbers())


async def an_iterator_in_an_extra_field(text: str) -> More:
    return More(rows=numbers())  # type: ignore[call-arg]


async def an_iterator_in_a_field_of_any_type(text: str) -> Config:
    return Config(config=numbers())


async def bytes_in_hex(text: str) -> dict[str, Annotated[bytes, PlainSerializer(in_hex)]]:
    return {"data": b"\xff"}


async def bytes_of_a_dataclass(text: str) -> Blob:
    return Blob(b"\xff")


async def a_circle(text: str) -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    return circle


async def no_names(text: str) -> Names:
    return Names([])


async def a_model_as_an_empty_list(text: str) -> Emptied:
    return Emptied(text=text)


async def a_dataclass_that_is_a_list(text: str) -> Any:
    return Listed(text)


async def half_a_character(text: str) -> str:
    return text + HALF


async def half_a_character_as_a_key(text: str) -> dict[str, str]:
    return {HALF: text}


async def half_a_character_in_an_error(text: str) -> str:
    raise ToolError(HALF)


async def half_a_character_in_a_result(text: str) -> Any:
    return ToolResult(content=HALF)


async def meta_that_is_no_json(text: str) -> Any:
    return ToolResult(content=text, meta={"lock": object})


async def invalid_content(text: str) -> Any:
    return mcp_types.TextContent.model_construct(type="text", text=5)


async def invalid_content_of_a_result(text: str) -> Any:
    return mcp_types.CallToolResult.model_construct(content=[5])


RESULTS = [
    *(iterators, an_iterator_for_a_list, a_failing_iterator, a_model_with_an_iterator),
    *(an_iterator_in_an_extra_field, an_iterator_in_a_field_of_any_type, bytes_in_hex, bytes_of_a_dataclass),
    *(a_circle, no_names, a_model_as_an_empty_list, a_dataclass_that_is_a_list, half_a_character),
    *(half_a_character_as_a_key, half_a_character_in_an_error, half_a_character_in_a_result),
    *(meta_that_is_no_json, invalid_content, invalid_content_of_a_result),
]


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("fn", RESULTS, ids=lambda fn: fn.__name__)
async def test_a_result_is_answered_as_fastmcp_does(fn: Any) -> None:
    await assert_like_fastmcp(lambda _notes: app_of(fn), *calls("tool", {"text": "hi"}), lane_calls=4)


async def cancels(text: str) -> str:
    raise asyncio.CancelledError(text)


def cancels_in_a_thread(text: str) -> str:
    raise asyncio.CancelledError(text)


@pytest.mark.parametrize("fn", [cancels, cancels_in_a_thread])
async def test_a_tool_that_raises_a_cancellation_is_answered_in_a_session(fn: Any) -> None:
    """FastMCP ends the session afterwards, which the lane does not."""
    steps = [initialize(), session_call("tool", {"text": "x"})]
    answers = await assert_like_fastmcp(lambda _notes: app_of(fn), *steps, lane_calls=1)
    assert "Connection closed" in answers[1].body
