"""Every plain call of the clients that people have is on the lane, and is answered as FastMCP answers it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from client_messages import (
    ARGUMENTS,
    SESSION_CLIENTS,
    STATELESS_CALLS,
    SessionClient,
    stateless,
)
from client_samples import app
from fastmcp.server.middleware import Middleware
from in_memory import Request, delete, initialize, notification, request, session_call
from lane_apps import both, same, serving, text_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("client", SESSION_CLIENTS.values(), ids=SESSION_CLIENTS)
@pytest.mark.parametrize("listens", [False, True], ids=["without stream", "with stream"])
async def test_the_session_of_a_client_is_on_the_lane(client: SessionClient, listens: bool) -> None:
    async with both(app) as pair:
        lane = pair[0]
        assert (await same(pair, client.initialize())).status == 200
        assert (await same(pair, client.initialized())).status == 202
        streams = []
        if listens:
            for served in pair:
                opened = asyncio.Event()
                streams.append(asyncio.create_task(served.listen(opened)))
                await asyncio.wait_for(opened.wait(), 30)
        for number, method in enumerate(client.requests, 1):
            assert (await same(pair, client.request(method, number))).status == 200
        for number, params in enumerate(client.calls, 10):
            answer = await same(pair, client.call(params, number))
            assert json.loads(answer.body)["result"]["isError"] is False
        assert lane.lane_calls() == lane.immediate == len(client.calls)
        metrics = lane.app.metrics.exposition("")[0].decode()
        assert f"mcp_fast_lane_calls_total {len(client.calls)}.0" in metrics
        assert lane.app._lane is not None
        assert lane.app._lane.sdk_sessions() == listens, "a session stays light until a stream is opened"
        await same(pair, delete())
        await asyncio.gather(*streams)


@pytest.mark.parametrize("call", STATELESS_CALLS.values(), ids=STATELESS_CALLS)
async def test_a_call_on_the_stateless_wire_is_on_the_lane(call: Request) -> None:
    async with both(app) as pair:
        for _ in range(2):
            answer = await same(pair, call)
            assert json.loads(answer.body)["result"]["isError"] is False
        assert pair[0].lane_calls() == 2
        assert pair[0].immediate == 1, "the guard admits a host at its first request"


async def test_a_tool_that_reads_meta_gets_it() -> None:
    async with both(app) as pair:
        answer = await same(pair, stateless({"own": "mine"}, {"name": "with_context"}))
        assert text_of(answer) == "mine"
        assert pair[0].lane_calls() == 0


STRANGE: list[Any] = [None, True, 0, 1.0, 1.5, 10**30, "", "x", [], [1], {}, {"a": 1}, {"version": "1"}]
KEYS = (
    *("progressToken", "traceparent", "tracestate", "baggage", "logLevel", "fastmcp", "client_id", "own/key"),
    *("io.modelcontextprotocol/logLevel", "io.modelcontextprotocol/clientInfo", "progress_token", ""),
    *("io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/related-task"),
)


async def test_any_value_in_meta_is_answered_alike() -> None:
    on_lane = 0
    async with both(app) as pair:
        await same(pair, initialize())
        for key in KEYS:
            for value in STRANGE:
                await same(pair, stateless({key: value}))
                params = {"name": "echo", "arguments": ARGUMENTS, "_meta": {key: value}}
                await same(pair, request("tools/call", params))
                await same(pair, request("ping", {"_meta": {key: value}}))
        on_lane = pair[0].lane_calls()
    assert on_lane > len(KEYS) * len(STRANGE), "most of these are nothing that FastMCP reads"


async def test_an_opening_with_any_meta_is_answered_alike() -> None:
    for key in ("progressToken", "traceparent", "own/key", "fastmcp"):
        for value in STRANGE:
            async with both(app) as pair:
                answer = await same(pair, initialize(changes={"_meta": {key: value}}))
                if '"result"' in answer.body:
                    await same(pair, notification("notifications/initialized"))
                    await same(pair, session_call("echo", ARGUMENTS))
                    assert pair[0].lane_calls() == 1, (key, value)


class Noting(Middleware):
    """Sees each `initialize`, and nothing else."""

    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


@pytest.mark.parametrize("json_response", [True, False], ids=["JSON", "event streams"])
@pytest.mark.parametrize("why", ["unknown parameters", "middleware"])
async def test_calls_in_a_session_that_fastmcp_opened_are_on_the_lane(why: str, json_response: bool) -> None:
    server = app()
    if why == "middleware":
        server.add_middleware(Noting())
    async with serving(server, json_response=json_response) as served:
        changes = {"unknown": 1} if why == "unknown parameters" else None
        assert (await served.send(initialize(changes=changes))).status == 200
        assert served.app._lane is not None
        assert served.app._lane.sdk_sessions() == 1
        await served.send(notification("notifications/initialized"))
        answer = await served.send(session_call("echo", ARGUMENTS))
        assert text_of(answer) == "hi"
        assert served.lane_calls() == 1
