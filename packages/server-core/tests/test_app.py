"""Responses on both wires to valid and invalid requests, through every layer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import StaticTokenVerifier
from fastmcp.server.dependencies import get_access_token

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]


def _rpc(method: str, params: dict[str, Any] | None = None, **more: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}, **more})


async def test_health(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app()) as wires:
        answer = await wires.http.get("/health")
        again = await wires.http.get("/health")
    assert answer.headers["content-type"] == "application/json"
    health = answer.json()
    assert {name: health[name] for name in ("status", "service", "version")} == {
        "status": "ok",
        "service": "sample",
        "version": "9.9",
    }
    assert 0 < health["uptime_s"] <= again.json()["uptime_s"]


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_health_and_metrics_answer_only_get_and_head(
    make_app: MakeApp, serving: Serving, path: str
) -> None:
    async with serving(make_app()) as wires:
        head = await wires.http.head(path)
        post = await wires.http.post(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")


async def test_another_path_is_not_found(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(path="/other")) as wires:
        assert (await wires.http.get("/mcp")).status_code == 404
        wires.path = "/other"
        assert (await wires.call("echo", {"text": "hi"})).status_code == 200


async def test_both_wires_answer_at_one_url_as_json(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app()) as wires:
        stateless = await wires.call("echo", {"text": "hi"})
        session = await wires.open_session()
        answer = await wires.call_in_session(session, "echo", {"text": "hi"})
        assert (await wires.in_session(session, "ping")).json()["result"] == {}
        listed = await wires.in_session(session, "tools/list")
        assert (await wires.delete(session)).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 404
    assert stateless.headers["content-type"] == answer.headers["content-type"] == "application/json"
    assert stateless.json()["result"]["resultType"] == "complete"
    for reply in (stateless, answer):
        assert reply.json()["result"]["content"] == [{"type": "text", "text": "hi"}]
    assert {tool["name"] for tool in listed.json()["result"]["tools"]} == {"echo", "forever", "fail"}


async def test_responses_are_event_streams_without_json_response(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(json_response=False, fast_lane=False)) as wires:
        session = await wires.open_session()
        answer = await wires.call_in_session(session, "echo", {"text": "hi"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: message" in answer.text


async def test_discovery_names_the_supported_versions(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app()) as wires:
        result = (await wires.stateless("server/discover")).json()["result"]
    assert "2026-07-28" in result["supportedVersions"]
    assert result["resultType"] == "complete"
    assert {"ttlMs", "cacheScope"} <= result.keys()


STATELESS_FAULTS: list[tuple[dict[str, Any], int, int | None]] = [
    ({"headers": {"content-type": "text/plain"}}, 400, None),
    ({"headers": {"accept": "text/html"}}, 406, None),
    ({"headers": {"mcp-method": None}}, 400, -32020),
    ({"headers": {"mcp-method": "tools/call"}}, 400, -32020),
    ({"headers": {"mcp-protocol-version": "2027-01-01"}}, 400, -32020),
    ({"content": "{"}, 400, -32700),
    ({"content": ""}, 400, -32700),
    ({"content": "[" * 100_000}, 400, -32700),
    ({"content": f"[{_rpc('tools/list')}]"}, 400, -32600),
    ({"content": '{"jsonrpc":"2.0","id":1}'}, 400, -32600),
    ({"content": _rpc("tools/list")}, 400, -32602),  # no _meta
]


@pytest.mark.parametrize(("sent", "status", "code"), STATELESS_FAULTS, ids=lambda value: str(value)[:40])
async def test_faults_on_the_stateless_wire(
    make_app: MakeApp, serving: Serving, sent: dict[str, Any], status: int, code: int | None
) -> None:
    async with serving(make_app()) as wires:
        if "content" in sent:
            headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
            answer = await wires.post(sent["content"], headers)
        else:
            answer = await wires.stateless("tools/list", headers=sent["headers"])
        assert answer.status_code == status, answer.text
        if code is not None:
            assert answer.json()["error"]["code"] == code
        assert (await wires.call("echo", {"text": "still here"})).status_code == 200


async def test_stateless_headers_must_match_the_body_and_occur_once(
    make_app: MakeApp, serving: Serving
) -> None:
    async with serving(make_app()) as wires:
        other = await wires.call("echo", {"text": "x"}, **{"mcp-name": "fail"})
        missing = await wires.call("echo", {"text": "x"}, **{"mcp-name": None})
        good = (await wires.call("echo", {"text": "x"})).request
        twice = await wires.post(good.content, [*good.headers.multi_items(), ("mcp-name", "echo")])
    for answer in (other, missing, twice):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


async def test_an_unsupported_version_is_refused_with_the_supported_ones(
    make_app: MakeApp, serving: Serving
) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2027-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"mcp-protocol-version": "2027-01-01", "mcp-method": "tools/list"}
    async with serving(make_app()) as wires:
        answer = await wires.post(_rpc("tools/list", {"_meta": meta}), headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32022)
    assert error["data"]["requested"] == "2027-01-01"
    assert "2026-07-28" in error["data"]["supported"]


@pytest.mark.parametrize("verb", ["GET", "DELETE", "PUT"])
async def test_the_stateless_wire_accepts_only_post(make_app: MakeApp, serving: Serving, verb: str) -> None:
    async with serving(make_app()) as wires:
        answer = await wires.http.request(verb, "/mcp", headers={"mcp-protocol-version": "2026-07-28"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_unknown_methods_and_tools(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app()) as wires:
        session = await wires.open_session()
        stateless = await wires.stateless("no/such/method")
        in_session = await wires.in_session(session, "no/such/method")
        tools = [await wires.call("nobody", {}), await wires.call_in_session(session, "nobody", {})]
    assert (stateless.status_code, stateless.json()["error"]["code"]) == (404, -32601)
    assert (in_session.status_code, in_session.json()["error"]["code"]) == (200, -32601)
    for answer in tools:
        assert answer.status_code == 200
        assert answer.json()["result"]["isError"] is True


async def test_faults_on_the_session_wire(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with serving(app) as wires:
        session = await wires.open_session()
        headers = wires.session_headers(session)
        assert (await wires.post("{", headers)).status_code == 400
        assert (await wires.post(f"[{_rpc('ping')}]", headers)).status_code == 400
        assert (await wires.post(_rpc("ping"), {**headers, "accept": "text/html"})).status_code == 406
        assert (await wires.post(_rpc("ping"), {**headers, "content-type": "text/plain"})).status_code == 400
        assert (await wires.post(_rpc("ping"), {**headers, "mcp-session-id": None})).status_code == 400
        assert (await wires.post(_rpc("ping"), {**headers, "mcp-session-id": "unknown"})).status_code == 404
        assert (await wires.delete("unknown")).status_code == 404
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200
        assert app.sessions_open() == 1, "a refused request opens no session"


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_the_limit_on_sessions_refuses_one_more_until_one_is_closed(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    app = make_app(max_sessions=2, fast_lane=fast_lane)
    async with serving(app) as wires:
        first = await wires.open_session()
        await wires.open_session()
        assert (await wires.initialize()).status_code == 503
        assert (await wires.call_in_session(first, "echo", {"text": "hi"})).status_code == 200
        await wires.delete(first)
        await wires.open_session()
        assert app.sessions_open() == 2
        assert app.traffic.sessions_created == 3


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_an_idle_session_expires(make_app: MakeApp, serving: Serving, *, fast_lane: bool) -> None:
    app = make_app(session_idle_timeout_s=0.05, fast_lane=fast_lane)
    async with serving(app) as wires:
        session = (await wires.initialize()).headers["mcp-session-id"]
        async with asyncio.timeout(30):
            while app.sessions_open():
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 404


async def test_an_app_serves_again_after_its_lifespan(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(max_sessions=1)
    for _ in range(2):
        async with serving(app) as wires:
            await wires.open_session()
            assert (await wires.initialize()).status_code == 503
    assert app.sessions_open() == 0


async def test_an_app_that_authorizes_its_requests_is_served(make_app: MakeApp, serving: Serving) -> None:
    auth = StaticTokenVerifier({"secret": {"client_id": "reader", "scopes": []}})
    mcp: FastMCP[Any] = FastMCP("authorized", auth=auth)

    @mcp.tool
    async def whoami() -> str:
        token = get_access_token()
        return token.client_id if token is not None else "nobody"

    async with serving(make_app(mcp, max_sessions=1)) as wires:
        assert (await wires.call("whoami", {})).status_code == 401
        assert (await wires.initialize()).status_code == 401
        wires.http.headers["authorization"] = "Bearer secret"
        answer = await wires.call("whoami", {})
        session = await wires.open_session()
        answer_in_session = await wires.call_in_session(session, "whoami", {})
        assert (await wires.initialize()).status_code == 503
    for each in (answer, answer_in_session):
        assert each.json()["result"]["structuredContent"] == {"result": "reader"}
