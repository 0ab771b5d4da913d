"""Tests of apps behind server_core: what reaches it, in which order, and that an app stays what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx2
import pytest
from apps_through_lane import Counts, counts, put_behind_lane
from fastmcp import FastMCP
from fastmcp.server import http
from fastmcp.server.auth import StaticTokenVerifier
from fastmcp.server.event_store import EventStore
from fastmcp.utilities.asgi_transport import StreamingASGITransport, run_asgi_lifespan
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount

TYPES = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}
CALL_HEADERS = {**TYPES, "mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": "add"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


def call(**arguments: Any) -> dict[str, Any]:
    params = {"name": "add", "arguments": arguments, "_meta": META}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def calculator(**options: Any) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("calculator", **options)

    @mcp.tool
    async def add(a: int, b: int) -> int:
        if a == b:
            raise SystemError("equal")  # an error of the tool, not of its arguments
        return a + b

    @mcp.custom_route("/health", methods=["GET"])
    async def health(_: Request) -> PlainTextResponse:
        return PlainTextResponse("the app's own")

    return mcp


OPTIONS = {
    "json_response": False,
    "stateless_http": False,
    "event_store": None,
    "session_idle_timeout": "auto",
}


def behind_lane(mcp: FastMCP[Any] | None = None, **options: Any) -> http.StarletteWithLifespan:
    server = calculator() if mcp is None else mcp
    app = http.create_streamable_http_app(server, "/mcp", auth=server.auth, **options)
    arguments = {key: value for key, value in options.items() if key in OPTIONS}
    assert put_behind_lane(app, server, "/mcp", **{**OPTIONS, **arguments})
    return app


def client_of(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=StreamingASGITransport(app), base_url="http://127.0.0.1")


def run(test: Coroutine[Any, Any, None]) -> Counts:
    """Run a test and return the requests that it made."""
    before = (counts.requests, counts.reached_fastmcp)
    asyncio.run(asyncio.wait_for(test, 30))
    return Counts(counts.requests - before[0], counts.reached_fastmcp - before[1])


def test_the_lane_answers_plain_calls_on_both_wires() -> None:
    async def test() -> None:
        app = behind_lane()
        async with run_asgi_lifespan(app), client_of(app) as client:
            for _ in range(3):  # the first through ASGI, the others immediately
                answer = await client.post("/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
                assert answer.json()["result"]["structuredContent"] == {"result": 3}
                assert answer.headers["content-type"] == "application/json"
            opened = await client.post("/mcp", json=INITIALIZE, headers=TYPES)
            session_id = opened.headers["mcp-session-id"]
            headers = {**TYPES, "mcp-session-id": session_id, "mcp-protocol-version": "2025-11-25"}
            message = call(a=2, b=3)
            del message["params"]["_meta"]
            answer = await client.post("/mcp", json=message, headers=headers)
            assert answer.json()["result"]["structuredContent"] == {"result": 5}
            assert answer.headers["mcp-session-id"] == session_id

    assert run(test()) == Counts(requests=5, reached_fastmcp=0)


def test_a_request_that_the_lane_does_not_answer_reaches_fastmcp() -> None:
    async def test() -> None:
        app = behind_lane()
        async with run_asgi_lifespan(app), client_of(app) as client:
            headers = {**CALL_HEADERS, "mcp-method": "tools/list"}
            del headers["mcp-name"]
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
            answer = await client.post("/mcp", json=message, headers=headers)
            assert answer.json()["result"]["tools"][0]["name"] == "add"

    assert run(test()) == Counts(requests=1, reached_fastmcp=1)


def test_without_its_lifespan_the_app_answers_as_fastmcp_does() -> None:
    async def test() -> None:
        answers = []
        for app in (behind_lane(), calculator().http_app()):
            async with client_of(app) as client:
                answer = await client.post("/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
                answers.append((answer.status_code, answer.text))
        assert answers[0] == answers[1] == (500, "Internal Server Error")

    assert run(test()) == Counts(requests=1, reached_fastmcp=1)


def test_other_paths_do_not_reach_server_core() -> None:
    async def test() -> None:
        app = behind_lane()
        async with run_asgi_lifespan(app), client_of(app) as client:
            assert (await client.get("/health")).text == "the app's own"
            assert (await client.get("/metrics")).status_code == 404

    assert run(test()) == Counts()


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_mounted_apps_reach_server_core(prefix: str) -> None:
    async def test() -> None:
        app = behind_lane()
        parent = Starlette(routes=[Mount(f"{prefix}/", app=app)], lifespan=app.lifespan)
        async with run_asgi_lifespan(parent), client_of(parent) as client:
            answer = await client.post(f"{prefix}/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
            assert answer.json()["result"]["structuredContent"] == {"result": 3}

    assert run(test()) == Counts(requests=1, reached_fastmcp=0)


class KeyRequired:
    """ASGI middleware that refuses requests without a header."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (b"x-key", b"1") not in scope["headers"]:
            await JSONResponse({"error": "no key"}, status_code=401)(scope, receive, send)
            return
        await self._app(scope, receive, send)


