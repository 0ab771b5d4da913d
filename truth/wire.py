"""HTTP/1.1 and MCP of the server of known behaviour, with the faults that are faults of its answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from faults import App

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
TOOLS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    },
    {
        "name": "echo",
        "description": "Return the text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
    {"name": "fail", "description": "Return a tool error.", "inputSchema": {"type": "object"}},
]
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/app/server.py", line 41, in call_tool\n'
    "    return self.tools[name](**arguments)\nKeyError: 'connection'\n"
)
REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, kept alive; requests are answered in order, one at a time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._waiting: set[float] = set()
        self._account = app.account

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._app.account.connections += 1
        self._transport = transport  # type: ignore[assignment] # a TCP transport

    def connection_lost(self, _error: Exception | None) -> None:
        """Give up the calls that still wait."""
        self._transport = None
        for _ in self._waiting:
            self._account.abandon()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Answer each whole request in the buffer."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            request_line, _, rest = self._buffer[:end].decode("latin-1").partition("\r\n")
            headers = {}
            for line in rest.split("\r\n"):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            method, path, _ = request_line.split(" ", 2)
            self._handle(method, path, headers, body)

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        app = self._app
        # The lab makes calls of its own, for instance to see what hung a call.
        counted = app.modes.counted_agent in headers.get("user-agent", "")
        self._account = app.account if counted else app.uncounted
        if path == "/truth":
            self._send_json(200, app.account.document())
        elif path == "/metrics" and app.modes.gauges:
            self._send(200, f"mcp_sessions_open {len(app.sessions)}\n".encode(), "text/plain")
        elif path != "/mcp":
            self._send(404, b"")
        elif app.modes.hang_everything and app.behaviour.hangs() and b'"tools/call"' not in body:
            return  # a call is counted first
        elif method == "POST":
            self._post(headers, body)
        elif method == "DELETE" and headers.get("mcp-session-id", "") in app.sessions:
            app.sessions.delete(headers["mcp-session-id"])
            self._send(200, b"")
        else:
            self._send(404 if method == "DELETE" else 405, b"")

    def _post(self, headers: dict[str, str], body: bytes) -> None:
        try:
            message = json.loads(body)
            method = message["method"]
        except (ValueError, KeyError, TypeError):
            self._send_json(400, _error(None, -32700, "expected a JSON-RPC message"))
            return
        wire = "stateless" if headers.get("mcp-protocol-version") == STATELESS_REVISION else "session"
        if self._app.modes.wire not in {"", wire}:
            self._send_json(400, _error(message.get("id"), -32022, f"the {wire} wire is not offered"))
            return
        session = headers.get("mcp-session-id", "")
        if wire == "session" and method != "initialize" and session not in self._app.sessions:
            if method == "tools/call":
                self._account.end(self._account.begin(), "session_lost")
            self._send_json(404 if session else 400, _error(message.get("id"), -32001, "no such session"))
            return
        if "id" not in message:
            self._send(202, b"")
        elif method == "tools/call":
            self._call(message, session)
        else:
            self._answer_other(message, method)

    def _answer_other(self, message: dict[str, Any], method: str) -> None:
        app, extra = self._app, {}
        if method == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": SESSION_REVISION,
                "capabilities": {"tools": {}},
                "serverInfo": app.server_info(),
            }
            extra = {"Mcp-Session-Id": app.sessions.open()}
        elif method == "server/discover":
            result = {
                "resultType": "complete",
                "supportedVersions": [STATELESS_REVISION],
                "capabilities": {"tools": {}},
                "ttlMs": 0,
                "cacheScope": "private",
                "_meta": {f"{PREFIX}serverInfo": app.server_info()},
            }
        elif method == "tools/list":
            result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": TOOLS}
        elif method == "ping":
            result = {}
        else:
            self._send_json(200, _error(message["id"], -32601, f"there is no method {method}"))
            return
        self._send_json(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, extra)

    def _call(self, message: dict[str, Any], session: str) -> None:
        app = self._app
        began = self._account.begin()
        while began in self._waiting:
            began += 1e-9
        self._waiting.add(began)
        number = app.account.received + app.uncounted.received
        outcome = "hang" if app.behaviour.hangs() else app.behaviour.outcome(number)
        if outcome == "hang":
            return
        if outcome == "elicit":
            self._ask_client()
            return

        def answer() -> None:
            # A process that stands still or hangs answers nothing that it has begun, either.
            if self._transport is None or app.behaviour.hangs():
                return
            self._waiting.discard(began)
            if session:
                app.sessions.use(session)
            self._answer_call(message, outcome)
            self._account.end(began, outcome)
            app.losses.after_call(number)

        app.behaviour.serve(answer, outcome)

    def _ask_client(self) -> None:
        request = {
            "jsonrpc": "2.0",
            "id": f"ask-{next(self._app.asked)}",
            "method": "elicitation/create",
            "params": {
                "message": "Which unit?",
                "requestedSchema": {"type": "object", "properties": {"unit": {"type": "string"}}},
            },
        }
        event = f"event: message\ndata: {json.dumps(request)}\n\n".encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._write(head.encode() + f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _answer_call(self, message: dict[str, Any], outcome: str) -> None:
        if outcome == "reset":
            if self._transport is not None:
                self._transport.abort()
            return
        if outcome == "http_500":
            self._send(500, TRACEBACK.encode(), "text/plain")
            return
        if outcome in {"http_503", "http_429"}:
            self._send(int(outcome[-3:]), b"busy", "text/plain", {"Retry-After": "1"})
            return
        body = call_body(message, outcome)
        if self._app.modes.sse:
            self._send(200, b"event: message\ndata: " + body + b"\n\n", "text/event-stream")
        else:
            self._send(200, body, "application/json")

    def _send_json(self, status: int, document: Any, extra: dict[str, str] | None = None) -> None:
        self._send(status, _dumps(document), "application/json", extra)

    def _send(
        self, status: int, body: bytes, kind: str = "text/plain", extra: dict[str, str] | None = None
    ) -> None:
        closes = self._app.modes.close_connections
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            f"Content-Length: {len(body)}",
            f"Content-Type: {kind}",
        ]
        lines += [f"{name}: {value}" for name, value in (extra or {}).items()]
        if closes:
            lines.append("Connection: close")
        self._write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if closes and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def call_body(message: dict[str, Any], outcome: str) -> bytes:
    """Return the body of an answer to ``tools/call``, with the fault of that name."""
    params, identifier = message["params"], message["id"]
    tool, arguments = params.get("name"), params.get("arguments") or {}
    if outcome == "rpc_error":
        error = {"code": -32603, "message": "internal error", "data": {"result": {}}}
        return _dumps({"jsonrpc": "2.0", "id": identifier, "error": error})
    if outcome == "wrong_id":
        identifier += 1
    result = _result(tool, arguments, outcome)
    if outcome == "meta_only":
        hidden = {"content": [{"type": "text", "text": ""}], "isError": False}
        result = {"_meta": result, **hidden}
    body = _dumps({"jsonrpc": "2.0", "id": identifier, "result": {"resultType": "complete", **result}})
    if outcome == "truncate":
        return body[:-2]
    if outcome == "garbage":
        return body + b"]}<html>"
    return body


def _result(tool: str, arguments: dict[str, Any], outcome: str) -> dict[str, Any]:
    if outcome == "is_error" or (tool == "fail" and outcome != "soft_error"):
        return {"content": [{"type": "text", "text": "it failed"}], "isError": True}
    if outcome == "soft_error":
        content = {"note": {"isError": True}}
        text = _dumps(content).decode()
        return {"content": [{"type": "text", "text": text}], "structuredContent": content, "isError": False}
    if tool == "echo":
        text = str(arguments.get("text", ""))
        if outcome in {"wrong", "prefix"}:
            text += "!"
        return {"content": [{"type": "text", "text": text}], "isError": False}
    total = arguments["a"] + arguments["b"]
    if outcome == "wrong":
        total += 1
    if outcome == "prefix":
        total = int(f"{total}1")
    return {
        "content": [{"type": "text", "text": str(total)}],
        "structuredContent": {"result": total},
        "isError": False,
    }


def _error(identifier: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
