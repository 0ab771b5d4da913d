"""A server for tests that answers each request as a test's function says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

Script = Callable[[bytes, Any], bytes | None]
"""Returns the response to a request, given its head and its message; None closes the connection."""


def response(status: int, message: Any = None, *headers: str) -> bytes:
    body = b"" if message is None else json.dumps(message).encode()
    lines = [f"HTTP/1.1 {status} Status", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def result(request: Any, value: Any) -> bytes:
    content = {"content": [{"type": "text", "text": "x"}], "structuredContent": {"result": value}}
    return response(200, {"jsonrpc": "2.0", "id": request["id"], "result": content})


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[int]:
    """Run a server and yield its port."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
                ]
                body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
                answer = script(head, json.loads(body) if body else None)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
