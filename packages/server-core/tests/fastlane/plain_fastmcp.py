"""An app served by FastMCP alone and by server_core, and requests whose responses arrive piece by piece."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastmcp import FastMCP
from in_memory import MemorySettings, Request, _scope

from server_core import ServedApp, create_app

WAYS = ("FastMCP", "lane")


@asynccontextmanager
async def served(way: str, mcp: FastMCP[Any], *, json_response: bool, **options: Any) -> AsyncIterator[Any]:
    """Yield the ASGI app that serves `mcp`; `options` are those for streams that clients can resume."""
    if way == "FastMCP":
        interval_ms = options.pop("retry_interval_ms", None)
        app = mcp.http_app(
            path="/mcp",
            json_response=json_response,
            host_origin_protection=False,
            retry_interval=interval_ms,
            **options,
        )
        async with app.lifespan(app):
            yield app
    else:
        settings = MemorySettings(json_response=json_response, request_timeout_s=600)
        own = create_app(mcp, settings, **options)
        async with own.lifespan():
            yield own


def lane_calls(app: Any) -> int:
    """Return how many calls the lane has answered; FastMCP alone has none."""
    return app._lane.answered if isinstance(app, ServedApp) and app._lane is not None else 0


@dataclass
class Exchange:
    """A request in progress, with the messages of its response so far."""

    messages: list[Any] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self, app: Any, request: Request, session: str = "") -> Exchange:
        """Send a request."""
        headers = [(b"host", b"127.0.0.1:8000"), *request.headers]
        headers = [(name, value.replace(b"session 0", session.encode())) for name, value in headers]
        bodies = iter([{"type": "http.request", "body": request.body, "more_body": False}])

        async def receive() -> Any:
            for body in bodies:
                return body
            await self._disconnected.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if not self._disconnected.is_set():
                self.messages.append(message)
                self._arrived.set()

        self._task = asyncio.create_task(app(_scope(request.method, headers), receive, send))
        return self

    async def until(self, holds: Callable[[Exchange], bool]) -> None:
        """Wait until the messages so far fulfil a condition."""
        async with asyncio.timeout(30):
            while not holds(self):
                self._arrived.clear()
                await self._arrived.wait()

    def disconnect(self) -> None:
        """Close the connection."""
        self._disconnected.set()

    async def end(self) -> Exchange:
        """Wait until the app is done with the request."""
        assert self._task is not None
        await asyncio.wait_for(self._task, 30)
        return self

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def chunks(self) -> list[bytes]:
        return [message["body"] for message in self.messages[1:] if message["body"]]

    @property
    def pings(self) -> list[bytes]:
        return [chunk for chunk in self.chunks if chunk.startswith(b":")]

    @property
    def events(self) -> list[dict[str, str]]:
        """The events of a stream, with their fields."""
        blocks = b"".join(chunk for chunk in self.chunks if not chunk.startswith(b":")).decode()
        return [
            dict(line.partition(": ")[::2] for line in block.split("\r\n"))
            for block in blocks.split("\r\n\r\n")
            if block
        ]

    @property
    def answer(self) -> Any:
        """The JSON-RPC message with the answer, in a stream or not."""
        if self.headers["content-type"] == "application/json":
            return json.loads(b"".join(self.chunks))
        return json.loads(self.events[-1]["data"])


async def exchange(app: Any, request: Request, session: str = "") -> Exchange:
    """Send a request and return the whole exchange."""
    return await Exchange().start(app, request, session).end()
