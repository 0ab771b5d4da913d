"""The caller, on the lane and behind it, on both wires."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Client, Context, FastMCP
from starlette.requests import Request
from starlette.responses import PlainTextResponse

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


TOOLS = ["on_the_lane", "behind_the_lane"]
INVENTED = ["invented", "", "0.0123456789abcdef", "x" * 5000]


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("session", INVENTED)
@pytest.mark.parametrize("tool", TOOLS)
async def test_a_stateless_call_cannot_invent_a_session(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str, session: str, *, fast_lane: bool
) -> None:
    async with serving(make_app(server_with_caller_tools(), fast_lane=fast_lane)) as wires:
        assert text(await wires.call(tool, {}, **{"mcp-session-id": session})) == "None None"


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
async def test_a_stateless_call_is_in_no_session_even_if_there_is_one(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str, *, fast_lane: bool
) -> None:
    async with serving(make_app(server_with_caller_tools(), fast_lane=fast_lane)) as wires:
        live, closed = await wires.open_session(), await wires.open_session()
        await wires.delete(closed)
        for session in (live, closed):
            assert text(await wires.call(tool, {}, **{"mcp-session-id": session})) == "None None"
            two = [
                *HEADERS_OF_A_CALL,
                ("mcp-name", tool),
                ("mcp-session-id", "x"),
                ("mcp-session-id", session),
            ]
            assert text(await wires.post(stateless_call(tool), two)) == "None None"
        assert text(await wires.call_in_session(live, tool, {})) == f"{live} None"
        assert (await wires.call_in_session(closed, tool, {})).status_code == 404


HEADERS_OF_A_CALL = [
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/call"),
]


def stateless_call(tool: str) -> str:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": {}, "_meta": meta}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_a_stateless_call_reaches_no_state_of_a_session(
    make_app: Callable[..., Any], serving: Callable[..., Any], *, fast_lane: bool
) -> None:
    mcp: FastMCP[Any] = FastMCP("state", version="1")

    @mcp.tool
    async def remember(ctx: Context, text: str) -> str:
        await ctx.set_state("text", text)
        return ctx.session_id

    @mcp.tool
    async def recall(ctx: Context) -> str:
        return str(await ctx.get_state("text"))

    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        session = await wires.open_session()
        assert text(await wires.call_in_session(session, "remember", {"text": "mine"})) == session
        assert text(await wires.call("recall", {}, **{"mcp-session-id": session})) == "None"
        named = text(await wires.call("remember", {"text": "theirs"}, **{"mcp-session-id": session}))
        assert named != session
        assert text(await wires.call_in_session(session, "recall", {})) == "mine"


async def test_a_page_of_the_app_has_no_session(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    mcp = server_with_caller_tools()

    @mcp.custom_route("/who", methods=["GET"])
    async def who(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(caller_text())

    async with serving(make_app(mcp)) as wires:
        session = await wires.open_session()
        answer = await wires.http.get("/who", headers={"mcp-session-id": session})
        assert answer.text == "None None"


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
async def test_a_session_of_another_token_is_not_found(
    make_app: Callable[..., Any], serving: Callable[..., Any], tool: str, *, fast_lane: bool
) -> None:
    app = make_app(server_with_caller_tools(), auth_tokens=[ANN, BOB], fast_lane=fast_lane)
    async with serving(app) as wires:
        wires.http.headers["authorization"] = f"Bearer {ANN}"
        session = await wires.open_session()
        assert text(await wires.call_in_session(session, tool, {})).startswith(f"{session} token-")
        wires.http.headers["authorization"] = f"Bearer {BOB}"
        assert (await wires.call_in_session(session, tool, {})).status_code == 404
        assert text(await wires.call(tool, {}, **{"mcp-session-id": session})).startswith("None token-")
