"""Every plain call of the clients that people have is on the lane, and is answered as FastMCP answers it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import fastmcp
import httpx2
import mcp
import pytest
from client_messages import (
    ARGUMENTS,
    SESSION_CLIENTS,
    STATELESS_CALLS,
    TRACEPARENT,
    SessionClient,
    stateless,
)
from fastmcp import Context, FastMCP
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.server.middleware import Middleware
from in_memory import (
    Answer,
    MemorySettings,
    Request,
    Served,
    delete,
    initialize,
    notification,
    request,
    session_call,
)
from mcp.client.streamable_http import streamable_http_client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server_core import PlainTool, create_app

pytestmark = pytest.mark.anyio


def app() -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("app", version="1")

    @server.tool
    async def echo(text: str) -> str:
        """Return the text."""
        return text

    @server.tool
    async def silent() -> None:
        """Return nothing."""

    @server.tool
    async def with_context(ctx: Context) -> str | None:
        """Return the client's own key."""
        meta = ctx.request_context.meta if ctx.request_context is not None else None
        return str((meta or {}).get("own"))

    return server


@contextlib.asynccontextmanager
async def both(
    make: Callable[[], FastMCP[Any]] = app, **settings: Any
) -> AsyncIterator[tuple[Served, Served]]:
    """Yield the same app with and without the lane."""
    pair = [
        Served(
            create_app(make(), MemorySettings(fast_lane=fast_lane, **settings)),
            tries_immediate_calls=fast_lane,
        )
        for fast_lane in (True, False)
    ]
    for served in pair:
        await served.start()
    try:
        yield pair[0], pair[1]
    finally:
        for served in pair:
            await served.stop()


async def same(pair: tuple[Served, Served], one: Request) -> Answer:
    """Return the answer to a request that both apps give."""
    fast, slow = [await served.send(one) for served in pair]
    assert fast == slow, one.body
    return fast


@pytest.mark.parametrize("client", SESSION_CLIENTS.values(), ids=SESSION_CLIENTS)
@pytest.mark.parametrize("listens", [False, True], ids=["without stream", "with stream"])
async def test_the_session_of_a_client_is_on_the_lane(client: SessionClient, listens: bool) -> None:
    async with both() as pair:
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
    async with both() as pair:
        for _ in range(2):
            answer = await same(pair, call)
            assert json.loads(answer.body)["result"]["isError"] is False
        assert pair[0].lane_calls() == 2
        assert pair[0].immediate == 1, "the guard admits a host at its first request"


async def test_a_tool_that_reads_meta_gets_it() -> None:
    async with both() as pair:
        answer = await same(pair, stateless({"own": "mine"}, {"name": "with_context"}))
        assert json.loads(answer.body)["result"]["content"][0]["text"] == "mine"
        assert pair[0].lane_calls() == 0


STRANGE: list[Any] = [None, True, 0, 1.0, 1.5, 10**30, "", "x", [], [1], {}, {"a": 1}, {"version": "1"}]
KEYS = (
    *("progressToken", "traceparent", "tracestate", "baggage", "logLevel", "fastmcp", "client_id", "own/key"),
    *("io.modelcontextprotocol/logLevel", "io.modelcontextprotocol/clientInfo", "progress_token", ""),
    *("io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/related-task"),
)


async def test_any_value_in_meta_is_answered_alike() -> None:
    on_lane = 0
    async with both() as pair:
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
            async with both() as pair:
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
    served = Served(create_app(server, MemorySettings(json_response=json_response)))
    await served.start()
    try:
        changes = {"unknown": 1} if why == "unknown parameters" else None
        assert (await served.send(initialize(changes=changes))).status == 200
        assert served.app._lane is not None
        assert served.app._lane.sdk_sessions() == 1
        await served.send(notification("notifications/initialized"))
        answer = await served.send(session_call("echo", ARGUMENTS))
        assert json.loads(answer.body)["result"]["content"][0]["text"] == "hi"
        assert served.lane_calls() == 1
    finally:
        await served.stop()


