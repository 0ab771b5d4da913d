"""Tools that only FastMCP can call, with reasons."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import fastmcp.server.dependencies
import pytest
from fastmcp import Context, FastMCP
from fastmcp.dependencies import Depends
from fastmcp.server.dependencies import get_context, get_http_headers
from fastmcp.server.middleware import Middleware
from fastmcp.tools import FunctionTool, ToolResult
from pydantic import Field

from server_core.fastlane.eligibility import app_reason, server_reason, tool_reason


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


async def uses_context_in_lambda(text: str) -> str:
    return "".join(map(lambda part: f"{part} {get_context()}", [text]))  # noqa: C417 - a function within


async def async_generator(count: int) -> Any:
    yield count


def generator(count: int) -> Any:
    yield count


async def with_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    return region


def tool(fn: Callable[..., Any], **options: Any) -> FunctionTool:
    return FunctionTool.from_function(fn, **options)


class Calculator:
    async def add(self, a: float, b: float) -> float:
        return a + b


@pytest.mark.parametrize(
    "sample",
    [
        tool(plain),
        tool(functools.partial(plain), name="partial"),
        tool(Calculator().add),
        tool(lambda text: text, name="lambda"),
    ],
    ids=lambda sample: sample.name,
)
def test_plain_functions_can_be_called_directly(sample: FunctionTool) -> None:
    assert tool_reason(sample) == ""


class OverridingTool(FunctionTool):
    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return await super().run(arguments)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (tool(with_context), "context"),
        (tool(with_dependency), "dependencies"),
        (tool(uses_context), "get_context"),
        (tool(uses_context_through_module), "fastmcp"),
        (tool(uses_headers_in_helper), "get_http_headers"),
        (tool(uses_context_in_lambda), "get_context"),
        (tool(async_generator), "piece by piece"),
        (tool(generator), "piece by piece"),
        (tool(with_header), "headers"),
        (tool(plain, timeout=3), "timeout"),
        (tool(plain, version="2"), "versions"),
        (tool(plain, auth=lambda _context: True), "authorization"),
        (OverridingTool.from_function(plain), "its class OverridingTool may override how it runs"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_tools_that_need_fastmcp_have_a_reason(sample: FunctionTool, reason: str) -> None:
    assert reason in tool_reason(sample)


def _first(text: str) -> str:
    return _second(text)


def _second(text: str) -> str:
    return _third(text)


def _third(text: str) -> str:
    return f"{text} {get_http_headers()}"


async def calls_first(text: str) -> str:
    return _first(text)


def _ping(text: str) -> str:
    return _pong(text)


def _pong(text: str) -> str:
    return _ping(text)


def test_functions_of_the_same_module_are_searched_three_calls_deep() -> None:
    assert "get_http_headers" in tool_reason(tool(calls_first))

    async def one_call_deeper(text: str) -> str:
        return await calls_first(text)

    assert tool_reason(tool(one_call_deeper)) == ""


def test_the_search_ends_in_functions_that_call_each_other() -> None:
    assert tool_reason(tool(_ping)) == ""


def test_closures_are_searched_too() -> None:
    hidden = get_context

    async def closure(text: str) -> str:
        return f"{text} {hidden().request_id}"

    assert "hidden" in tool_reason(tool(closure))


def test_a_plain_apps_tools_can_be_called_directly() -> None:
    assert app_reason(FastMCP("app")) == ""
    assert server_reason(FastMCP("app")) == ""


class OnCalls(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


class OnLists(Middleware):
    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


class OnMessages(Middleware):
    async def on_message(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


@pytest.mark.parametrize(
    ("middleware", "reason"), [(OnCalls(), "OnCalls"), (OnMessages(), "OnMessages"), (OnLists(), "")]
)
def test_only_middleware_that_sees_calls_is_a_reason(middleware: Middleware, reason: str) -> None:
    mcp: FastMCP[Any] = FastMCP("app")
    mcp.add_middleware(middleware)
    assert reason in app_reason(mcp)
    assert bool(app_reason(mcp)) == bool(reason)


def test_mounted_servers_are_a_reason() -> None:
    mcp: FastMCP[Any] = FastMCP("app")
    mcp.mount(FastMCP("other"), namespace="o")
    assert "providers" in app_reason(mcp)


def test_hidden_tools_are_a_reason() -> None:
    mcp: FastMCP[Any] = FastMCP("app")
    mcp.disable(names={"plain"})
    assert "transformed or hidden" in app_reason(mcp)


def test_middleware_of_the_low_level_server_is_a_reason() -> None:
    mcp: FastMCP[Any] = FastMCP("app")

    async def own(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    mcp._mcp_server.middleware.append(own)
    assert "function" in server_reason(mcp)
