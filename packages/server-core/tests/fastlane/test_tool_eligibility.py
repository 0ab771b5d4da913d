"""Tools that only FastMCP can call, with reasons."""

from __future__ import annotations

import datetime
import decimal
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import fastmcp.server.dependencies
import pytest
from fastmcp import Context
from fastmcp.dependencies import Depends
from fastmcp.server.dependencies import get_context, get_http_headers
from fastmcp.tools import FunctionTool, ToolResult
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator

from server_core import PlainTool
from server_core.fastlane.tool_eligibility import tool_reach, tool_reason


async def plain(text: str) -> str:
    return text


async def with_context(text: str, ctx: Context) -> str:
    return f"{text} {ctx.request_id}"


async def with_dependency(text: str, more: str = Depends(lambda: "x")) -> str:
    return text + more


async def uses_context(text: str) -> str:
    return f"{text} {get_context().request_id}"


async def uses_context_through_module(text: str) -> str:
    return f"{text} {fastmcp.server.dependencies.get_http_headers()}"


async def uses_headers_in_helper(text: str) -> str:
    return _helper(text)


def _helper(text: str) -> str:
    return _helper_of_helper(text)


def _helper_of_helper(text: str) -> str:
    return f"{text} {get_http_headers()}"


async def async_generator(count: int) -> Any:
    yield count


def generator(count: int) -> Any:
    yield count


@functools.wraps(generator)
def wrapped_generator(count: int) -> Any:
    return generator(count)


async def with_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    return region


def tool(fn: Callable[..., Any], **options: Any) -> FunctionTool:
    return FunctionTool.from_function(fn, **options)


class Calculator:
    async def add(self, a: float, b: float) -> float:
        return a + b

    async def __call__(self, a: float) -> float:
        return a

    def generate(self, count: int) -> Any:
        yield count


class Colour(Enum):
    RED = "red"


class Point(BaseModel):
    x: float
    tags: list[str] = Field(default_factory=list)


@dataclass
class Size:
    width: decimal.Decimal
    day: datetime.date


async def all_types(colour: Colour, point: Point, size: Size, more: dict[str, Point] | None = None) -> Point:
    return point


@pytest.mark.parametrize(
    "sample",
    [
        tool(plain),
        tool(functools.partial(plain), name="partial"),
        tool(Calculator().add),
        tool(Calculator(), name="callable"),
        tool(lambda text: text, name="lambda"),
        tool(all_types),
    ],
    ids=lambda sample: sample.name,
)
def test_plain_functions_can_be_called_directly(sample: FunctionTool) -> None:
    assert tool_reason(sample) == ""


class OverridingTool(FunctionTool):
    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return await super().run(arguments)


def _hidden() -> FunctionTool:
    sample = tool(plain)
    sample.meta = {"fastmcp": {"_internal": {"visibility": False}}}
    return sample


def _with_an_own_method() -> FunctionTool:
    sample = tool(plain)
    sample.__dict__["run"] = plain
    return sample


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (tool(with_context), "context"),
        (tool(with_dependency), "dependencies"),
        (tool(uses_context), "get_context"),
        (tool(uses_context_through_module), "fastmcp"),
        (tool(uses_headers_in_helper), "get_http_headers"),
        (tool(async_generator), "piece by piece"),
        (tool(generator), "piece by piece"),
        (tool(wrapped_generator), "piece by piece"),
        (tool(functools.partial(generator, 1), name="partial"), "piece by piece"),
        (tool(Calculator().generate), "piece by piece"),
        (tool(with_header), "headers"),
        (tool(plain, timeout=3), "timeout"),
        (tool(plain, version="2"), "versions"),
        (tool(plain, auth=lambda _context: True), "authorization"),
        (OverridingTool.from_function(plain), "its class OverridingTool may override how it runs"),
        (_hidden(), "hidden"),
        (_with_an_own_method(), "replaced"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_tools_that_need_fastmcp_have_a_reason(sample: FunctionTool, reason: str) -> None:
    assert reason in tool_reason(sample)


def _checked(value: Any) -> Any:
    return value


class Checked(BaseModel):
    x: float

    @field_validator("x")
    @classmethod
    def check_x(cls, value: float) -> float:
        return value


class Initialised(BaseModel):
    x: float

    def model_post_init(self, _context: Any) -> None:
        pass


class Made(BaseModel):
    tags: list[str] = Field(default_factory=lambda: ["a"])


class Missing(Enum):
    A = "a"

    @classmethod
    def _missing_(cls, _value: object) -> Missing:
        return cls.A


@dataclass
class PostInitialised:
    x: float

    def __post_init__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("annotation", "function"),
    [
        (Annotated[str, BeforeValidator(_checked)], "_checked"),
        (Annotated[list[str], AfterValidator(functools.partial(_checked))], "_checked"),
        (Checked, "check_x"),
        (list[Checked], "check_x"),
        (Initialised, "model_post_init"),
        (Made, "lambda"),
        (Missing, "_missing_"),
        (PostInitialised, "__post_init__"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_functions_that_check_arguments_are_called_by_fastmcp(annotation: Any, function: str) -> None:
    async def takes(value: Any) -> str:
        return str(value)

    takes.__annotations__ = {"value": annotation, "return": str}
    assert function in tool_reason(tool(takes))
    assert tool_reason(PlainTool.from_function(takes)) == "", "a plain tool may have them"


def test_what_serializes_results_is_searched() -> None:
    from pydantic import PlainSerializer

    keyed_text = Annotated[str, PlainSerializer(lambda text: f"{text} {get_http_headers()}")]

    async def keyed(text: str) -> Any:
        return text

    keyed.__annotations__ = {"text": str, "return": keyed_text}
    assert "get_http_headers" in tool_reason(tool(keyed))


def test_a_plain_tool_is_trusted() -> None:
    assert tool_reason(PlainTool.from_function(uses_context)) == ""
    assert tool_reason(tool(uses_context))
    assert tool_reach(PlainTool.from_function(uses_context)).reason == ""
    assert "context" in tool_reason(PlainTool.from_function(with_context)), "what it declares counts"


@pytest.mark.parametrize(
    ("return_type", "may_be"),
    [
        (str, False),
        (None, False),
        (list[int], False),
        (Any, True),
        (object, True),
        (AsyncIterator[int], True),
        (int | AsyncIterator[int], True),
        (Annotated[AsyncIterator[int], "of each day"], True),
        (int | None, False),
        (Annotated[int, "of a day"], False),
    ],
    ids=str,
)
def test_the_annotation_of_a_trusted_tool_tells_whether_its_result_is_final(
    return_type: Any, *, may_be: bool
) -> None:
    async def uses_context(text: str) -> Any:
        return f"{text} {get_context().request_id}"

    uses_context.__annotations__["return"] = return_type
    assert tool_reach(PlainTool.from_function(uses_context)).makes_async_generators == may_be
