"""One client cannot take all sessions: a cap by token or address, and room for clients with fewer."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from fastmcp import Context, FastMCP

from server_core import PlainTool, ServedApp

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]
WiresWith = Callable[[httpx2.AsyncClient], Any]
ANN, BOB = "ann-" + "a" * 20, "bob-" + "b" * 20
both_lanes = pytest.mark.parametrize("fast_lane", [True, False])


@contextlib.asynccontextmanager
async def at(app: ServedApp, address: str, wires_with: WiresWith) -> AsyncIterator[Any]:
    """Yield a client at an address."""
    transport = httpx2.ASGITransport(app, client=(address, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=30) as http:
        yield wires_with(http)


async def is_open(wires: Any, session: str) -> bool:
    return bool((await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200)


def echo_and_context() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app", version="1", dereference_schemas=False)

    async def echo(text: str) -> str:
        return text

    mcp.add_tool(PlainTool.from_function(echo))

    @mcp.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    return mcp


@both_lanes
async def test_a_client_with_its_share_loses_the_session_that_it_used_least_recently(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions_per_client=3, fast_lane=fast_lane)
    async with serving(app) as wires:
        sessions = [await wires.open_session() for _ in range(3)]
        assert await is_open(wires, sessions[0])
        sessions.append(await wires.open_session())
        assert [await is_open(wires, session) for session in sessions] == [True, False, True, True]
        assert app.sessions_open() == 3


@both_lanes
async def test_addresses_are_clients_where_there_are_no_tokens(
    make_app: MakeApp, serving: Serving, wires_with: WiresWith, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions_per_client=2, fast_lane=fast_lane)
    async with serving(app) as wires, at(app, "10.0.0.9", wires_with) as other:
        kept = await other.open_session()
        for _ in range(5):
            await wires.open_session()
        assert await is_open(other, kept)
        assert app.sessions_open() == 3


@both_lanes
async def test_a_network_of_ipv6_is_one_client(
    make_app: MakeApp, serving: Serving, wires_with: WiresWith, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions_per_client=2, fast_lane=fast_lane)
    async with serving(app):
        for host in range(5):
            async with at(app, f"2001:db8::{host:x}", wires_with) as wires:
                await wires.open_session()
        assert app.sessions_open() == 2


@both_lanes
async def test_tokens_are_clients_wherever_they_are(
    make_app: MakeApp, serving: Serving, wires_with: WiresWith, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions_per_client=2, auth_tokens=[ANN, BOB], fast_lane=fast_lane)
    async with serving(app) as wires:
        wires.http.headers["authorization"] = f"Bearer {BOB}"
        kept = await wires.open_session()
        for host in range(4):
            async with at(app, f"10.0.0.{host}", wires_with) as ann:
                ann.http.headers["authorization"] = f"Bearer {ANN}"
                await ann.open_session()
        assert app.sessions_open() == 3
        assert await is_open(wires, kept)


@both_lanes
async def test_a_full_server_takes_a_session_from_the_client_with_the_most(
    make_app: MakeApp, serving: Serving, wires_with: WiresWith, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions=4, fast_lane=fast_lane)
    async with serving(app) as wires, at(app, "10.0.0.9", wires_with) as other:
        taken = [await wires.open_session() for _ in range(4)]
        assert (await wires.initialize()).status_code == 503
        own = [await other.open_session() for _ in range(2)]
        assert (await other.initialize()).status_code == 503, "both have two"
        assert [await is_open(wires, session) for session in taken] == [False, False, True, True]
        assert [await is_open(other, session) for session in own] == [True, True]


async def test_light_and_sdk_sessions_share_the_cap(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(echo_and_context(), max_sessions_per_client=3)
    async with serving(app) as wires:
        promoted, light, last = [await wires.open_session() for _ in range(3)]
        assert (await wires.call_in_session(promoted, "with_context", {})).status_code == 200
        assert app._lane.sdk_sessions() == 1
        assert await is_open(wires, last)
        for expected in (light, promoted):
            await wires.open_session()
            assert not await is_open(wires, expected)
        assert (app._lane.sdk_sessions(), app.sessions_open()) == (0, 3)
        assert await is_open(wires, last)


@both_lanes
async def test_a_promoted_session_needs_no_second_place(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(echo_and_context(), max_sessions=2, max_sessions_per_client=2, fast_lane=fast_lane)
    async with serving(app) as wires:
        sessions = [await wires.open_session() for _ in range(2)]
        for session in sessions:
            assert (await wires.call_in_session(session, "with_context", {})).status_code == 200
        assert [await is_open(wires, session) for session in sessions] == [True, True]
        assert app._sdk_sessions.shares._open == 2


@both_lanes
@pytest.mark.parametrize("params", [{}, None, {"protocolVersion": "2025-11-25"}, {"protocolVersion": 7}, []])
async def test_a_failed_handshake_leaves_no_session(
    make_app: MakeApp, serving: Serving, params: Any, *, fast_lane: bool
) -> None:
    app = make_app(fast_lane=fast_lane)
    async with serving(app) as wires:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        for json_text in (json.dumps(body), json.dumps({**body, "params": {}})):
            answer = await wires.post(json_text)
            assert "result" not in answer.json()
            assert "mcp-session-id" not in answer.headers or answer.status_code != 200
        assert app.sessions_open() == 0
        assert app.traffic.sessions_created == 0
        assert app._sdk_sessions.shares._shares == {}


@both_lanes
async def test_a_failed_handshake_leaves_no_session_behind_a_stream(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(fast_lane=fast_lane, json_response=False)
    async with serving(app) as wires:
        answer = await wires.post('{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}')
        assert '"error"' in answer.text
        assert app.sessions_open() == 0
        session = await wires.open_session()
        assert await is_open(wires, session)


@both_lanes
async def test_requests_that_open_nothing_cost_nobody_a_session(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions_per_client=1, fast_lane=fast_lane)
    async with serving(app) as wires:
        session = await wires.open_session()
        stream = {"accept": "text/event-stream"}
        assert (await wires.http.get("/mcp", headers=stream)).status_code == 400
        assert (await wires.http.delete("/mcp")).status_code == 400
        for body in ("", "[]", '{"jsonrpc": "2.0", "id": 1, "method": "ping"}', '{"method": "initialize"}'):
            assert (await wires.post(body)).status_code == 400
        assert await is_open(wires, session)
        assert app.sessions_open() == 1


@both_lanes
async def test_a_large_handshake_is_refused(make_app: MakeApp, serving: Serving, *, fast_lane: bool) -> None:
    app = make_app(fast_lane=fast_lane)
    async with serving(app) as wires:
        session = await wires.open_session()
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"experimental": {"x": {"y": "z" * 5000}}},
            "clientInfo": {"name": "large", "version": "1"},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        for headers in (None, wires.session_headers(session)):
            answer = await wires.post(json.dumps(body), headers)
            assert answer.status_code == 413
            assert "at most 4096 bytes" in answer.json()["error"]["message"]
        assert app.sessions_open() == 1


@both_lanes
async def test_a_client_with_large_pictures_is_served(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    mcp = echo_and_context()

    @mcp.tool
    async def who(ctx: Context) -> str:
        params = ctx.session.client_params
        assert params is not None
        return params.client_info.model_dump_json(exclude_none=True)

    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        icon = {"src": "data:image/png;base64," + "A" * 20_000}
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "pictured", "version": "1", "icons": [icon]},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        answer = await wires.post(json.dumps(body))
        assert answer.status_code == 200
        session = answer.headers["mcp-session-id"]
        text = (await wires.call_in_session(session, "who", {})).json()["result"]["content"][0]["text"]
        assert json.loads(text) == {"name": "pictured", "version": "1"}


@contextlib.asynccontextmanager
async def from_address(url: str, address: str, wires_with: WiresWith) -> AsyncIterator[Any]:
    """Yield a client whose connections come from an address of this machine."""
    parts = httpx2.URL(url)
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    async with httpx2.AsyncClient(
        transport=transport, base_url=f"http://{parts.host}:{parts.port}", timeout=30
    ) as http:
        yield wires_with(http)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback interface has one address")
@pytest.mark.parametrize("options", [("--max-sessions", "20"), ("--max-sessions-per-client", "20")])
async def test_one_address_cannot_take_all_sessions_of_a_server(
    start_server: Callable[..., Any], wires_with: WiresWith, options: tuple[str, str]
) -> None:
    url = start_server(*options).url
    async with (
        from_address(url, "127.0.0.1", wires_with) as eve,
        from_address(url, "127.0.0.2", wires_with) as ann,
    ):
        statuses = [(await eve.initialize()).status_code for _ in range(40)]
        assert statuses[:20] == [200] * 20
        session = await ann.open_session()
        for _ in range(20):
            await eve.initialize()
        assert (await ann.in_session(session, "tools/list")).status_code == 200


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix sockets")
async def test_workers_know_of_no_invented_sessions(
    start_server: Callable[..., Any], wires_to: Callable[[str], Any]
) -> None:
    async with wires_to(start_server("--workers", "2").url) as wires:
        live = await wires.open_session()
        closed = await wires.open_session()
        await wires.delete(closed)
        for session in (live, closed, "0.invented", "1.invented", "9.invented"):
            answer = await wires.call("who", {}, **{"mcp-session-id": session})
            assert answer.json()["result"]["structuredContent"] == {"result": "None None"}
        own = await wires.call_in_session(live, "who", {})
        assert own.json()["result"]["structuredContent"] == {"result": f"{live} None"}
