"""HTTP/1.1 on one connection: requests in, answers out, one after another.

A client sends the same head with each call except for the length of the body. A head that was parsed once on
a connection is recognised by its bytes and not parsed again, which halves the cost of a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from perf_core.server.bridge.messages import INVALID_REQUEST, error_answer

if TYPE_CHECKING:
    from perf_core.server.bridge.channel import Channel

MAX_BODY_BYTES = 64 * 2**20
"""Longest request; the limit of answers is the same."""

_MAX_HEADS = 16
_MAX_HEAD_BYTES = 8_000
_MAX_LENGTH_DIGITS = 7
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH_HEADERS = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")

_JSON_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_STREAM_OK = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_EVENT = b"event: message\ndata: %b\n\n"
_LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {
    200: b"OK",
    202: b"Accepted",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


@dataclass(frozen=True)
class Head:
    """The parts of a request before its body.

    Attributes:
        headers: Values by name in lower case; of a repeated header the last.
    """

    method: bytes
    path: bytes
    headers: Mapping[bytes, bytes]

    @property
    def session_id(self) -> bytes | None:
        """Session that the request belongs to."""
        return self.headers.get(b"mcp-session-id")


class Handler(Protocol):
    """Answers requests."""

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Answer a request, now or later."""
        ...

    def disconnected(self, connection: Connection) -> None:
        """Take note that a client has left."""
        ...


@dataclass
class _Partial:
    """A request that has not arrived completely."""

    path: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    length: int = 0


class Connection(asyncio.Protocol):
    """A connection of a client.

    Attributes:
        waiting_on: Channel and key of the request that has been passed on and not answered.
        is_closed: Whether the client has left.
    """

    def __init__(self, handler: Handler) -> None:
        self.waiting_on: tuple[Channel, bytes] | None = None
        self.is_closed = False
        self._handler = handler
        self._parser = httptools.HttpRequestParser(self)
        self._partial: _Partial | None = None
        self._heads: dict[bytes, Head] = {}
        self._data = b""
        self._is_busy = False
        self._is_streaming = False
        self._keep_alive = True
        self._held: list[bytes] = []
        self._requests: list[tuple[Head, bytes, bool]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        """Give up the request that the client no longer waits for."""
        self.is_closed = True
        if self.waiting_on is not None:
            channel, key = self.waiting_on
            channel.give_up(key)
            self.waiting_on = None
        self._handler.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._is_busy or self._requests or self._held:
            self._held.append(data)  # a client that does not wait for its answers
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._partial is None and self._heads:
            request = head_and_body(data)
            head = self._heads.get(request[0]) if request is not None else None
            if request is not None and head is not None:
                self._is_busy = True
                self._handler.handle(self, head, request[1])
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._data = data if self._partial is None else b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "expected HTTP/1.1, got a request for another protocol")
        except httptools.HttpParserError as error:
            self._refuse(400, f"expected HTTP/1.1, got something else: {error}")
        self._next()

    def on_message_begin(self) -> None:
        """Begin a request (httptools)."""
        self._partial = _Partial()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL (httptools)."""
        if self._partial is not None:
            self._partial.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (httptools)."""
        if self._partial is not None:
            self._partial.headers[name.lower()] = value.strip()

    def on_headers_complete(self) -> None:
        """Let a client that asks first send its body (httptools)."""
        if self._partial is not None and self._partial.headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (httptools)."""
        if self._partial is None:
            return
        self._partial.length += len(body)
        if self._partial.length > MAX_BODY_BYTES:
            limit = f"{MAX_BODY_BYTES // 2**20} MiB"
            self._refuse(413, f"expected a request of at most {limit}, got a longer one")
            return
        self._partial.body.append(body)

    def on_message_complete(self) -> None:
        """Keep a request that has arrived completely (httptools)."""
        partial, self._partial = self._partial, None
        if partial is None or self.is_closed:
            return
        head = Head(self._parser.get_method(), partial.path.partition(b"?")[0], partial.headers)
        keep_alive = self._parser.should_keep_alive()
        self._requests.append((head, b"".join(partial.body), keep_alive))
        request = head_and_body(self._data) if keep_alive and self._data else None
        if request is not None and len(self._heads) < _MAX_HEADS and len(request[0]) <= _MAX_HEAD_BYTES:
            self._heads[request[0]] = head

    def _next(self) -> None:
        """Handle the next request that has arrived."""
        while not self._is_busy and not self.is_closed and (self._requests or self._held):
            if self._requests:
                head, body, self._keep_alive = self._requests.pop(0)
                self._is_busy = True
                self._handler.handle(self, head, body)
            else:
                self._take(self._held.pop(0))

    def answer(self, line: bytes) -> None:
        """Send the answer to a call: as JSON, or as the last event of a stream."""
        if self._is_streaming:
            self._is_streaming = False
            self._finish(_chunk(_EVENT % line) + _LAST_CHUNK)
        elif self._keep_alive:
            self._finish(_JSON_OK % (len(line), line))
        else:
            self.respond(200, line)

    def event(self, line: bytes) -> None:
        """Send a message that comes before the answer, which makes the response a stream of events."""
        if self.is_closed:
            return
        chunk = _chunk(_EVENT % line)
        self._transport.write(chunk if self._is_streaming else _STREAM_OK + chunk)
        self._is_streaming = True

    def fail(self, status: int, answer: bytes) -> None:
        """Send a JSON-RPC error."""
        if self._is_streaming:
            self.answer(answer)
        else:
            self.respond(status, answer)

    def accepted(self) -> None:
        """Confirm a message that gets no answer."""
        if self._keep_alive:
            self._finish(_ACCEPTED)
        else:
            self.respond(202, b"")

    def respond(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a response with any status."""
        lines = [b"HTTP/1.1 %d %b" % (status, _REASONS.get(status, b"Error"))]
        if body:
            lines.append(b"content-type: application/json")
        lines += [f"{name}: {value}".encode("latin-1") for name, value in (headers or {}).items()]
        lines.append(b"content-length: %d" % len(body))
        if not self._keep_alive:
            lines.append(b"connection: close")
        self._finish(b"\r\n".join([*lines, b"", body]))

    def _finish(self, data: bytes) -> None:
        self.waiting_on = None
        self._is_busy = False
        if self.is_closed:
            return
        self._transport.write(data)
        if not self._keep_alive:
            self._transport.close()
        elif self._held or self._requests:
            asyncio.get_running_loop().call_soon(self._next)

    def _refuse(self, status: int, problem: str) -> None:
        """Answer a request that cannot be read, and close: what follows it cannot be read either."""
        if self.is_closed:
            return
        self._keep_alive = False
        self.respond(status, error_answer(b"", INVALID_REQUEST, problem))
        self.is_closed = True


def head_and_body(data: bytes) -> tuple[bytes, bytes] | None:
    """Return head and body of data that is exactly one request; the head without the digits of its length.

    None if the data is anything else, or if its length is written in an unusual way.
    """
    end = data.find(_END_OF_HEAD)
    for header in _LENGTH_HEADERS:
        at = data.find(header, 0, end)
        if at >= 0:
            begin = at + len(header)
            stop = data.find(b"\r\n", begin)
            digits = data[begin:stop]
            body = data[end + len(_END_OF_HEAD) :]
            if len(digits) <= _MAX_LENGTH_DIGITS and digits.isdigit() and int(digits) == len(body):
                return data[:begin] + data[stop:end], body
            return None
    return None


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
