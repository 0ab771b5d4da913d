"""An app with components of each kind, requests for all that the lane answers, and middleware for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from beside_fastmcp import Step
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers
from fastmcp.server.middleware import Middleware
from in_memory import Answer, initialize, notification, request, session_call, stateless_call
from pydantic import BaseModel

Make = Callable[[list[str]], FastMCP[Any]]

LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
CALLS = (stateless_call("echo", {"text": "a"}), session_call("echo", {"text": "b"}))
HANDSHAKE: tuple[Step, ...] = (initialize(), notification("notifications/initialized"), request("ping"))
EVERYTHING: tuple[Step, ...] = (*HANDSHAKE, *map(request, LISTS), *CALLS)
TOKENS = ("first-token-0123456789", "second-token-0123456789")


class Point(BaseModel):
    x: float


class Corner(BaseModel):
    first: Point
    second: Point


async def echo(text: str) -> str:
    """Return the text."""
    return text


async def delete(name: str) -> str:
    """Delete for good."""
    return f"deleted {name}"


async def corner(corner: Corner) -> float:
    """A tool whose schema has references."""
    return corner.first.x


def app(*middleware: Any, **options: Any) -> FastMCP[Any]:
    """Return an app with components of each kind."""
    described: dict[str, Any] = {"version": "1", "instructions": "Be brief.", **options}
    return with_components(FastMCP("app", middleware=middleware, **described))


def with_components(mcp: FastMCP[Any]) -> FastMCP[Any]:
    for tool in (echo, delete, corner):
        mcp.tool(tool)

    @mcp.resource("data://one")
    async def one() -> str:
        return "one"

    @mcp.resource("data://{name}")
    async def named(name: str) -> str:
        return name

    @mcp.prompt
    async def ask(about: str) -> str:
        return f"What is {about}?"

    return mcp


def texts(answer: Answer) -> str:
    return str(json.loads(answer.body)["result"]["content"][0]["text"])


def listed(answer: Answer) -> list[str]:
    """Return the names in a list of tools."""
    return [tool["name"] for tool in json.loads(answer.body)["result"]["tools"]]


class ByHeader(Middleware):
    """Shows each caller the tools that its header names."""

    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        team = get_http_headers().get("x-team", "")
        return [tool for tool in await call_next(context) if tool.name in team]


async def shouted(context: Any, call_next: Any) -> Any:
    result = await call_next(context)
    result.content[0].text += "!"
    return result
