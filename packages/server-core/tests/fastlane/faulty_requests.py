"""Valid requests and conversations with one thing changed in each."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from drawn_requests import LISTS, VERSIONS
from in_memory import PREFIX, Request, delete, initialize, notification, request, session_call, stateless_call

BASES = [stateless_call("echo", {"text": "x"}), session_call("echo", {"text": "x"})]
STRANGE: list[Any] = [None, True, 0, -1, 1.5, 2**70, "", "x", "2.0", [], [1], {}, {"a": 1}]
DROPPED = object()


def with_header(base: Request, *headers: tuple[bytes, bytes]) -> Request:
    return Request(base.method, [*base.headers, *headers], base.body)


def one_fault_each() -> Iterator[Request]:
    """Yield valid calls of both wires, and the same calls with one thing changed."""
    for base in BASES:
        yield base
        for place, (name, value) in enumerate(base.headers):
            others = [*base.headers[:place], *base.headers[place + 1 :]]
            yield Request(base.method, others, base.body)
            for other in (
                b"", b"x", b"*/*", b"text/plain", b"application/json", b"text/event-stream", value.upper(),
                value.lower(), b" " + value, value + b"\t", b"=?base64?" + base64.b64encode(value) + b"?=",
                value + b"; q=0.5", value + b"," + value, b"2025-06-18", b"2025-03-26", b"2026-07-28",
            ):  # fmt: skip
                yield Request(base.method, [*others, (name, other)], base.body)
                yield with_header(base, (name, other))
        for extra in (
            b"mcp-param-text",
            b"mcp-name",
            b"mcp-method",
            b"mcp-session-id",
            b"last-event-id",
            b"x-other",
        ):
            yield with_header(base, (extra, b"echo"))
        for method in ("PUT", "PATCH", "HEAD", "OPTIONS"):  # a GET opens a stream, which has its own tests
            yield Request(method, base.headers, base.body)
        yield from (Request(base.method, base.headers, body) for body in faulty_bodies(base.body))
        # Names that encode or resemble `echo`.
        for name in (b"=?base64?ZWNobw==?=", "\u00e9cho".encode(), b" echo"):
            renamed = base.body.replace(b'"echo"', json.dumps(name.decode()).encode())
            headers = [(key, name if key == b"mcp-name" else value) for key, value in base.headers]
            yield Request(base.method, headers, renamed)


def faulty_bodies(body: bytes) -> Iterator[bytes]:
    message = json.loads(body)
    for path in (
        ("jsonrpc",), ("id",), ("method",), ("params",), ("more",), ("result",), ("error",),
        ("params", "name"),
        ("params", "arguments"),
        ("params", "_meta"), ("params", "more"), ("params", "arguments", "text"),
        ("params", "arguments", "more"), ("params", "_meta", f"{PREFIX}protocolVersion"),
        ("params", "_meta", f"{PREFIX}clientCapabilities"),
        ("params", "_meta", f"{PREFIX}clientInfo"), ("params", "_meta", f"{PREFIX}logLevel"),
        ("params", "_meta", "progressToken"), ("params", "_meta", "traceparent"), ("params", "requestState"),
        ("params", "_meta", "progress_token"), ("params", "_meta", "fastmcp"), ("params", "_meta", "own/key"),
        ("params", "_meta", f"{PREFIX}related-task"), ("params", "cursor"),
        ("params", "inputResponses"), ("params", "task"),
    ):  # fmt: skip
        for value in (DROPPED, *STRANGE):
            changed = json.loads(body)
            inner = changed
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            if value is DROPPED:
                inner.pop(path[-1], None)
            else:
                inner[path[-1]] = value
            yield json.dumps(changed).encode()
    yield from (b"", b" ", b"null", b"[]", b"{}", b"x", body[:-1], body + b"x", body + b" ", b"\n" + body)
    yield from (b"\xff" + body, b"\xef\xbb\xbf" + body, b"[" + body + b"]", b"[" * 5000, body + body)
    yield body.replace(b'"x"', b'"\\ud800"')
    yield body.replace(b'"x"', b'"\xff"')
    yield body.replace(b'"x"', b"NaN")
    yield body.replace(b'"id": 1', b'"id": 1, "id": 2')
    yield json.dumps({**message, "method": "tools/list"}).encode()
    yield json.dumps({**message, "method": "TOOLS/CALL"}).encode()


def one_step_each() -> Iterator[list[Request]]:
    """Yield conversations of two steps: an opening, valid or not, and a request that may follow."""
    opening = initialize()
    for key in ("protocolVersion", "capabilities", "clientInfo", "more"):
        for value in STRANGE:
            yield [initialize(changes={key: value}), request("ping")]
    for version in (*VERSIONS, "2026-07-28", "2099-01-01", ""):
        yield [initialize(version), request("ping", version=version)]
        yield [opening, request("ping", version=version)]
    for method in (*LISTS, "initialize", "server/discover", "logging/setLevel", "no/such"):
        for params in (*STRANGE, {"cursor": "x"}, {"_meta": {}}, {"_meta": {"progressToken": 1}}):
            yield [opening, request(method, params)]
            yield [opening, notification(method, params)]
        for identity in STRANGE:
            yield [opening, request(method, identity=identity)]
    for method in ("notifications/initialized", "notifications/cancelled", "notifications/no-such"):
        for params in STRANGE:
            yield [opening, notification(method, params), request("ping")]
            yield [opening, request(method, params), request("ping")]
    yield [
        opening,
        Request("DELETE", [*delete().headers, (b"mcp-session-id", b"session 0")], b""),
        request("ping"),
    ]
    yield [opening, Request("DELETE", delete().headers, b"{}"), request("ping"), delete()]
    yield [opening, initialize(), delete(1), request("ping", session=1), request("ping")]
