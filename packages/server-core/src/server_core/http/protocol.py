"""uvicorn's HTTP protocol with a shortcut for requests that can be answered immediately.

A request takes the shortcut if it arrived completely in one read of the connection, no earlier request is
still being answered, and `ImmediateCalls` answers it. Otherwise uvicorn handles it as usual.

A client sends the same head with each call except for the length of the body. A head that has been parsed
once on a connection is recognised by its bytes and not parsed again. Many clients, among them those in
Python, write head and body separately: a head that arrives alone waits for its body for some milliseconds.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from server_core.fastlane import Answer
from server_core.fastlane.immediate_calls import AdmittedHead, ImmediateCalls
from server_core.http.strict_protocol import StrictProtocol

_INTERNAL_ERROR: Final = (
    STATUS_LINE[500] + b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error"
)
"""uvicorn's own response when an app fails."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH_HEADERS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
_MAX_LENGTH_DIGITS: Final = 7

_MAX_HEADS: Final = 8
_MAX_HEAD_BYTES: Final = 2000
_HEADER_BYTES: Final = 100
"""Memory that a parsed header takes besides its characters."""
_MAX_REMEMBERED_BYTES: Final = 24_000
"""A connection remembers enough heads for a client that calls a few tools, and no more than this of all."""

_BODY_FOLLOWS_WITHIN_S: Final = 0.005
"""A client that writes head and body one after the other has sent both within a millisecond."""

_MISSES_BEFORE_SKIPPING: Final = 3
_MAX_SKIPPED: Final = 64
"""After misses skip up to 64 requests: a failed attempt costs about 50 µs, 5 % of a call through FastMCP."""


def protocol_class(
    immediate_calls: ImmediateCalls, path: str, seen_by_app: Callable[[Scope], Scope]
) -> type[StrictProtocol]:
    """Return a protocol for `uvicorn.Config(http=…)`, with a shortcut for POSTs to `path`.

    `seen_by_app` returns a request's scope as the app's layers see it.
    """

    class BoundProtocol(_ShortcutProtocol):
        _immediate_calls = immediate_calls
        _seen_by_app = staticmethod(seen_by_app)
        _rendered_headers = _RenderedHeaders()
        _path = path
        _url = path.encode()
        _request_line = b"POST %b HTTP/1.1\r\n" % path.encode()

    return BoundProtocol


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


def is_head_of_body(data: bytes) -> bool:
    """Return whether data is exactly the head of a request whose body follows without being asked for."""
    if data.find(_END_OF_HEAD) != len(data) - len(_END_OF_HEAD) or b"\r\nexpect:" in data.lower():
        return False
    return any(data[data.find(each) + len(each)] in b"123456789" for each in _LENGTH_HEADERS if each in data)


@dataclass(slots=True)
class _RenderedHeaders:
    """uvicorn's default headers as bytes, shared by all connections.

    They are not stored in the protocol class: once a class has been changed a thousand times, Python 3.13
    caches no attribute lookups on it any more, and each costs four times as much.
    """

    source: list[tuple[bytes, bytes]] = field(default_factory=list)
    data: bytes = b""


