"""Streams that clients resume from an event store, as with FastMCP alone."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from fastmcp.server.event_store import EventStore
from in_memory import Request, initialize, notification, session_call, stateless_call
from plain_fastmcp import WAYS, Exchange, exchange, lane_calls, served

from server_core import PlainTool, ServerSettings, SettingsError, main

pytestmark = pytest.mark.anyio

RETRY_MS = 500


class WatchedStore(EventStore):
    """An event store that tells when it has the answer to the call with id 1.

    An answer that is made while its client comes back is lost by the SDK now and then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_answer = asyncio.Event()

    async def store_event(self, stream_id: str, message: Any) -> str:
        event_id = await super().store_event(stream_id, message)
        if getattr(message, "id", None) == 1:
            self.has_answer.set()
        return event_id


class Waiting:
    """An app whose tools wait for the test; one of them first closes the stream of its response."""

    def __init__(self) -> None:
        self.mcp: FastMCP[Any] = FastMCP("waiting", version="1")
        self.began, self.release = asyncio.Event(), asyncio.Event()

        async def wait() -> str:
            self.began.set()
            await self.release.wait()
            return "done"

        async def wait_without_stream(context: Context) -> str:
            self.began.set()
            await context.close_sse_stream()
            await self.release.wait()
            return "done"

        async def echo(text: str) -> str:
            return text

        self.mcp.add_tool(PlainTool.from_function(wait))
        self.mcp.add_tool(PlainTool.from_function(echo))
        self.mcp.tool(wait_without_stream)


async def open_session(app: Any) -> str:
    opened = await exchange(app, initialize())
    session = opened.headers["mcp-session-id"]
    await exchange(app, notification("notifications/initialized"), session)
    return session


def resumption(event_id: str) -> Request:
    headers = [
        (b"accept", b"text/event-stream"),
        (b"mcp-protocol-version", b"2025-11-25"),
        (b"mcp-session-id", b"session 0"),
        (b"last-event-id", event_id.encode()),
    ]
    return Request("GET", headers, b"")


def has_answer(call: Exchange) -> bool:
    return any('"result"' in event.get("data", "") for event in call.events)


@pytest.mark.parametrize("tool", ["wait", "wait_without_stream"])
async def test_an_answer_is_sent_to_the_client_that_comes_back(tool: str) -> None:
    results = {}
    for way in WAYS:
        waiting = Waiting()
        store = WatchedStore()
        async with served(
            way, waiting.mcp, json_response=False, event_store=store, retry_interval_ms=RETRY_MS
        ) as app:
            session = await open_session(app)
            call = Exchange().start(app, session_call(tool, {}), session)
            await call.until(lambda call: bool(call.events))
            await waiting.began.wait()
            if tool == "wait":
                call.disconnect()
            await call.end()
            priming = call.events[0]
            waiting.release.set()
            await store.has_answer.wait()
            resumed = Exchange().start(app, resumption(priming["id"]), session)
            await resumed.until(has_answer)
            resumed.disconnect()
            await resumed.end()
            answer = next(event for event in resumed.events if '"result"' in event["data"])
            results[way] = (
                sorted(priming),
                priming["retry"],
                len(call.events),
                answer["event"],
                "id" in answer,
                json.loads(answer["data"]),
            )
            assert lane_calls(app) == 0
    assert results["lane"] == results["FastMCP"]
    assert results["lane"][1] == str(RETRY_MS)
    assert results["lane"][-1]["result"]["content"] == [{"type": "text", "text": "done"}]


async def test_calls_without_a_session_cannot_be_resumed_and_stay_on_the_lane() -> None:
    async with served("lane", Waiting().mcp, json_response=False, event_store=EventStore()) as app:
        answer = (await exchange(app, stateless_call("echo", {"text": "hi"}))).answer
        assert answer["result"]["content"] == [{"type": "text", "text": "hi"}]
        assert lane_calls(app) == 1


async def test_answers_in_json_cannot_be_resumed_which_the_log_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "server_core.app"):
        async with served("lane", Waiting().mcp, json_response=True, event_store=EventStore()) as app:
            session = await open_session(app)
            await exchange(app, session_call("echo", {"text": "hi"}), session)
            assert lane_calls(app) == 1
    assert "an event store resumes no call with answers in JSON" in caplog.text
    assert "NOBODY_SETS_THIS_JSON_RESPONSE=false" in caplog.text


def test_several_workers_need_several_event_stores(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        lambda _settings: FastMCP("demo"), ServerSettings, ["--workers", "2"], event_store=EventStore()
    )
    assert code == SettingsError.exit_code
    assert "expected 1 worker for an event store, got 2" in capsys.readouterr().err
