"""An MCP server that lets not everybody in, and its authorization server; it needs only the standard library.

It adds, on both wires. What a test changes while it runs are the attributes of :class:`Server`.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

WELL_KNOWN = "/.well-known"


class Server(ThreadingHTTPServer):
    """The server.

    Attributes:
        tokens: Bearer tokens that are accepted; None lets everybody in.
        header: Further header and its value that are demanded; None for none.
        redirects: Status and address of the answer to a POST, by path.
        revisions: Revisions of the session wire that it speaks, the newest first.
        refuses_revisions: Whether it refuses other revisions rather than choosing its own.
        wires: Wires that it offers.
        is_legacy: Whether it speaks HTTP+SSE at ``/sse`` instead.
        statuses: Status of the answer to a POST, by path, with its body.
        announces: Whether status 401 names the metadata of the resource.
        metadata_is_missing: Whether there is nothing at the well-known addresses.
        client: Id and secret of the client of the authorization server.
        auth_methods: Methods that the authorization server lists and accepts.
        lifetime_s: Lifetime of its tokens; None for tokens without an end.
        is_down: Whether the authorization server answers 503.
        grants: Forms of all token requests, in order.
        seen: Method, path and headers of all requests to the MCP server, in order.
        identities: Calls of tools by the value of Authorization.
        tool: Name of its tool.
        info: Name and version that it reports.
        echoes: Text that every answer of a tool repeats, such as a secret.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: Any = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        shown = f"[{host}]" if ":" in host else host
        self.origin = f"{'http' if tls is None else 'https'}://{shown}:{self.server_port}"
        self.url = f"{self.origin}/mcp"
        self.tokens: set[str] | None = None
        self.header: tuple[str, str] | None = None
        self.redirects: dict[str, tuple[int, str]] = {}
        self.revisions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
        self.refuses_revisions = False
        self.wires = {"session", "stateless"}
        self.is_legacy = False
        self.statuses: dict[str, tuple[int, str, str]] = {}
        self.announces = True
        self.metadata_is_missing = False
        self.client = ("lab", "s3cr3t/+ of the client")
        self.auth_methods = ["client_secret_basic"]
        self.lifetime_s: float | None = 3600.0
        self.is_down = False
        self.grants: list[dict[str, str]] = []
        self.issued: dict[str, float] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.identities: Counter[str] = Counter()
        self.echoes = ""
        self.streams: dict[str, Any] = {}
        self.info = {"name": "guarded", "version": "1"}
        self.tool = "add"
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the test's output clean: clients break connections on purpose."""

    def is_accepted(self, authorization: str) -> bool:
        """Return whether a bearer token is valid now."""
        if self.tokens is None:
            return True
        token = authorization.removeprefix("Bearer ")
        expires_s = self.issued.get(token)
        return token in self.tokens and (expires_s is None or time.time() < expires_s)

    def grant(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return the answer to a token request."""
        self.grants.append({**form, "authorization": authorization})
        if self.is_down:
            return 503, {"error": "temporarily_unavailable"}
        if authorization.startswith("Basic "):
            method = "client_secret_basic"
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            given = tuple(unquote_plus(part) for part in pair.split(":"))
        else:
            method = "client_secret_post"
            given = (form.get("client_id", ""), form.get("client_secret", ""))
        if given != self.client or method not in self.auth_methods:
            return 401, {"error": "invalid_client", "error_description": "unknown client or wrong secret"}
        if form.get("scope") == "forbidden":
            return 400, {"error": "invalid_scope"}
        token = f"issued-token-{len(self.issued) + 1}"
        self.issued[token] = float("inf") if self.lifetime_s is None else time.time() + self.lifetime_s
        self.tokens = {*(self.tokens or ()), token}
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        return 200, answer if self.lifetime_s is None else {**answer, "expires_in": self.lifetime_s}


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self):
        path = urlsplit(self.path).path
        if path in {"/mcp", "/sse"}:
            self.note()
        if path.startswith(WELL_KNOWN):
            self.describe(path)
        elif path == "/sse" and self.server.is_legacy:
            if self.server.is_accepted(self.headers.get("Authorization", "")):
                self.stream()
            else:
                self.reply(401)
        elif path == "/health":
            self.reply(200, json.dumps({"uptime_s": time.monotonic()}))
        else:
            self.reply(405)

    def describe(self, path):
        server = self.server
        resource = {
            "resource": server.url,
            "authorization_servers": [f"{server.origin}/tenant"],
            "scopes_supported": ["tools:read", "tools:call"],
        }
        documents = {
            f"{WELL_KNOWN}/oauth-protected-resource": resource,
            f"{WELL_KNOWN}/oauth-protected-resource/mcp": resource,
            f"{WELL_KNOWN}/oauth-authorization-server/tenant": {
                "issuer": f"{server.origin}/tenant",
                "token_endpoint": f"{server.origin}/token",
                "token_endpoint_auth_methods_supported": server.auth_methods,
            },
        }
        document = None if self.server.metadata_is_missing else documents.get(path)
        self.reply(404 if document is None else 200, json.dumps(document))

    def do_DELETE(self):
        self.note()
        self.reply(200)

    def do_POST(self):
        server, path = self.server, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if path == "/token":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            status, document = server.grant(form, self.headers.get("Authorization", ""))
            self.reply(status, json.dumps(document))
            return
        self.note()
        if path in server.redirects:
            status, location = server.redirects[path]
            self.reply(status, "", {"Location": location})
        elif path in server.statuses:
            status, kind, text = server.statuses[path]
            self.reply(status, text, {"Content-Type": kind})
        elif server.is_legacy and path == "/sse":
            self.reply(405)
        elif not server.is_accepted(self.headers.get("Authorization", "")):
            metadata = f"{server.origin}{WELL_KNOWN}/oauth-protected-resource/mcp"
            announced = f', resource_metadata="{metadata}", scope="tools:call"' if server.announces else ""
            challenge = f'Bearer error="invalid_token", error_description="it has \\"expired\\""{announced}'
            self.reply(401, '{"error": "invalid_token"}', {"WWW-Authenticate": challenge})
        elif server.header and self.headers.get(server.header[0]) != server.header[1]:
            self.reply(403, f"expected the header {server.header[0]}")
        elif server.is_legacy:
            self.legacy_message(path, body)
        else:
            self.mcp(json.loads(body))

    def note(self):
        with self.server.lock:
            self.server.seen.append((self.command, self.path, dict(self.headers)))

    def mcp(self, message):
        if "id" not in message:
            self.reply(202)
            return
        wire = "stateless" if self.headers.get("Mcp-Method") else "session"
        if wire not in self.server.wires:
            text = json.dumps(failure(message, -32601, f"no method {message['method']}"))
            self.reply(400, text)
            return
        name = message.get("params", {}).get("name")
        if wire == "stateless" and name is not None and decoded(self.headers.get("Mcp-Name", "")) != name:
            self.reply(400, json.dumps(failure(message, -32020, "the header differs from the body")))
            return
        answer = answer_to(self.server, message, self.headers.get("Authorization", ""))
        session = {"Mcp-Session-Id": "s1"} if message["method"] == "initialize" else {}
        self.reply(200, json.dumps(answer, separators=(",", ":")), session)

    def stream(self):
        """Serve a stream of HTTP+SSE until the client closes it."""
        server = self.server
        name = str(len(server.streams))
        server.streams[name] = self
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.send_event("endpoint", f"/messages?session_id={name}")
        self.close_connection = True
        while self.rfile.read(1):
            pass

    def send_event(self, event, data):
        self.wfile.write(f"event: {event}\r\ndata: {data}\r\n\r\n".encode())
        self.wfile.flush()

    def legacy_message(self, path, body):
        stream = self.server.streams.get(parse_qs(urlsplit(self.path).query).get("session_id", [""])[0])
        if path != "/messages" or stream is None:
            self.reply(404 if path != "/sse" else 405)
            return
        message = json.loads(body)
        self.reply(202, "Accepted")
        if "id" in message:
            answer = answer_to(self.server, message, self.headers.get("Authorization", ""))
            stream.send_event("message", json.dumps(answer))

    def reply(self, status, text="", headers=None):
        content = text.encode()
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def decoded(value: str) -> str:
    """Return the text of a header that may be encoded."""
    if value.startswith("=?base64?") and value.endswith("?="):
        return base64.b64decode(value.removeprefix("=?base64?").removesuffix("?=")).decode()
    return value


def serve_legacy(port: int) -> None:
    """Serve HTTP+SSE at a port until the process ends."""
    server = Server(port=port)
    server.is_legacy = True
    server.serve_forever(0.01)


def failure(message, code, text, data=None):
    error = {"code": code, "message": text, **({} if data is None else {"data": data})}
    return {"jsonrpc": "2.0", "id": message["id"], "error": error}


def answer_to(server: Server, message: dict[str, Any], authorization: str) -> dict[str, Any]:
    """Return the answer of the MCP server."""
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        asked = params["protocolVersion"]
        if asked not in server.revisions and server.refuses_revisions:
            return failure(message, -32602, "Unsupported protocol version", {"supported": server.revisions})
        chosen = asked if asked in server.revisions else server.revisions[0]
        result: dict[str, Any] = {"protocolVersion": chosen, "capabilities": {}, "serverInfo": server.info}
    elif method == "server/discover":
        result = {"_meta": {"io.modelcontextprotocol/serverInfo": server.info}}
    elif method == "tools/list":
        schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
        result = {
            "tools": [{"name": server.tool, "inputSchema": schema, "annotations": {"readOnlyHint": True}}]
        }
    elif method == "tools/call" and params["name"] == server.tool:
        with server.lock:
            server.identities[authorization] += 1
        total = params["arguments"].get("a", 0) + params["arguments"].get("b", 0)
        text = f"{total}{server.echoes}"
        result = {"content": [{"type": "text", "text": text}], "structuredContent": {"result": total}}
    elif method == "ping":
        result = {}
    else:
        return failure(message, -32601, f"no method {method}")
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


if __name__ == "__main__":
    serve_legacy(int(sys.argv[1]))
