"""Answers over stdio after the end of stdin, and what they are not waited for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastmcp import FastMCP
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from server_core.sdk import internals, stdio_streams
from server_core.sdk.stdio_streams import OpenRequests, answering_after_end_of_input

pytestmark = pytest.mark.anyio

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
CALLS = 20
FAILURE = ErrorData(code=1, message="failed")


class Pipe:
    """Lines for a server, followed by the end of its input, and the lines that it writes."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._lines = iter([json.dumps(message) for message in messages])
        self.ended = asyncio.Event()
        self.answers: list[dict[str, Any]] = []

    def __aiter__(self) -> Pipe:
        return self

    async def __anext__(self) -> str:
        for line in self._lines:
            return line
        self.ended.set()
        raise StopAsyncIteration

    async def write(self, line: str) -> None:
        self.answers.append(json.loads(line))

    async def flush(self) -> None: ...


def call(identity: int, tool: str) -> dict[str, Any]:
    params = {"name": tool, "arguments": {}}
    return {"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}


async def answers(way: str, pipe: Pipe, release: asyncio.Event, *, timeout_s: float = 30) -> list[Any]:
    """Serve until the end of the input, after which the tools return, and return the answers to calls."""
    mcp: FastMCP[Any] = FastMCP("app")

    @mcp.tool
    async def wait() -> str:
        await release.wait()
        return "done"

    @mcp.tool
    async def forever() -> str:
        await asyncio.Event().wait()
        return "unreachable"

    if way == "FastMCP":
        await mcp.run_stdio_async(show_banner=False)
    else:
        with answering_after_end_of_input(timeout_s):
            await mcp.run_stdio_async(show_banner=False)
    return [answer for answer in pipe.answers if answer.get("id")]


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that puts a pipe in place of stdin and stdout."""

    def replace(pipe: Pipe) -> None:
        def streams() -> Any:
            return stdio_server(pipe, pipe)  # type: ignore[arg-type]

        monkeypatch.setitem(vars(internals.fastmcp_transport), "stdio_server", streams)
        monkeypatch.setattr(stdio_streams, "stdio_server", streams)

    return replace


@pytest.mark.parametrize("way", ["FastMCP", "server-core"])
async def test_calls_in_flight_at_the_end_of_the_input_are_answered(way: str, through: Any) -> None:
    pipe = Pipe(INITIALIZE, *(call(number, "wait") for number in range(1, CALLS + 1)))
    through(pipe)
    release = asyncio.Event()

    async def release_later() -> None:
        await pipe.ended.wait()
        for _ in range(20):  # the server has noticed the end by then
            await asyncio.sleep(0)
        release.set()

    if way == "FastMCP":  # stops the calls, however soon they would have been done
        answered = await answers(way, pipe, release)
    else:
        answered, _ = await asyncio.gather(answers(way, pipe, release), release_later())
    good = sum(answer.get("result", {}).get("isError") is False for answer in answered)
    assert (len(answered), good) == (CALLS, CALLS if way == "server-core" else 0)


async def test_the_wait_has_a_limit(through: Any) -> None:
    pipe = Pipe(INITIALIZE, call(1, "forever"))
    through(pipe)
    (answer,) = await answers("server-core", pipe, asyncio.Event(), timeout_s=0.02)
    assert answer["error"]["message"] == "Connection closed"


async def test_without_open_calls_the_server_ends_at_once(through: Any) -> None:
    pipe = Pipe(INITIALIZE)
    through(pipe)
    async with asyncio.timeout(20):
        assert await answers("server-core", pipe, asyncio.Event()) == []


async def test_fastmcp_has_its_own_streams_again_afterwards() -> None:
    with answering_after_end_of_input(1):
        assert internals.fastmcp_transport.stdio_server is not stdio_server
    assert internals.fastmcp_transport.stdio_server is stdio_server


def received(requests: OpenRequests, *messages: Any) -> None:
    for message in messages:
        requests.note_received(SessionMessage(message))


def request(identity: int | str, method: str = "tools/call") -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=identity, method=method)


def cancelled(**params: Any) -> JSONRPCNotification:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params=params)


def answered(identity: int | str | None) -> SessionMessage:
    return SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=identity, result={}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([], []),
        ([ValueError("no JSON")], []),
        ([request(1)], [answered(1)]),
        ([request(1), request(1)], [answered(1), answered(1)]),
        ([request("1")], [answered("1")]),
        ([request(1), cancelled(requestId="1")], []),
        ([request(1), cancelled(requestId=2), cancelled()], [answered(1)]),
        ([request(1, "subscriptions/listen")], []),
        ([request(1)], [SessionMessage(JSONRPCError(jsonrpc="2.0", id=1, error=FAILURE))]),
    ],
)
async def test_what_is_waited_for(messages: list[Any], sent: list[SessionMessage]) -> None:
    requests = OpenRequests(30)
    for message in messages:
        requests.note_received(message if isinstance(message, Exception) else SessionMessage(message))
    waiting = asyncio.create_task(requests.all_answered())
    await asyncio.sleep(0)
    for item in sent:
        assert not waiting.done()
        requests.note_sent(item)
    async with asyncio.timeout(20):
        await waiting