@pytest.mark.parametrize("is_added_later", [False, True])
def test_middleware_of_the_author_comes_first(is_added_later: bool) -> None:
    async def test() -> None:
        app = behind_lane(middleware=[] if is_added_later else [Middleware(KeyRequired)])
        if is_added_later:
            app.add_middleware(KeyRequired)
        async with run_asgi_lifespan(app), client_of(app) as client:
            refused = await client.post("/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
            assert refused.status_code == 401
            headers = {**CALL_HEADERS, "x-key": "1"}
            admitted = await client.post("/mcp", json=call(a=1, b=2), headers=headers)
            assert admitted.json()["result"]["structuredContent"] == {"result": 3}

    assert run(test()) == Counts(requests=1, reached_fastmcp=0)


def test_the_apps_own_guard_comes_first() -> None:
    async def test() -> None:
        app = behind_lane(host_origin_protection=True)
        async with run_asgi_lifespan(app), client_of(app) as client:
            headers = {**CALL_HEADERS, "origin": "https://elsewhere.example"}
            refused = await client.post("/mcp", json=call(a=1, b=2), headers=headers)
            assert (refused.status_code, refused.text) == (403, "Forbidden Origin")

    assert run(test()) == Counts()


def test_the_list_of_middleware_is_as_the_author_left_it() -> None:
    app = behind_lane(middleware=[Middleware(KeyRequired)])
    plain = http.create_streamable_http_app(calculator(), "/mcp", middleware=[Middleware(KeyRequired)])
    app.build_middleware_stack()
    assert [each.cls for each in app.user_middleware] == [each.cls for each in plain.user_middleware]


def test_authorization_stays_in_front_of_the_tools() -> None:
    async def test() -> None:
        tokens = {"secret-token": {"client_id": "c", "scopes": []}}
        app = behind_lane(calculator(auth=StaticTokenVerifier(tokens)))
        async with run_asgi_lifespan(app), client_of(app) as client:
            refused = await client.post("/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
            assert refused.status_code == 401
            headers = {**CALL_HEADERS, "authorization": "Bearer secret-token"}
            admitted = await client.post("/mcp", json=call(a=1, b=2), headers=headers)
            assert admitted.json()["result"]["structuredContent"] == {"result": 3}

    assert run(test()) == Counts(requests=2, reached_fastmcp=2)


def test_a_lifespan_can_be_entered_again() -> None:
    async def test() -> None:
        app = behind_lane()
        for _ in range(2):
            async with run_asgi_lifespan(app), client_of(app) as client:
                answer = await client.post("/mcp", json=call(a=1, b=2), headers=CALL_HEADERS)
                assert answer.json()["result"]["structuredContent"] == {"result": 3}

    assert run(test()) == Counts(requests=2, reached_fastmcp=0)


@pytest.mark.parametrize(
    "options", [{"stateless_http": True}, {"event_store": EventStore()}], ids=["no sessions", "event store"]
)
def test_apps_that_server_core_cannot_serve_stay_plain(options: Any) -> None:
    server = calculator()
    app = http.create_streamable_http_app(server, "/mcp", **options)
    stack = app.build_middleware_stack
    assert not put_behind_lane(app, server, "/mcp", **{**OPTIONS, **options})
    assert app.build_middleware_stack == stack


def test_a_path_that_is_server_cores_own_stays_plain() -> None:
    server = calculator()
    app = http.create_streamable_http_app(server, "/health")
    assert not put_behind_lane(app, server, "/health", **OPTIONS)


def test_the_apps_method_is_its_own_again() -> None:
    server = calculator()
    put_behind_lane(http.create_streamable_http_app(server, "/mcp"), server, "/mcp", **OPTIONS)
    assert "http_app" not in vars(server)


def test_an_error_in_an_immediate_call_is_answered() -> None:
    async def test() -> None:
        app = behind_lane()
        async with run_asgi_lifespan(app), client_of(app) as client:
            for _ in range(2):
                answer = await client.post("/mcp", json=call(a=1, b=1), headers=CALL_HEADERS)
                assert answer.json()["result"]["isError"] is True

    assert run(test()).requests == 2
