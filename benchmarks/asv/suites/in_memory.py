"""A minimal MCP client for an ASGI app without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from .mcp_messages import MESSAGE_HEADERS, SESSION_REVISION, call_message, initialize_message

HOST = "127.0.0.1:8000"


class ServedInMemory:
    """An ASGI app with its lifespan and one client.

    Args:
        app: The ASGI app.
        wire: "session" or "stateless".
    """

    def __init__(self, app: Any, wire: str) -> None:
        self._app = app
        self._wire = wire
        self._headers = dict(MESSAGE_HEADERS)
        self._loop = asyncio.new_event_loop()
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the app and, on the session wire, open a session."""
        self._loop.run_until_complete(self._start())

    def call(self, calls: int) -> None:
        """Call the tool `add` repeatedly, one call after the other.

        Raises:
            RuntimeError: An answer is wrong.
        """
        self._loop.run_until_complete(self._call(calls))

    def stop(self) -> None:
        """End the app's lifespan."""
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        lifespan = self._app(scope, self._events.get, self._answers.put)
        self._lifespan = asyncio.ensure_future(lifespan)
        await self._events.put({"type": "lifespan.startup"})
        started = await self._answers.get()
        if started["type"] != "lifespan.startup.complete":
            raise RuntimeError(f"expected the app to start, got {started}")
        if self._wire == "session":
            _, headers, _ = await self._post(initialize_message(), {})
            self._headers["mcp-session-id"] = headers["mcp-session-id"]
            self._headers["mcp-protocol-version"] = SESSION_REVISION
            await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, {})

    async def _call(self, calls: int) -> None:
        for number in range(calls):
            a, b = number * 1.5, 0.25
            message, headers = call_message(self._wire, number, "add", {"a": a, "b": b})
            status, _, body = await self._post(message, headers)
            result = json.loads(body).get("result", {}) if status == 200 else {}
            if result.get("structuredContent") != {"result": a + b}:
                raise RuntimeError(f"expected {a + b}, got HTTP {status}: {body[:500]!r}")

    async def _stop(self) -> None:
        if self._lifespan is not None:
            await self._events.put({"type": "lifespan.shutdown"})
            await self._lifespan

    async def _post(
        self, message: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        body = json.dumps(message).encode()
        all_headers = {"host": HOST, "content-length": str(len(body)), **self._headers, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/mcp",
            "raw_path": b"/mcp",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        request = [{"type": "http.request", "body": body, "more_body": False}]
        status, answer_headers, parts = 0, {}, []

        async def receive() -> dict[str, Any]:
            if request:
                return request.pop()
            return await asyncio.get_running_loop().create_future()  # no disconnect

        async def send(event: dict[str, Any]) -> None:
            nonlocal status, answer_headers
            if event["type"] == "http.response.start":
                status = event["status"]
                answer_headers = {n.decode().lower(): v.decode() for n, v in event["headers"]}
            else:
                parts.append(event.get("body", b""))

        await self._app(scope, receive, send)
        return status, answer_headers, b"".join(parts)
