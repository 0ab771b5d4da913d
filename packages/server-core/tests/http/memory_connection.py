"""A connection to an app in memory, with the test as its client, and the requests that it sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from server_core.http.protocol import protocol_class
from server_core.http.strict_protocol import StrictProtocol

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

ANN, BOB = "ann" * 8, "bob" * 8
HEAD = {
    "Host": "127.0.0.1:8000",
    "User-Agent": "test/1",
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Pipe(asyncio.Transport):
    """A transport that records what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 50000)}.get(name, default)

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write_eof(self) -> None:
        self.is_closed = True  # what follows is dropped until the client closes


class Connection:
    """A connection to an app, with the test as the client."""

    def __init__(self, app: Any, *, shortcut: bool = True) -> None:
        protocol = (
            protocol_class(app.immediate_calls, "/mcp", app.seen_by_app) if shortcut else StrictProtocol
        )
        config = Config(app, http=protocol, log_config=None, access_log=False, lifespan="off")
        self.loop = asyncio.get_running_loop()
        self._context = copy_context()  # all reads of a connection share a context, as in a server
        self.protocol: Any = protocol(config, ServerState(), {}, self.loop)
        self.pipe = Pipe()
        self.protocol.connection_made(self.pipe)

    async def send(self, *reads: bytes) -> None:
        """Send each argument as one read, and run the callbacks that are ready."""
        for read in reads:
            if not self.pipe.is_closed:
                self.loop.call_soon(self.protocol.data_received, read, context=self._context)
            for _ in range(20):
                await asyncio.sleep(0)

    async def received(self, answers: int) -> bytes:
        """Return all data received, once it has this many responses or the connection is closed."""
        async with asyncio.timeout(30):
            while self.pipe.written.count(b"HTTP/1.1 ") < answers and not self.pipe.is_closed:  # noqa: ASYNC110 - a transport has no event
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
        return self.pipe.written

    async def exchange(self, *reads: bytes, answers: int = 1) -> bytes:
        """Send data and return the responses to it."""
        before = len(self.pipe.written)
        so_far = self.pipe.written.count(b"HTTP/1.1 ")
        await self.send(*reads)
        return (await self.received(so_far + answers))[before:]

    def close(self) -> None:
        self.pipe.close()
        self.protocol.connection_lost(None)
        if self.protocol.timeout_keep_alive_task is not None:
            self.protocol.timeout_keep_alive_task.cancel()


@contextlib.asynccontextmanager
async def connected(app: Any, serving: Serving, *, shortcut: bool = True) -> AsyncIterator[Connection]:
    async with serving(app):
        connection = Connection(app, shortcut=shortcut)
        # A client's first request takes the usual way, because the guard has not admitted its Host yet.
        await connection.exchange(call("echo", text="first", token=ANN))
        yield connection
        connection.close()


@contextlib.asynccontextmanager
async def connected_beside(app: Any, *, shortcut: bool = False) -> AsyncIterator[Connection]:
    connection = Connection(app, shortcut=shortcut)
    yield connection
    connection.close()


def post(body: Any, headers: dict[str, str], *, line: str = "POST /mcp HTTP/1.1") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{name}: {value}" for name, value in {**HEAD, **headers}.items()]
    lines.insert(2, f"Content-Length: {len(content)}")
    return "\r\n".join([line, *lines, "", ""]).encode() + content


def call(tool: str, token: str | None = None, more: dict[str, str] | None = None, **arguments: Any) -> bytes:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    headers = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return post(message, {**headers, **(more or {})})


def in_session(session: str, method: str, params: dict[str, Any], **more: str) -> bytes:
    headers = {"Mcp-Protocol-Version": "2025-11-25", "Mcp-Session-Id": session, **more}
    return post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, headers)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def result_of(answer: bytes) -> Any:
    result = json.loads(answer.partition(b"\r\n\r\n")[2])["result"]
    return result["structuredContent"]["result"]
