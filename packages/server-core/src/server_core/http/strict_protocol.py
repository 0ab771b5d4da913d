"""uvicorn's HTTP protocol, safe against clients that do not keep to the rules.

What differs from uvicorn's own:

- A request head of more than 64 kB or 100 fields is answered 431, and what comes after a body or between its
  chunks is limited, too. Bytes are counted as they arrive, not when the head is complete.
- Every wish for another protocol (`Upgrade: h2c`) is ignored, and the request is answered as any other
  (RFC 9110, 7.8). The parser takes the body of such a request for data of the other protocol, so the
  request is parsed again without that field.
- Fields after a chunked body do not become header fields of a request that the app has seen already. Transfer
  codings other than chunked, which nobody would decode, are answered 400.
- A request whose target is a whole URL is for the host in that URL, whatever `Host` says (RFC 9112, 3.2.2).
- An error is answered after the responses that are due. A connection that ends, ends all of its requests.
- While requests wait for the responses before them, nothing more is read or parsed. uvicorn reads on after
  each response, and queues a hundred times the memory of what a client sends.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from server_core.http.client_transport import ClientTransport
from server_core.http.connection_limits import ConnectionCounts

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100

_BODY_SLICE_BYTES: Final = 64 * 1024
_HEAD_SLICE_BYTES: Final = 4 * 1024
"""Largest parts of a read that the parser gets before bytes and requests are counted. What begins in a body
is most likely all body; in any other place there may be many small requests, of which each takes 2 kB."""

_FIELD_OVERHEAD: Final = len(b": \r\n")


class RefusedRequestError(Exception):
    """A request that is answered with an error, raised by the parser's callbacks.

    Its arguments are the HTTP status and a sentence for the client.
    """


class _BoundedFlow(FlowControl):
    """Flow control that reads no more while requests are waiting, though uvicorn asks for it.

    Args:
        transport: Transport of the connection.
        has_waiting: Returns whether requests are waiting.
    """

    def __init__(self, transport: asyncio.Transport, has_waiting: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._has_waiting = has_waiting

    def resume_reading(self) -> None:
        """Read again, unless requests are waiting."""
        if not self._has_waiting():
            super().resume_reading()


class StrictProtocol(HttpToolsProtocol):
    """One connection.

    Subclasses override `begin_request`, `add_body` and `end_request`, which the parser's callbacks call.
    """

    counts: ConnectionCounts | None = None
    """Connections of each client, to limit them; set by a subclass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._count_key: bytes | None = None
        self._in_message = False
        self._in_head = False
        self._begun = 0
        """Messages that have begun in the current slice."""
        self._head_bytes = 0
        """Size of the current head in the slices that were nothing but head."""
        self._trailer_bytes = 0
        self._silent_bytes = 0
        """Bytes after the head of which the parser has told nothing yet: of a field or a chunk's size."""
        self._is_told = False
        self._has_wish = False
        self._refusal: bytes | None = None
        self._running: RequestResponseCycle | None = None
        self._unparsed = b""
        """Bytes that arrived behind requests that are waiting."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._direct = transport
        self._client = ClientTransport(transport, self.loop, self._is_receiving)
        self.transport = cast(asyncio.Transport, self._client)
        self.flow = _BoundedFlow(self.transport, self._has_waiting)
        if self.counts is not None:
            self._count_key = self.counts.add(self.client)
            if self._count_key is None:
                # Closed at once, without waiting for the client: this is a flood.
                self.transport.write(self._error(503, "Too many connections from this address."))
                self.transport.close()

    def _is_receiving(self) -> bool:
        """Return whether the client may be sending, so that closing the socket would reset it."""
        return self._in_message or self._refusal is not None or self._has_waiting()

    def _has_waiting(self) -> bool:
        """Return whether requests wait for the responses before them."""
        return bool(self.pipeline or self._unparsed)

    def connection_lost(self, exc: Exception | None) -> None:
        """End all requests of the connection; uvicorn tells only the last one."""
        for cycle in (self._running, *(queued for queued, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        self._unparsed = b""
        self._client.lost()
        if self.counts is not None and self._count_key is not None:
            self.counts.remove(self._count_key)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, up to a request that has to wait."""
        if self._client.is_closing():
            self._client.drop()
            return
        if self._has_waiting():
            self._unparsed += data
            return
        self._unset_keepalive_if_required()
        if len(data) <= _HEAD_SLICE_BYTES:
            self._parse_unless_refused(data)
            return
        position = 0
        while position < len(data) and not self.pipeline:
            is_body = self._in_message and not self._in_head
            end = position + (_BODY_SLICE_BYTES if is_body else _HEAD_SLICE_BYTES)
            self._parse_unless_refused(data[position:end])
            position = end
        if self._refusal is None:
            self._unparsed = data[position:]

    def _read_on(self) -> None:
        """Parse what arrived behind requests that have been answered since."""
        data, self._unparsed = self._unparsed, b""
        if data:
            self.data_received(data)
            self.flow.resume_reading()

    def _parse_unless_refused(self, data: bytes) -> None:
        if self._refusal is None and self.parser is not None:
            self._parse(data)

    @property
    def is_refused(self) -> bool:
        """Whether nothing more is read, because of an error in what has arrived."""
        return self._refusal is not None

    def _parse(self, data: bytes) -> None:
        was_in_head, was_between = self._in_head, not self._in_message
        self._begun, self._is_told = 0, False
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as pause:
                rest = bytes(data[pause.args[0] :])
                self._parse(self._head_without_wish() + rest)
                return
            self._count(len(data), was_in_head=was_in_head, was_between=was_between)
        except RefusedRequestError as error:
            self._refuse(*error.args)
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, RefusedRequestError):
                self._refuse(*cause.args)
                return
            self.logger.warning("Invalid HTTP request received.")
            self._refuse(400, "Invalid HTTP request received.")

    def _count(self, size: int, *, was_in_head: bool, was_between: bool) -> None:
        """Raise if what has arrived of a message, without its body, is too large."""
        if self._in_head:
            if (was_in_head and not self._begun) or (was_between and self._begun == 1):
                self._head_bytes += size
            if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_FIELDS:
                raise _head_too_large()
        elif self._in_message:
            self._silent_bytes = 0 if self._is_told else self._silent_bytes + size
            if self._silent_bytes > MAX_HEAD_BYTES:
                raise _trailers_too_large()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._begun += 1
        self._head_bytes = self._trailer_bytes = self._silent_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field, as uvicorn does; drop a field that follows the body."""
        if not self._in_head:
            self._is_told = True
            self._trailer_bytes += len(name) + len(value) + _FIELD_OVERHEAD
            if self._trailer_bytes > MAX_HEAD_BYTES:
                raise _trailers_too_large()
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        elif name == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
            raise RefusedRequestError(400, "Expected no transfer coding but chunked, got another one.")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the head, and begin its request."""
        self._in_head = False
        self._is_told = True
        if len(self.headers) > MAX_FIELDS:
            raise _head_too_large()
        # A head that began in this slice is no larger than the slice.
        if not self._begun and self._size_of_head() > MAX_HEAD_BYTES:
            raise _head_too_large()
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise RefusedRequestError(400, "This server is no proxy: CONNECT is not supported.")
            self._has_wish = True
        else:
            if not self.url.startswith(b"/"):
                self._take_host_of_url()
            self.begin_request()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body."""
        self._is_told = True
        self.add_body(body)

    def on_message_complete(self) -> None:
        """End the message."""
        self._in_message = False
        if not self._has_wish:
            self.end_request()

    def begin_request(self) -> None:
        """Begin to answer a request whose head has arrived."""
        super().on_headers_complete()

    def add_body(self, body: bytes) -> None:
        """Add a part of the body to the request."""
        super().on_body(body)

    def end_request(self) -> None:
        """Note that the request has arrived completely."""
        super().on_message_complete()

    def _size_of_head(self) -> int:
        fields = sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in self.headers)
        return len(self.url) + fields

    def _take_host_of_url(self) -> None:
        _, scheme_end, rest = self.url.partition(b"://")
        if scheme_end:
            host = re.split(rb"[/?#]", rest, maxsplit=1)[0].rpartition(b"@")[2]
            # The list itself is changed, because the request's scope has it already.
            self.headers[:] = [(b"host", host), *(field for field in self.headers if field[0] != b"host")]

    def _head_without_wish(self) -> bytes:
        """Return the parsed head without the field `Upgrade`, for a parser of its own."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
        self._has_wish = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return b"\r\n".join([*lines, b"", b""])

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Refuse what has arrived."""
        self._refuse(400, msg)

    def _refuse(self, status: int, text: str) -> None:
        """Answer an error once the responses before it have been sent, and close the connection."""
        self._refusal = self._error(status, text)
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_complete:
            self._give_up(cycle)
        if self._is_answering():
            self.flow.pause_reading()
        else:
            self._send_refusal()

    def _error(self, status: int, text: str) -> bytes:
        """Return a response that ends the connection."""
        body = text.encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body)

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """End a request in whose body the error is; its app finds the client disconnected."""
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        elif cycle.response_started:
            self._refusal = b""  # a part of the response has been sent, so the connection can only break
        cycle.disconnected = True
        cycle.message_event.set()

    def _is_answering(self) -> bool:
        """Return whether responses are due before the refusal."""
        running = self._running
        return bool(self.pipeline) or (
            running is not None and not running.response_complete and not running.disconnected
        )

    def _send_refusal(self) -> None:
        if self._refusal:
            self.transport.write(self._refusal)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Begin the next request, or refuse what cannot be read."""
        super().on_response_complete()
        if self._unparsed and not self.pipeline:
            self.loop.call_soon(self._read_on)  # later: the parser itself may have called
        if self._refusal is not None and not self._is_answering():
            self._send_refusal()


def _head_too_large() -> RefusedRequestError:
    return RefusedRequestError(
        431,
        f"Expected a request head of at most {MAX_HEAD_BYTES} bytes and {MAX_FIELDS} fields, got a larger "
        "one. Send less.",
    )


def _trailers_too_large() -> RefusedRequestError:
    return RefusedRequestError(
        431, f"Expected at most {MAX_HEAD_BYTES} bytes of fields after a body and between chunks, got more."
    )
