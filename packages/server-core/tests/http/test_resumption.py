"""A client that wants the rest of a stream from a server that keeps no events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from socket_client import connected_to, post

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PARAMS = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "client", "version": "1"},
}


async def test_a_client_that_wants_to_resume_gets_a_stream(shared_server: Any) -> None:
    opening = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PARAMS}).encode()
    async with connected_to(shared_server.url) as client:
        session = (await client.exchange(post(opening))).headers["mcp-session-id"]
        lines = [
            "GET /mcp HTTP/1.1",
            "Host: 127.0.0.1",
            "Accept: text/event-stream",
            f"Mcp-Session-Id: {session}",
            "Mcp-Protocol-Version: 2025-11-25",
            "Last-Event-ID: 5",
        ]
        await client.send("\r\n".join([*lines, "", ""]).encode())
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert b"text/event-stream" in head
