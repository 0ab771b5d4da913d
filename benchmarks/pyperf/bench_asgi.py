"""Benchmarks of the calculator's ASGI app, called with scope, receive and send: no HTTP, no sockets.

The app is the one that ``calculator-server`` serves, with its lifespan running. The requests are those of a
real client, already parsed into a scope. The figures do not include uvicorn's work: reading, parsing, a task
per request, writing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from harness import Timing, expect, make_runner, run_on_server_loop, subject, time_calls

from calculator_server.server import create_server
from calculator_server.settings import CalculatorSettings
from server_core import create_app

ServerMetrics = subject("server_core.observability.metrics", "server_core.metrics").ServerMetrics
exporting = subject("server_core.observability.telemetry", "server_core.telemetry").exporting

WIRES = ("session", "stateless")
EXPECTED = {"result": 1234.75}

_JSON = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
_CLIENT = {"name": "bench", "version": "1"}
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": _CLIENT,
}
_CALL = {"name": "add", "arguments": {"a": 1234.5, "b": 0.25}}

Headers = list[tuple[bytes, bytes]]


class Caller:
    """Calls ``add`` on an ASGI app.

    Args:
        app: The app, with its lifespan started.
        wire: "session" or "stateless".
    """

    def __init__(self, app: Any, wire: str) -> None:
        self._app = app
        self._wire = wire
        self._id = 0
        self._never = asyncio.get_running_loop().create_future()
        self._headers: Headers = []
        params: dict[str, Any] = _CALL if wire == "session" else {**_CALL, "_meta": _META}
        head, tail = json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, separators=(",", ":")
        ).split(":1,", 1)
        self._head, self._tail = f"{head}:", f",{tail}"

    async def open(self) -> None:
        """Open a session, or set the headers of the stateless wire."""
        if self._wire == "stateless":
            version = [(b"mcp-protocol-version", b"2026-07-28")]
            self._headers = [*_JSON, *version, (b"mcp-method", b"tools/call"), (b"mcp-name", b"add")]
            return
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": _CLIENT}
        opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        status, headers, _ = await self._post(json.dumps(opening).encode(), _JSON)
        expect("the status of initialize", 200, status)
        session = dict(headers)[b"mcp-session-id"]
        self._headers = [*_JSON, (b"mcp-protocol-version", b"2025-11-25"), (b"mcp-session-id", session)]
        initialized = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
        status, _, _ = await self._post(initialized, self._headers)
        expect("the status of notifications/initialized", 202, status)

    async def call(self) -> tuple[int, Headers, bytes]:
        """Call ``add`` once; returns status, headers and body of the response."""
        self._id += 1  # a session wants each id once
        return await self._post(f"{self._head}{self._id}{self._tail}".encode(), self._headers)

    async def _post(self, body: bytes, headers: Headers) -> tuple[int, Headers, bytes]:
        request: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            # After the body a client that stays says nothing until it has its answer.
            return request.pop() if request else await self._never

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await self._app(_scope(headers, len(body)), receive, send)
        start, *parts = messages
        return start["status"], start["headers"], b"".join(part.get("body", b"") for part in parts)


def _scope(headers: Headers, length: int) -> dict[str, Any]:
    """Return the scope that uvicorn makes of such a request; apps may change it, so each call has its own."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8100),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8100"), *headers, (b"content-length", b"%d" % length)],
        "state": {},
    }


@asynccontextmanager
async def served_calculator() -> AsyncIterator[Any]:
    """Yield the served app with its lifespan running."""
    mcp, metrics = create_server(), ServerMetrics()
    # As served without an OpenTelemetry collector: FastMCP creates no spans.
    with exporting(mcp, metrics, None):
        settings = CalculatorSettings(_env_file=None)  # type: ignore[call-arg]  # pydantic-settings' own
        app = create_app(mcp, settings, metrics=metrics)
        events: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        answers: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        lifespan = asyncio.create_task(app({"type": "lifespan", "state": {}}, events.get, answers.put))
        await events.put({"type": "lifespan.startup"})
        expect("the app's start", "lifespan.startup.complete", (await answers.get())["type"])
        try:
            yield app
        finally:
            await events.put({"type": "lifespan.shutdown"})
            await lifespan


async def _time_wire(loops: int, wire: str) -> Timing:
    async with served_calculator() as app:
        caller = Caller(app, wire)
        await caller.open()
        status, _, body = await caller.call()
        expect("the status of a call", 200, status)
        expect("the tool's answer", EXPECTED, json.loads(body)["result"]["structuredContent"])
        return await time_calls(caller.call, loops)


def time_wire(loops: int, wire: str) -> Timing:
    """Call ``add`` ``loops`` times on one wire of the served app."""
    return run_on_server_loop(_time_wire(loops, wire))


def _wall_s(loops: int, wire: str) -> float:
    return time_wire(loops, wire).wall_s


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    for wire in WIRES:
        runner.bench_time_func(f"served app without a socket: {wire} wire", _wall_s, wire)


if __name__ == "__main__":
    main()
