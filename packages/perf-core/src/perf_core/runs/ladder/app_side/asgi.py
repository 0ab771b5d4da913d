"""An ASGI app called without a socket, and the messages of a session."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from .loading import AppError

REVISION = "2025-06-18"
"""Protocol revision that all releases with streamable HTTP in use know."""

_LIFESPAN_S = 60.0


def http_app(app: Any) -> Any:
    """Return the ASGI app of an app, with its default settings."""
    return app.http_app() if hasattr(app, "http_app") else app.streamable_http_app()


def endpoint(app: Any) -> str:
    """Return the path at which an ASGI app serves MCP: that of its first route."""
    paths = [getattr(route, "path", "") for route in getattr(app, "routes", ())]
    return next((path for path in paths if path.rstrip("/").endswith("mcp")), paths[0] if paths else "/mcp")


class AsgiCaller:
    """Calls a tool of an ASGI app in a session."""

    def __init__(self, app: Any, path: str, tool: str, arguments: dict[str, Any]) -> None:
        self._app = app
        self._path = path
        self._number = 0
        self._headers: list[tuple[bytes, bytes]] = [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
        ]
        self._head, self._tail = call_parts(tool, arguments)

    async def open(self) -> None:
        """Open a session."""
        status, headers, body = await self._post(json.dumps(initialize_message()).encode())
        if status != 200:
            raise AppError(f"the ASGI app answered initialize with status {status}: {body[:200]!r}")
        session = dict(headers).get(b"mcp-session-id")
        revision = result_in(body).get("protocolVersion", REVISION)
        self._headers.append((b"mcp-protocol-version", str(revision).encode()))
        if session is not None:
            self._headers.append((b"mcp-session-id", session))
        await self._post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def call(self) -> bytes:
        """Make a call and return the body of its answer."""
        self._number += 1
        status, _, body = await self._post(b"%b%d%b" % (self._head, self._number, self._tail))
        if status != 200:
            raise AppError(f"the ASGI app answered a call with status {status}: {body[:200]!r}")
        return body

    async def _post(self, body: bytes) -> tuple[int, Any, bytes]:
        request = [{"type": "http.request", "body": body, "more_body": False}]
        parts: list[bytes] = []
        start: dict[str, Any] = {}
        never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def receive() -> Any:
            return request.pop() if request else await never

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": "POST",
            "root_path": "",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "headers": [*self._headers, (b"content-length", b"%d" % len(body))],
            "state": {},
        }
        await self._app(scope, receive, send)
        return start["status"], start["headers"], b"".join(parts)


def call_parts(tool: str, arguments: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the body of a call before and after its number: a session wants each number once."""
    params = {"name": tool, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    head, tail = json.dumps(message, separators=(",", ":")).split(":1,", 1)
    return f"{head}:".encode(), f",{tail}".encode()


def initialize_message() -> dict[str, Any]:
    """Return the request that opens a session."""
    client = {"name": "perf-core ladder", "version": "1"}
    params = {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": client}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def result_in(body: bytes) -> dict[str, Any]:
    """Return the result in a body of JSON or in the last event of a stream."""
    text = body.decode("utf-8", "replace").strip()
    lines = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    message = json.loads(lines[-1] if lines else text)
    if "error" in message:
        raise AppError(f"the app answered with an error: {message['error'].get('message')}")
    result: dict[str, Any] = message.get("result", {})
    return result


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Run the lifespan of an ASGI app."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    running = asyncio.ensure_future(app(scope, events.get, answers.put))
    await events.put({"type": "lifespan.startup"})
    answer = await asyncio.wait_for(answers.get(), _LIFESPAN_S)
    if answer["type"] != "lifespan.startup.complete":
        raise AppError(f"the app did not start: {answer.get('message', answer['type'])}")
    try:
        yield
    finally:
        await events.put({"type": "lifespan.shutdown"})
        await running
