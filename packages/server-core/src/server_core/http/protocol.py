"""uvicorn's HTTP protocol with a short way for requests that can be answered at once.

A request takes the short way when it arrived whole in one read of the connection, nothing before it is still
being answered, and `AtOnce` has an answer. In every other case uvicorn goes on as if nobody had asked.

Clients send the same head with each call but for the length of the body. A head that was read once on a
connection is recognised by its bytes and not read again.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from server_core.fastlane import Answer
from server_core.fastlane.immediate_calls import AtOnce, KnownHead
from server_core.http.write_coalescing import JoinedWrites

_BROKEN: Final = (
    STATUS_LINE[500] + b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error"
)
"""uvicorn's own answer when an app fails."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTHS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
_MOST_DIGITS: Final = 7

_MOST_HEADS: Final = 8
_LONGEST_HEAD: Final = 2000
"""A connection remembers as much as a client with a few tools needs, and no more than 16 kB."""


_MISSES_IN_A_ROW: Final = 3
_MOST_PASSED_BY: Final = 64
"""To ask in vain costs some 50 µs where FastMCP has just used the caches: 5 % of what a call takes it."""


def protocol_class(at_once: AtOnce, path: str) -> type[HttpToolsProtocol]:
    """Return a protocol for `uvicorn.Config(http=…)`.

    Args:
        at_once: Asked for an answer to each POST to `path`.
        path: The MCP endpoint.
    """

    class AtOnceProtocol(_AtOnceProtocol):
        _at_once = at_once
        _path = path
        _url = path.encode()

    return AtOnceProtocol


def head_and_body(data: bytes) -> tuple[bytes, bytes] | None:
    """Return head and body of data that is one whole request, the head without the digits of the length.

    None when it is anything else, or when its length is written in an unusual way.
    """
    end = data.find(_END_OF_HEAD)
    for length in _LENGTHS:
        before = data.find(length, 0, end)
        if before >= 0:
            begin = before + len(length)
            stop = data.find(b"\r\n", begin)
            digits = data[begin:stop]
            body = data[end + len(_END_OF_HEAD) :]
            if len(digits) <= _MOST_DIGITS and digits.isdigit() and int(digits) == len(body):
                return data[:begin] + data[stop:end], body
            return None
    return None


class _AtOnceProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        answered: Requests that took the short way.
    """

    _at_once: AtOnce
    _path: str
    _url: bytes
    _default_headers: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answered = 0
        self._answered_at_s = 0.0
        self._heads: dict[bytes, KnownHead] = {}
        self._read = b""
        self._last_headers = self.headers  # the parser is between requests while they are the last one's
        self._misses = 0
        self._to_pass_by = 0
        self._may_answer = False
        self._held = False
        self._body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; what uvicorn answers is sent in as few pieces as it has."""
        super().connection_made(transport)
        self._direct = transport
        self.transport = cast(asyncio.Transport, JoinedWrites(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        """Read; at most one request takes the short way, so that nobody has the loop for long."""
        if self._to_pass_by:
            self._to_pass_by -= 1
            self._may_answer = False
            super().data_received(data)
            return
        if self._heads and self.headers is self._last_headers and self._is_free():
            request = head_and_body(data)
            head = self._heads.get(request[0]) if request is not None else None
            if request is not None and head is not None:
                if self._answered(head, request[1]):
                    self._answered_at_s = self.loop.time()
                    self.server_state.total_requests += 1
                    return
                self._count_miss()
                self._may_answer = False
                super().data_received(data)
                return
        self._read = data
        self._may_answer = True
        super().data_received(data)
        self._read = b""
        if self._held:
            self._let_go()  # the rest of its body may never come: time limits are the app's

    def _is_free(self) -> bool:
        """Return whether nothing is being answered and the client reads what it gets."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not self.flow.write_paused and not self.transport.is_closing()

    def on_headers_complete(self) -> None:
        """Hold a request back that may take the short way."""
        if self._may_answer and self.url == self._url and self._is_free() and not self._is_special():
            self._held = True
            self._body = b""
        else:
            super().on_headers_complete()

    def _is_special(self) -> bool:
        """Return whether uvicorn has to do more about a request than to answer it."""
        parser = self.parser
        return (
            parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or self.expect_100_continue
            or self.limit_concurrency is not None
            or bool(self.root_path)
        )

    def _let_go(self) -> None:
        """Let uvicorn go on with the request that was held back."""
        self._held = False
        super().on_headers_complete()
        if self._body:
            super().on_body(self._body)
            self._body = b""

    def on_body(self, body: bytes) -> None:
        """Keep the body of a request that is held back."""
        if self._held:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, or let uvicorn go on."""
        self._last_headers = self.headers
        if self._held:
            self.scope["method"] = "POST"
            self.scope["path"] = self._path
            head = self._at_once.known(cast(Scope, self.scope))
            if head is not None and self._answered(head, self._body):
                self._held = False
                self._may_answer = False
                self._remember(head)
                self.on_response_complete()
                return
            self._count_miss()
            self._let_go()
        super().on_message_complete()

    def _count_miss(self) -> None:
        """Ask less and less for a client whose requests cannot be answered at once."""
        self._misses += 1
        if self._misses >= _MISSES_IN_A_ROW:
            self._to_pass_by = min(2 ** (self._misses - _MISSES_IN_A_ROW), _MOST_PASSED_BY)

    def _answered(self, head: KnownHead, body: bytes) -> bool:
        """Answer a request; return False, with nothing done, when it has to go the usual way."""
        try:
            # A context of its own, as a task would have: what a tool sets in it stays with its call.
            answer = contextvars.copy_context().run(self._at_once.answer, head, body)
        except Exception:
            # Out of the parser's callback it would pass for the client's mistake.
            self.logger.exception("Exception in a call that was answered at once\n")
            self.transport.write(_BROKEN)
            self.transport.close()
            return True
        if answer is None:
            return False
        self.answered += 1
        self._misses = 0
        self._direct.write(self._rendered(answer))
        return True

    def _remember(self, head: KnownHead) -> None:
        """Remember the head of the request that was read alone, for the next ones that look like it."""
        request = head_and_body(self._read)
        if request is None or len(request[0]) > _LONGEST_HEAD:
            return
        # The parser refuses other combinations today; what is remembered must not depend on that.
        about_length = [name for name, _ in self.headers if name in (b"content-length", b"transfer-encoding")]
        if about_length == [b"content-length"]:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[request[0]] = head

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; what took the short way since has left the timer alone."""
        idle_s = self.loop.time() - self._answered_at_s
        if idle_s < self.timeout_keep_alive:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive - idle_s, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def _rendered(self, answer: Answer) -> bytes:
        session = b"" if answer.session is None else b"mcp-session-id: %b\r\n" % answer.session
        return b"%b%bcontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b" % (
            STATUS_LINE[answer.status],
            self._rendered_default_headers(),
            session,
            len(answer.body),
            answer.body,
        )

    def _rendered_default_headers(self) -> bytes:
        headers = self.server_state.default_headers
        known, rendered = self._default_headers
        if known is not headers:  # uvicorn makes another list each second, for the date
            rendered = b"".join(b"%b: %b\r\n" % header for header in headers)
            type(self)._default_headers = (headers, rendered)
        return rendered
