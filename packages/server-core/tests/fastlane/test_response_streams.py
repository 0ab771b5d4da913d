"""Calls that take long: streams with pings, and the end of a call with its connection, as in FastMCP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastmcp import FastMCP
from in_memory import Request, delete, initialize, notification, session_call, stateless_call
from mcp.server import _streamable_http_modern
from plain_fastmcp import WAYS, Exchange, exchange, lane_calls, served
from sse_starlette import EventSourceResponse

from server_core import PlainTool

pytestmark = pytest.mark.anyio

WIRES = ("stateless", "session")
DONE = {"content": [{"type": "text", "text": "done"}], "isError": False}


class Holding:
    """An app with a tool that waits until the test releases it, and notes how its calls ended."""

    def __init__(self) -> None:
        self.mcp: FastMCP[Any] = FastMCP("holding", version="1")
        self.began, self.release, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.notes: list[str] = []

        async def hold() -> str:
            self.began.set()
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.notes.append("cancelled")
                raise
            else:
                self.notes.append("done")
            finally:
                self.ended.set()
            return "done"

        self.mcp.add_tool(PlainTool.from_function(hold, output_schema=None))


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings every 10 ms instead of 15 s."""
    monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", 0.01)
    monkeypatch.setattr(EventSourceResponse, "DEFAULT_PING_INTERVAL", 0.01)


@asynccontextmanager
async def calling(
    way: str, wire: str, *, json_response: bool = False
) -> AsyncIterator[tuple[Any, Holding, Exchange, str]]:
    """Yield a served app whose tool is being called, the call, and the id of its session."""
    holding = Holding()
    async with served(way, holding.mcp, json_response=json_response) as app:
        session, request = "", stateless_call("hold", {})
        if wire == "session":
            session = (await exchange(app, initialize())).headers["mcp-session-id"]
            await exchange(app, notification("notifications/initialized"), session)
            request = session_call("hold", {})
        call = Exchange().start(app, request, session)
        await holding.began.wait()
        try:
            yield app, holding, call, session
        finally:
            holding.release.set()
            await call.end()


def shown(call: Exchange) -> dict[str, Any]:
    """Return all of a response by which clients could tell two servers apart."""
    names = ("content-type", "cache-control", "connection", "x-accel-buffering")
    result = call.answer["result"]
    return {
        "status": call.status,
        "headers": {name: call.headers.get(name) for name in names},
        "has session": "mcp-session-id" in call.headers,
        "pings": {re.sub(rb"\d+", b"0", ping) for ping in call.pings},
        "events": [event.get("event") for event in call.events],
        "result": {name: result[name] for name in DONE},
    }


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("wire", WIRES)
async def test_a_slow_call_is_answered_by_a_stream_with_pings(wire: str) -> None:
    results = {}
    for way in WAYS:
        async with calling(way, wire) as (app, holding, call, _session):
            await call.until(lambda call: len(call.pings) >= 3)
            holding.release.set()
            await call.end()
            results[way] = shown(call)
            assert call.messages[-1].get("more_body", False) is False
            assert lane_calls(app) == (way == "lane")
    assert results["lane"] == results["FastMCP"]
    assert results["lane"]["result"] == DONE


@pytest.mark.parametrize("wire", WIRES)
async def test_a_call_that_is_done_before_the_first_ping_is_answered_with_json(wire: str) -> None:
    async with calling("lane", wire) as (app, holding, call, _session):
        holding.release.set()
        await call.end()
        assert call.headers["content-type"] == "application/json"
        assert call.answer["result"]["content"] == DONE["content"]
        assert lane_calls(app) == 1


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wire", WIRES)
async def test_answers_in_json_stay_json(way: str, wire: str) -> None:
    async with calling(way, wire, json_response=True) as (_app, holding, call, _session):
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, due.set)  # five pings would be due by then
        await due.wait()
        assert call.messages == []
        holding.release.set()
        await call.end()
        assert call.headers["content-type"] == "application/json"


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begun", [False, True], ids=["before the stream", "during the stream"])
async def test_closing_the_stream_cancels_a_call_on_the_stateless_wire(
    way: str, begun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not begun:
        monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", 15.0)
    async with calling(way, "stateless") as (app, holding, call, _session):
        if begun:
            await call.until(lambda call: bool(call.pings))
        call.disconnect()
        await call.end()
        assert holding.notes == ["cancelled"]
        assert lane_calls(app) == (way == "lane")


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("wire", "json_response"), [("session", False), ("session", True), ("stateless", True)]
)
async def test_other_calls_outlive_their_connection(way: str, wire: str, json_response: bool) -> None:
    async with calling(way, wire, json_response=json_response) as (_app, holding, call, _session):
        call.disconnect()
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(0.03, due.set)
        await due.wait()
        holding.release.set()
        await holding.ended.wait()
        assert holding.notes == ["done"]


@pytest.mark.usefixtures("short_intervals")
async def test_a_stream_ends_with_the_cancellation_of_its_call_or_with_its_session() -> None:
    results: dict[str, list[Any]] = {}
    cancellation = notification("notifications/cancelled", {"requestId": 1})
    steps: list[Request] = [cancellation, delete()]
    for way in WAYS:
        results[way] = []
        for step in steps:
            async with calling(way, "session") as (app, _holding, call, session):
                await call.until(lambda call: bool(call.pings))
                assert (await exchange(app, step, session)).status in (200, 202)
                await call.end()
                results[way].append([event["data"] for event in call.events])
    assert results["lane"] == results["FastMCP"]
    assert ["-32800" in data for data in results["lane"][0]] == [True]
    assert results["lane"][1] == []


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("way", WAYS)
async def test_an_error_of_a_slow_tool_is_an_event(way: str) -> None:
    mcp: FastMCP[Any] = FastMCP("failing")
    release = asyncio.Event()

    async def fail() -> str:
        await release.wait()
        raise LookupError("lost")

    mcp.add_tool(PlainTool.from_function(fail))
    async with served(way, mcp, json_response=False) as app:
        call = Exchange().start(app, stateless_call("fail", {}))
        await call.until(lambda call: bool(call.pings))
        release.set()
        await call.end()
        assert call.answer["result"]["isError"] is True
        assert "lost" in call.answer["result"]["content"][0]["text"]


@pytest.mark.usefixtures("short_intervals")
async def test_a_client_that_is_gone_by_the_words_of_its_server_gets_no_more_pings() -> None:
    from server_core.fastlane.response_streams import STATELESS_STREAM, send_when_ready

    sent = asyncio.Event()

    async def send(_message: Any) -> None:
        sent.set()
        raise OSError("gone")

    async def work() -> tuple[int, bytes]:
        await sent.wait()
        return 200, b"{}"

    with pytest.raises(OSError, match="gone"):
        await send_when_ready(work(), STATELESS_STREAM, None, send)
