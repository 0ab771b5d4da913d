"""Requests and responses of both wires as bytes; pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REVISIONS = {"session": "2025-11-25", "stateless": "2026-07-28"}
"""Protocol revision of each wire."""

META = {
    "io.modelcontextprotocol/protocolVersion": REVISIONS["stateless"],
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response.

    Attributes:
        headers: Headers by name in lower case; of several with one name, the last.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def message(self) -> Any:
        """The JSON-RPC message in the body, also if it is the last event of a stream; None without one."""
        text = self.body
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            data = [line[5:].strip() for line in text.splitlines() if line.startswith(b"data:")]
            text = data[-1] if data else b""
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Identity:
    """A client of the server, as its requests show it.

    Attributes:
        token: Bearer token; empty for none.
        session: Session id on the session wire; empty on the stateless wire.
    """

    token: str = ""
    session: str = ""


def http_request(line: str, headers: Sequence[str], body: bytes = b"") -> bytes:
    """Return a request with these header lines, and with a length if it has a body."""
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([line, "Host: 127.0.0.1", *headers, *length, "", ""]).encode("latin-1") + body


def post(message: Any, identity: Identity, *headers: str, path: str = "/mcp") -> bytes:
    """Return a POST of a message (JSON value or bytes) by a client."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return http_request(f"POST {path} HTTP/1.1", [*_client_headers(identity), *headers], body)


def request(
    method: str, params: Mapping[str, Any], identity: Identity, number: int = 1, *headers: str
) -> bytes:
    """Return a request of a method, on the session wire if the client has a session."""
    if identity.session:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)}
        return post(message, identity, *headers)
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": META}}
    own = [f"Mcp-Method: {method}", *([f"Mcp-Name: {params['name']}"] if "name" in params else [])]
    return post(message, identity, *own, *headers)


def call(
    tool: str, arguments: Mapping[str, Any], identity: Identity, number: int = 1, *headers: str
) -> bytes:
    """Return a call of a tool."""
    return request("tools/call", {"name": tool, "arguments": dict(arguments)}, identity, number, *headers)


def initialize(token: str, changes: Mapping[str, Any] | None = None) -> bytes:
    """Return the opening of a session, with some of its parameters changed."""
    params = {
        "protocolVersion": REVISIONS["session"],
        "capabilities": {},
        "clientInfo": {"name": "attack", "version": "1"},
        **(changes or {}),
    }
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    # Without a session there is no revision to name yet.
    return http_request(
        "POST /mcp HTTP/1.1", [*_json_headers(), *_authorization(token)], json.dumps(opening).encode()
    )


def initialized(identity: Identity) -> bytes:
    """Return the notification that ends a handshake."""
    return post({"jsonrpc": "2.0", "method": "notifications/initialized"}, identity)


def delete(identity: Identity) -> bytes:
    """Return the end of a session."""
    return http_request("DELETE /mcp HTTP/1.1", _client_headers(identity))


def event_stream(identity: Identity) -> bytes:
    """Return the request for a session's stream of messages from the server."""
    accept = "Accept: text/event-stream"
    return http_request("GET /mcp HTTP/1.1", [accept, *_client_headers(identity)[2:]])


def page(path: str, token: str = "", *headers: str) -> bytes:
    """Return a GET."""
    return http_request(f"GET {path} HTTP/1.1", [*_authorization(token), *headers])


def with_token(data: bytes, token: str) -> bytes:
    """Return requests with a token in each head that has a Host, as a client with that token sends them."""
    return data.replace(b"\r\nHost: ", b"\r\nAuthorization: Bearer %b\r\nHost: " % token.encode())


def chunked(data: bytes, *sizes: int, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """Return a POST with its body in chunks of these sizes and the rest, instead of one with a length."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    pieces = []
    for size in (*sizes, len(body)):
        piece, body = body[:size], body[size:]
        pieces.append(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) if piece else b"")
    head = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
    return head + b"".join(pieces) + b"0\r\n" + trailers + b"\r\n"


def _json_headers() -> list[str]:
    return ["Content-Type: application/json", "Accept: application/json, text/event-stream"]


def _authorization(token: str) -> list[str]:
    return [f"Authorization: Bearer {token}"] if token else []


def _client_headers(identity: Identity) -> list[str]:
    wire = "session" if identity.session else "stateless"
    session = [f"Mcp-Session-Id: {identity.session}"] if identity.session else []
    return [
        *_json_headers(),
        f"Mcp-Protocol-Version: {REVISIONS[wire]}",
        *session,
        *_authorization(identity.token),
    ]
