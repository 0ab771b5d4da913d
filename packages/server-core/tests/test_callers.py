"""The caller, on the lane and behind it, on both wires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Client, Context, FastMCP

from server_core import Caller, caller

pytestmark = pytest.mark.anyio
ANN, BOB = "ann-" + "a" * 20, "bob-" + "b" * 20


def caller_text() -> str:
    who = caller()
    return f"{who.session} {who.client}"


def server_with_caller_tools() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("callers", version="1", dereference_schemas=False)

    @mcp.tool
    async def on_the_lane() -> str:
        return caller_text()

    @mcp.tool
    async def behind_the_lane(context: Context) -> str:
        assert context.fastmcp is mcp
        return caller_text()

    return mcp


def text(answer: Any) -> str:
    return str(answer.json()["result"]["content"][0]["text"])


@pytest.mark.parametrize("tool", ["on_the_lane", "behind_the_lane"])
async def test_a_call_in_a_session_has_its_session_id(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str
) -> None:
    async with serving(make_app(server_with_caller_tools())) as wires:
        first, second = await wires.open_session(), await wires.open_session()
        for session in (first, second, first):
            assert text(await wires.call_in_session(session, tool, {})) == f"{session} None"


@pytest.mark.parametrize("tool", ["on_the_lane", "behind_the_lane"])
async def test_a_stateless_call_has_no_session(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str
) -> None:
    async with serving(make_app(server_with_caller_tools())) as wires:
        assert text(await wires.call(tool, {})) == "None None"


@pytest.mark.parametrize("tool", ["on_the_lane", "behind_the_lane"])
async def test_tokens_identify_clients_and_are_not_revealed(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str
) -> None:
    async with serving(make_app(server_with_caller_tools(), auth_tokens=[ANN, BOB])) as wires:
        names = [
            text(await wires.call(tool, {}, authorization=f"Bearer {token}")) for token in (ANN, BOB, ANN)
        ]
        assert names[0] == names[2] != names[1]
        assert names[0].startswith("None token-")
        assert ANN not in names[0]


async def test_one_of_the_tools_is_on_the_lane(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    app = make_app(server_with_caller_tools())
    async with serving(app) as wires:
        await wires.call("on_the_lane", {})
        await wires.call("behind_the_lane", {})
        assert app._lane.answered == 1


async def test_a_call_in_memory_has_neither_session_nor_client() -> None:
    async with Client(server_with_caller_tools()) as client:
        assert (await client.call_tool("on_the_lane")).data == "None None"
    assert caller() == Caller()
