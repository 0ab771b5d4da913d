"""Tool calls as different clients send them: the same call of `add` with different `_meta`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from perf_core.adapter import Wire

PREFIX: Final = "io.modelcontextprotocol/"
ENVELOPE: Final = {f"{PREFIX}protocolVersion": "2026-07-28", f"{PREFIX}clientCapabilities": {}}
BOTH_TYPES: Final = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
INITIALIZE: Final = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "shapes", "version": "1"},
}


def _traceparent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


SHAPES: Final[Mapping[str, Callable[[int], dict[str, Any]]]] = {
    "bare": lambda _number: {},
    "progress token": lambda number: {"progressToken": number},
    "trace context": lambda number: {"traceparent": _traceparent(number)},
    "log level": lambda _number: {f"{PREFIX}logLevel": "info"},
    "Claude Code": lambda number: {
        "claudecode/toolUseId": f"toolu_01{number:022d}",
        "progressToken": number,
    },
    "VS Code": lambda number: {
        "progressToken": f"0b5c9d0e-6a9e-4a43-9d7c-{number:012x}",
        "vscode.conversationId": "8e1ae9b6-4d35-4d3c-8a0c-0b9d6f3f1c55",
        "vscode.requestId": f"request_{number:032x}",
        "traceparent": _traceparent(number),
    },
}
"""The `_meta` of the n-th call, without the envelope of the stateless wire."""


def call(shape: str, wire: Wire, number: int) -> dict[str, Any]:
    """Return the JSON-RPC message of the n-th call in a shape."""
    meta = SHAPES[shape](number)
    if wire == "stateless":
        meta = {**ENVELOPE, **meta}
    params: dict[str, Any] = {"name": "add", "arguments": {"a": number, "b": 0.5}}
    if meta:
        params["_meta"] = meta
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def headers(wire: Wire, session: str) -> dict[str, str]:
    """Return the headers of a call; `session` is empty if there is none."""
    if wire == "stateless":
        own = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "add"}
    else:
        own = {"Mcp-Protocol-Version": "2025-11-25"}
        if session:
            own["Mcp-Session-Id"] = session
    return {**BOTH_TYPES, **own}


def request_bytes(url_path: str, host: str, fields: Mapping[str, str], message: Mapping[str, Any]) -> bytes:
    """Return a POST with head and body in one piece."""
    body = json.dumps(message, separators=(",", ":")).encode()
    lines = [f"POST {url_path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