def waiting_app(ended: list[str], began: asyncio.Event) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("app", version="1")

    @server.tool
    async def waits() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "unreachable"

    @server.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    return server


@pytest.mark.parametrize("is_light", [True, False], ids=["light session", "SDK session"])
@pytest.mark.parametrize(("identity", "named"), [(5, 5), ("5", 5), ("five", "five")])
async def test_a_client_can_cancel_a_call(is_light: bool, identity: Any, named: Any) -> None:
    answers = []
    for fast_lane in (True, False):
        ended: list[str] = []
        began = asyncio.Event()
        served = Served(create_app(waiting_app(ended, began), MemorySettings(fast_lane=fast_lane)))
        await served.start()
        try:
            await served.send(initialize())
            if not is_light:
                await served.send(session_call("with_context", {}))
            call = asyncio.create_task(served.send(session_call("waits", {}, identity=identity)))
            await asyncio.wait_for(began.wait(), 30)
            others = {"requestId": 99, "reason": "another"}
            ignored = await served.send(notification("notifications/cancelled", others))
            cancelled = await served.send(notification("notifications/cancelled", {"requestId": named}))
            answers.append((await asyncio.wait_for(call, 30), ignored, cancelled, tuple(ended)))
            assert served.app.metrics.calls_in_flight == 0
            if fast_lane:
                assert served.lane_calls() == 1
        finally:
            await served.stop()
    assert answers[0] == answers[1]
    assert answers[0][3] == ("cancelled",)
    assert "Request cancelled" in answers[0][0].body


@pytest.mark.parametrize("is_light", [True, False], ids=["light session", "SDK session"])
async def test_the_end_of_a_session_ends_its_calls(is_light: bool) -> None:
    answers = []
    for fast_lane in (True, False):
        ended: list[str] = []
        began = asyncio.Event()
        served = Served(create_app(waiting_app(ended, began), MemorySettings(fast_lane=fast_lane)))
        await served.start()
        try:
            await served.send(initialize())
            if not is_light:
                await served.send(session_call("with_context", {}))
            call = asyncio.create_task(served.send(session_call("waits", {})))
            await asyncio.wait_for(began.wait(), 30)
            deleted = await served.send(delete())
            answers.append((await asyncio.wait_for(call, 30), deleted, tuple(ended)))
            assert served.app.metrics.calls_in_flight == 0
        finally:
            await served.stop()
    assert answers[0] == answers[1]
    assert (answers[0][0].status, answers[0][2]) == (500, ("cancelled",))


async def test_another_session_cannot_cancel_a_call() -> None:
    ended: list[str] = []
    began = asyncio.Event()
    served = Served(create_app(waiting_app(ended, began), MemorySettings(request_timeout_s=30)))
    await served.start()
    try:
        await served.send(initialize())
        await served.send(initialize())
        call = asyncio.create_task(served.send(session_call("waits", {}, identity=5)))
        await asyncio.wait_for(began.wait(), 30)
        other = notification("notifications/cancelled", {"requestId": 5}, session=1)
        assert (await served.send(other)).status == 202
        assert ended == []
        await served.send(notification("notifications/cancelled", {"requestId": 5}))
        await asyncio.wait_for(call, 30)
        assert ended == ["cancelled"]
    finally:
        await served.stop()


def _current_trace_id() -> str:
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


async def test_a_call_on_the_lane_has_the_trace_context_of_its_caller() -> None:
    def traced_app() -> FastMCP[Any]:
        server: FastMCP[Any] = FastMCP("app", version="1")

        async def echo(text: str) -> str:
            return _current_trace_id()

        server.add_tool(PlainTool.from_function(echo))
        return server

    async with both(traced_app) as pair:
        traces = []
        for meta in ({"traceparent": TRACEPARENT}, {}, {"traceparent": "nonsense"}):
            answer = await same(pair, stateless(meta))
            traces.append(json.loads(answer.body)["result"]["content"][0]["text"])
        assert pair[0].lane_calls() == 3
    assert traces == [TRACEPARENT.split("-")[1], "0" * 32, "0" * 32]