class _ShortcutProtocol(StrictProtocol):
    """One connection; `answered` is the number of its requests that took the shortcut."""

    _immediate_calls: ImmediateCalls
    _seen_by_app: Callable[[Scope], Scope]
    _path: str
    _url: bytes
    _request_line: bytes
    _rendered_headers: _RenderedHeaders

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answered = 0
        self._answered_at_s = 0.0
        self._heads: dict[bytes, AdmittedHead] = {}
        self._context: contextvars.Context | None = None
        self._remembered_bytes = 0
        self._read = b""
        self._last_headers = self.headers  # while `headers` is this object, the parser is between requests
        self._misses = 0
        self._to_skip = 0
        self._may_shortcut = False
        self._held = False
        self._body = b""
        self._lone_head = b""
        self._body_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read; a head that arrives alone is read together with what follows."""
        if self._lone_head:
            data = self._end_wait() + data
        elif data.endswith(_END_OF_HEAD) and self._may_wait_for_body(data):
            self._lone_head = data
            self._answered_at_s = self.loop.time()  # the connection is not idle
            self._body_timer = self.loop.call_later(_BODY_FOLLOWS_WITHIN_S, self._stop_waiting)
            return
        self._read_requests(data)

    def _may_wait_for_body(self, data: bytes) -> bool:
        is_between_requests = self.headers is self._last_headers and self._is_free()
        is_call = not self._to_skip and data.startswith(self._request_line)
        return is_between_requests and is_call and is_head_of_body(data)

    def _end_wait(self) -> bytes:
        """Return the head that waits for its body, which does so no longer."""
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        head, self._lone_head = self._lone_head, b""
        return head

    def _stop_waiting(self) -> None:
        head = self._end_wait()
        if head and not self.transport.is_closing():
            self._read_requests(head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_wait()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End the connection after the request that has begun, if any."""
        self._stop_waiting()
        super().shutdown()

    def _read_requests(self, data: bytes) -> None:
        """Read; at most one request per read takes the shortcut, so that no client blocks the loop."""
        if self._to_skip:
            self._to_skip -= 1
            self._may_shortcut = False
            super().data_received(data)
            return
        if self._heads and self.headers is self._last_headers and self._is_free():
            request = head_and_body(data)
            head = self._heads.get(request[0]) if request is not None else None
            if request is not None and head is not None:
                if self._answer(head, request[1]):
                    self._answered_at_s = self.loop.time()
                    self.server_state.total_requests += 1
                    return
                self._count_miss()
                self._may_shortcut = False
                super().data_received(data)
                return
        self._read = data
        self._may_shortcut = True
        super().data_received(data)
        self._read = b""
        if self.is_refused:
            self._held = False
        elif self._held:
            self._release()  # the rest of its body may never arrive: the app has time limits

    def _is_free(self) -> bool:
        """Return whether no request is being answered and the client reads its responses."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not self.flow.write_paused and not self.transport.is_closing()

    def begin_request(self) -> None:
        """Hold back a request that may take the shortcut."""
        if self._may_shortcut and self.url == self._url and self._is_free() and not self._is_special():
            self._held = True
            self._body = b""
        else:
            super().begin_request()

    def _is_special(self) -> bool:
        """Return whether a request needs more from uvicorn than a response."""
        parser = self.parser
        return (
            parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or self.expect_100_continue
            or self.limit_concurrency is not None
            or bool(self.root_path)
        )

    def _release(self) -> None:
        """Pass the held request on to uvicorn."""
        self._held = False
        super().begin_request()
        if self._body:
            super().add_body(self._body)
            self._body = b""

    def add_body(self, body: bytes) -> None:
        """Keep the body of a held request."""
        if self._held:
            self._body += body
        else:
            super().add_body(body)

    def end_request(self) -> None:
        """Answer the request, or pass it on to uvicorn."""
        self._last_headers = self.headers
        if self._held:
            self.scope["method"] = "POST"
            self.scope["path"] = self._path
            head = self._immediate_calls.admit(self._seen_by_app(cast(Scope, self.scope)))
            if head is not None and self._answer(head, self._body):
                self._held = False
                self._may_shortcut = False
                self._remember(head)
                self.on_response_complete()
                return
            self._count_miss()
            self._release()
        super().end_request()

    def _count_miss(self) -> None:
        """Skip more and more requests of a client whose requests cannot take the shortcut."""
        self._misses += 1
        if self._misses >= _MISSES_BEFORE_SKIPPING:
            self._to_skip = min(2 ** (self._misses - _MISSES_BEFORE_SKIPPING), _MAX_SKIPPED)

    def _answer(self, head: AdmittedHead, body: bytes) -> bool:
        """Answer a request; return False, with nothing done, if it has to take the usual way."""
        try:
            if self._context is None:
                self._context = self._immediate_calls.context()
            # Its own context, as a task would have, so that context variables set by a tool stay with its
            # call.
            answer = self._context.copy().run(self._immediate_calls.answer, head, body)
        except (Exception, asyncio.CancelledError, GeneratorExit):  # as in uvicorn, which catches everything
            # Raised from the parser's callback, it would be reported as the client's mistake.
            self.logger.exception("Exception in a call that took the shortcut\n")
            self.transport.write(_INTERNAL_ERROR)
            self.transport.close()
            return True
        if answer is None:
            return False
        self.answered += 1
        self._misses = 0
        self._direct.write(self._render(answer))
        return True

    def _remember(self, head: AdmittedHead) -> None:
        """Remember the head of a request that was alone in its read, to recognise the next ones like it."""
        request = head_and_body(self._read)
        if request is None or len(request[0]) > _MAX_HEAD_BYTES:
            return
        # The parser refuses other combinations today; the remembered heads must not depend on that.
        length_headers = [
            name for name, _ in self.headers if name in (b"content-length", b"transfer-encoding")
        ]
        if length_headers == [b"content-length"]:
            size_bytes = 2 * len(request[0]) + _HEADER_BYTES * len(self.headers)
            if len(self._heads) >= _MAX_HEADS or self._remembered_bytes + size_bytes > _MAX_REMEMBERED_BYTES:
                self._heads.clear()
                self._remembered_bytes = 0
            self._heads[request[0]] = head
            self._remembered_bytes += size_bytes

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection. Requests that take the shortcut do not restart the timer."""
        idle_s = self.loop.time() - self._answered_at_s
        if idle_s < self.timeout_keep_alive:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive - idle_s, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def _render(self, answer: Answer) -> bytes:
        session = b"" if answer.session is None else b"mcp-session-id: %b\r\n" % answer.session
        timing = b"server-timing: %b\r\n" % answer.timing if answer.timing else b""
        return b"%b%bcontent-type: application/json\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
            STATUS_LINE[answer.status],
            self._render_default_headers(),
            session,
            timing,
            len(answer.body),
            answer.body,
        )

    def _render_default_headers(self) -> bytes:
        headers, rendered = self.server_state.default_headers, self._rendered_headers
        if rendered.source is not headers:  # uvicorn makes a new list each second, for the date
            rendered.source = headers
            rendered.data = b"".join(b"%b: %b\r\n" % header for header in headers)
        return rendered.data
