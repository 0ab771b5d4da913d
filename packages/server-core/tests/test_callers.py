"""Who is calling: the same on the lane and behind it, on both wires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Client, Context, FastMCP

from server_core import Caller, caller

pytestmark = pytest.mark.anyio
ANN, BOB = "ann-" + "a" * 20, "bob-" + "b" * 20


def tell() -> str:
    who = caller()
    return f"{who.session} {who.client}"


def telling_server() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("telling", version="1", dereference_schemas=False)

    @mcp.tool
    async def on_the_lane() -> str:
        return tell()

    @mcp.tool
    async def behind(context: Context) -> str:
        assert context.fastmcp is mcp
        return tell()

    return mcp


def text(answer: Any) -> str:
    return str(answer.json()["result"]["content"][0]["text"])


@pytest.mark.parametrize("tool", ["on_the_lane", "behind"])
async def test_session_wire(make_app: Callable[..., Any], serving: Callable[..., Any], tool: str) -> None:
    async with serving(make_app(telling_server())) as wires:
        first, second = await wires.open_session(), await wires.open_session()
        for session in (first, second, first):
            assert text(await wires.call_in_session(session, tool, {})) == f"{session} None"


@pytest.mark.parametrize("tool", ["on_the_lane", "behind"])
async def test_stateless_wire_has_no_session(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str
) -> None:
    async with serving(make_app(telling_server())) as wires:
        assert text(await wires.call(tool, {})) == "None None"


@pytest.mark.parametrize("tool", ["on_the_lane", "behind"])
async def test_tokens_tell_clients_apart_and_are_not_told(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str
) -> None:
    async with serving(make_app(telling_server(), auth_tokens=[ANN, BOB])) as wires:
        names = [
            text(await wires.call(tool, {}, authorization=f"Bearer {token}")) for token in (ANN, BOB, ANN)
        ]
        assert names[0] == names[2] != names[1]
        assert names[0].startswith("None token-")
        assert ANN not in names[0]


async def test_lane_was_taken(make_app: Callable[..., Any], serving: Callable[..., Any]) -> None:
    app = make_app(telling_server())
    async with serving(app) as wires:
        await wires.call("on_the_lane", {})
        await wires.call("behind", {})
        assert app._lane.answered == 1


async def test_in_memory_there_is_neither() -> None:
    async with Client(telling_server()) as client:
        assert (await client.call_tool("on_the_lane")).data == "None None"
    assert caller() == Caller()