async def test_requests_whose_spans_are_recorded_are_fastmcps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastmcp.settings, "telemetry_mode", "native")
    spans = []
    async with both() as pair:
        await same(pair, initialize())
        await same(pair, stateless({}))
        before = pair[0].lane_calls()
        for served in pair:
            exporter = InMemorySpanExporter()
            provider = TracerProvider(shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            with monkeypatch.context() as traced:
                traced.setattr(trace, "_TRACER_PROVIDER", provider)
                await served.send(stateless({"traceparent": TRACEPARENT}))
                await served.send(session_call("echo", ARGUMENTS))
                await served.send(request("ping"))
            recorded = exporter.get_finished_spans()
            spans.append([(each.name, each.parent and each.parent.trace_id) for each in recorded])
        assert pair[0].lane_calls() == before
        await same(pair, stateless({}))
        assert pair[0].lane_calls() == before + 1
    assert [one for one in spans[0] if one[0] not in HANDSHAKE] == spans[1]
    assert int(TRACEPARENT.split("-")[1], 16) in {parent for _, parent in spans[1]}


HANDSHAKE = ("initialize", "notifications/initialized")
"""A light session becomes an SDK session by a second handshake."""

Factory = Callable[..., httpx2.AsyncClient]


@pytest.fixture
def connecting() -> Callable[[Served], Factory]:
    """Returns a function that makes HTTP clients of an app in memory."""

    def factory_for(served: Served) -> Factory:
        def client(**options: Any) -> httpx2.AsyncClient:
            return httpx2.AsyncClient(transport=httpx2.ASGITransport(served.app), **options)

        return client

    return factory_for


URL = "http://127.0.0.1:8000/mcp"


@contextlib.asynccontextmanager
async def fastmcp_client(factory: Factory, mode: str) -> AsyncIterator[Callable[..., Any]]:
    transport = StreamableHttpTransport(URL, httpx_client_factory=factory)  # type: ignore[arg-type] # keywords only
    async with fastmcp.Client(transport, mode=mode) as client:

        async def call(name: str, arguments: dict[str, Any] | None, **options: Any) -> Any:
            result = await client.call_tool(name, arguments, **options)
            return result.data

        yield call


@contextlib.asynccontextmanager
async def sdk_client(factory: Factory, mode: str) -> AsyncIterator[Callable[..., Any]]:
    async with (
        factory() as http,
        mcp.Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
    ):

        async def call(name: str, arguments: dict[str, Any] | None, **options: Any) -> Any:
            progress = options.pop("progress_handler", None)
            result = await client.call_tool(name, arguments, progress_callback=progress, **options)
            return (result.structured_content or {}).get("result")

        yield call


async def _no_progress(*_: Any) -> None:
    raise AssertionError("the tool reports no progress")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("client", [fastmcp_client, sdk_client], ids=["FastMCP's client", "Python SDK"])
async def test_all_plain_calls_of_real_clients_are_on_the_lane(
    client: Any, mode: str, connecting: Callable[[Served], Factory]
) -> None:
    results = []
    for fast_lane in (True, False):
        served = Served(create_app(app(), MemorySettings(fast_lane=fast_lane)))
        await served.start()
        try:
            async with client(connecting(served), mode) as call:
                results.append(
                    [
                        await call("echo", ARGUMENTS),
                        await call("silent", None),
                        await call("echo", ARGUMENTS, progress_handler=_no_progress),
                        await call("echo", ARGUMENTS, meta={"claudecode/toolUseId": "toolu_01A"}),
                    ]
                )
            if fast_lane:
                metrics = served.app.metrics.exposition("")[0].decode()
                total = sum(map(float, re.findall(r"mcp_tool_calls_total\{[^}]*\} ([0-9.]+)", metrics)))
                assert (total, served.lane_calls()) == (4, 4)
        finally:
            await served.stop()
    assert results[0] == results[1] == ["hi", None, "hi", "hi"]
