"""Conversations of clients that people have, as they are on the wire: headers, order of keys, and `_meta`.

Written down from the sources of the clients and from their traffic: Claude Code and VS Code with the
TypeScript SDK's headers or their own, Codex with Rust's rmcp, and the SDKs themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from in_memory import Headers, Request

PREFIX = "io.modelcontextprotocol/"
BOTH = "application/json, text/event-stream"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class SessionClient:
    """A client with sessions.

    Attributes:
        headers: Headers of each of its requests.
        version: Revision that it offers.
        calls: Parameters of its tool calls; `echo` is the tool.
        params: Parameters of all its other requests; None leaves them out.
        sends_version: Whether requests in the session carry `MCP-Protocol-Version`.
        opening: Further parameters of its `initialize`.
        requests: What it asks before it calls tools.
    """

    headers: dict[str, str]
    version: str
    calls: tuple[dict[str, Any], ...]
    params: dict[str, Any] | None = None
    sends_version: bool = True
    opening: dict[str, Any] = field(default_factory=dict)
    requests: tuple[str, ...] = ("tools/list",)

    def initialize(self) -> Request:
        params = {
            "protocolVersion": self.version,
            "capabilities": {"roots": {"listChanged": True}, "elicitation": {}},
            "clientInfo": {"name": "client", "title": "A client", "version": "1.2.3"},
            **self.opening,
        }
        return self._post(
            {"method": "initialize", "params": params, "jsonrpc": "2.0", "id": 0}, session=False
        )

    def initialized(self) -> Request:
        return self._post({"method": "notifications/initialized", "jsonrpc": "2.0"})

    def request(self, method: str, identity: int) -> Request:
        params = {} if self.params is None else {"params": self.params}
        return self._post({"method": method, **params, "jsonrpc": "2.0", "id": identity})

    def call(self, params: dict[str, Any], identity: int) -> Request:
        return self._post({"method": "tools/call", "params": params, "jsonrpc": "2.0", "id": identity})

    def _post(self, message: dict[str, Any], *, session: bool = True) -> Request:
        own: Headers = [(b"mcp-session-id", b"session 0")] if session else []
        if session and self.sends_version:
            own.append((b"mcp-protocol-version", self.version.encode()))
        return Request("POST", [*as_headers(self.headers), *own], json.dumps(message).encode())


def as_headers(headers: Mapping[str, Any]) -> Headers:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


ARGUMENTS = {"text": "hi"}
TYPESCRIPT = {
    "accept": BOTH,
    "content-type": "application/json",
    "accept-language": "*",
    "sec-fetch-mode": "cors",
    "user-agent": "node",
    "accept-encoding": "gzip, deflate",
}
VS_CODE = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream, application/json",
    "user-agent": "Visual Studio Code/1.109",
}

SESSION_CLIENTS: dict[str, SessionClient] = {
    "TypeScript SDK": SessionClient(
        TYPESCRIPT,
        "2025-11-25",
        (
            {"name": "echo", "arguments": ARGUMENTS},
            {"name": "echo", "arguments": ARGUMENTS, "_meta": {"progressToken": 3}},
        ),
    ),
    "Claude Code": SessionClient(
        {**TYPESCRIPT, "user-agent": "claude-code/2.1.153 (cli)"},
        "2025-11-25",
        tuple(
            {
                "name": "echo",
                "arguments": ARGUMENTS,
                "_meta": {"claudecode/toolUseId": f"toolu_01{number}", "progressToken": number},
            }
            for number in (4, 5)
        ),
        requests=("tools/list", "prompts/list", "resources/list", "ping"),
    ),
    "VS Code": SessionClient(
        {name.lower(): value for name, value in VS_CODE.items()},
        "2025-11-25",
        tuple(
            {
                "name": "echo",
                "arguments": ARGUMENTS,
                "_meta": {
                    "progressToken": f"0b5c9d0e-6a9e-4a43-9d7c-0e6d6f2f9f6{number}",
                    "vscode.conversationId": "8e1ae9b6",
                    "vscode.requestId": f"request_{number}",
                    "traceparent": TRACEPARENT,
                    "tracestate": "vendor=value",
                },
            }
            for number in (1, 2)
        ),
        params={},
    ),
    "Codex": SessionClient(
        {"accept": "text/event-stream, application/json", "content-type": "application/json"},
        "2025-06-18",
        tuple(
            {
                "_meta": {
                    "progressToken": number,
                    "x-codex-turn-metadata": {"session_id": "s", "turn_id": str(number), "sandbox": None},
                    "threadId": "t",
                },
                "name": "echo",
                "arguments": ARGUMENTS,
            }
            for number in (0, 1)
        ),
        params={"_meta": {"progressToken": 9}},
    ),
    "traced Python SDK": SessionClient(
        {"accept": BOTH, "content-type": "application/json", "connection": "keep-alive"},
        "2025-11-25",
        (
            {"name": "echo", "arguments": ARGUMENTS, "_meta": {"traceparent": TRACEPARENT}},
            {"name": "echo", "arguments": ARGUMENTS, "_meta": {"progressToken": 2, "traceparent": "x"}},
        ),
        params={"_meta": {"traceparent": TRACEPARENT}},
        opening={"_meta": {"traceparent": TRACEPARENT}},
    ),
    "C# SDK": SessionClient(
        {"accept": BOTH, "content-type": "application/json; charset=utf-8"},
        "2025-06-18",
        ({"name": "echo", "arguments": ARGUMENTS, "_meta": {"progressToken": "a"}}, {"name": "silent"}),
        params={},
    ),
    "before the version header": SessionClient(
        {"accept": BOTH, "content-type": "application/json"},
        "2025-03-26",
        ({"name": "echo", "arguments": ARGUMENTS}, {"name": "silent", "arguments": None}),
        params={"cursor": None},
        sends_version=False,
    ),
    "the first revision": SessionClient(
        {"accept": "*/*", "content-type": "application/json"},
        "2024-11-05",
        ({"name": "echo", "arguments": ARGUMENTS}, {"arguments": ARGUMENTS, "name": "echo"}),
        sends_version=False,
    ),
}


def stateless(meta: dict[str, Any], params: dict[str, Any] | None = None) -> Request:
    """Return a call on the stateless wire as the Python SDK sends it."""
    envelope = {
        f"{PREFIX}protocolVersion": "2026-07-28",
        f"{PREFIX}clientInfo": {"name": "mcp", "version": "0.1.0"},
        f"{PREFIX}clientCapabilities": {"sampling": {}, "roots": {"listChanged": True}},
    }
    named = {"name": "echo", "arguments": ARGUMENTS} if params is None else params
    body = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"_meta": {**meta, **envelope}, **named},
    }
    headers = {
        "accept": BOTH,
        "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": named["name"],
    }
    return Request("POST", as_headers(headers), json.dumps(body).encode())


STATELESS_CALLS: dict[str, Request] = {
    "bare": stateless({}),
    "progress token": stateless({"progressToken": 3}),
    "trace context": stateless({"traceparent": TRACEPARENT, "tracestate": "a=b"}),
    "log level": stateless({f"{PREFIX}logLevel": "debug"}),
    "Claude Code": stateless({"claudecode/toolUseId": "toolu_01A", "progressToken": 2}),
    "VS Code": stateless(
        {"progressToken": "0b5c", "vscode.conversationId": "8e1a", "traceparent": TRACEPARENT}
    ),
    "Codex": stateless({"x-codex-turn-metadata": {"turn_id": "1", "nested": [{"deep": None}]}}),
    "without arguments": stateless({}, {"name": "silent"}),
    "null for arguments": stateless({}, {"name": "silent", "arguments": None}),
}
