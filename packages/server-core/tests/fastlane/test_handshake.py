"""Results of `initialize` and lists: cached while the app stays the same, and bounded in number."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware

from server_core.fastlane import handshake
from server_core.fastlane.handshake import Handshake
from server_core.sdk.internals import local_components

pytestmark = pytest.mark.anyio
PARAMS = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


def handshake_of(mcp: FastMCP[Any]) -> Handshake:
    return Handshake(mcp, local_components(mcp))


def test_the_memory_of_initialize_results_is_bounded() -> None:
    mcp: FastMCP[Any] = FastMCP("app")
    shaken = handshake_of(mcp)
    limit = handshake._MAX_INITIALIZE_RESULTS
    sizes = []
    for number in range(2 * limit + 1):
        mcp.instructions = f"version {number} of the instructions"
        result = shaken.initialize(PARAMS)
        assert result is not None
        assert mcp.instructions.encode() in result[0]
        sizes.append(len(shaken._initialize_results))
    assert max(sizes) == limit


async def test_lists_are_cached_until_a_tool_is_added() -> None:
    mcp: FastMCP[Any] = FastMCP("app")
    shaken = handshake_of(mcp)

    async def listing() -> bytes:
        result = await shaken.list_components("tools/list", "2025-11-25", None)
        assert result is not None
        return result

    empty = await listing()
    assert await listing() is empty

    @mcp.tool
    async def echo(text: str) -> str:
        return text

    with_tool = await listing()
    assert (b"echo" in empty, b"echo" in with_tool) == (False, True)
    assert await listing() is with_tool


async def test_a_list_that_changes_while_it_is_made_is_left_to_fastmcp() -> None:
    mcp: FastMCP[Any] = FastMCP("app")

    @mcp.tool(description="before")
    async def echo(text: str) -> str:
        return text

    (tool,) = local_components(mcp).values()

    class Meanwhile(Middleware):
        async def on_list_tools(self, context: Any, call_next: Any) -> Any:
            tool.description = "meanwhile"
            listed = [each.model_copy() for each in await call_next(context)]
            tool.description = "after"
            return listed

    mcp.add_middleware(Meanwhile())
    shaken = handshake_of(mcp)
    first = await shaken.list_components("tools/list", "2025-11-25", None)
    assert first is None, "FastMCP lists again"
    assert shaken._lists == {}
