"""Builders for tests of the lane: apps of given tools, served in memory, alone or beside one without it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from in_memory import Answer, MemorySettings, Request, Served

from server_core import create_app


def app_with(*tools: Any, **options: Any) -> FastMCP[Any]:
    """Return an app with these tools; functions become tools as FastMCP makes them."""
    mcp: FastMCP[Any] = FastMCP("app", version="1", **options)
    for tool in tools:
        if isinstance(tool, Tool):
            mcp.add_tool(tool)
        else:
            mcp.tool(tool)
    return mcp


def served_app(mcp: FastMCP[Any], *, immediate: bool = False, **settings: Any) -> Served:
    """Return an app that is still to be started; with `immediate` its calls are first tried below ASGI."""
    return Served(create_app(mcp, MemorySettings(**settings)), tries_immediate_calls=immediate)


@asynccontextmanager
async def started(served: Served) -> AsyncIterator[Served]:
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


@asynccontextmanager
async def serving(mcp: FastMCP[Any], **options: Any) -> AsyncIterator[Served]:
    """Yield the app while it serves; options are those of `served_app`."""
    async with started(served_app(mcp, **options)) as served:
        yield served


@asynccontextmanager
async def both(make: Callable[[], FastMCP[Any]], **settings: Any) -> AsyncIterator[tuple[Served, Served]]:
    """Yield two new apps while they serve, one with and one without the lane."""
    async with (
        serving(make(), fast_lane=True, immediate=True, **settings) as with_lane,
        serving(make(), fast_lane=False, **settings) as without_lane,
    ):
        yield with_lane, without_lane


async def same(pair: tuple[Served, Served], one: Request) -> Answer:
    """Return the answer to a request that both apps give."""
    fast, slow = [await served.send(one) for served in pair]
    assert fast == slow, one.body
    return fast


def text_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["result"]["content"][0]["text"])
