"""Transports of the lab's HTTP clients: no answer is longer, and none takes longer, than the lab can bear.

The library limits the time of each read alone, so that a server could send its headers byte by byte for days.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncGenerator, Iterator
from functools import partial

import httpx2

from perf_core.server.bridge.lines import MAX_LINE_BYTES
from perf_core.server.interruptible import in_time

LARGEST_ANSWER_BYTES = MAX_LINE_BYTES
"""Longest answer, decompressed. Streams are limited by their readers, event by event."""

_LATE_S = 1.0
"""Time beyond the limit after which a head is late: if nothing comes at all, the library notices it first."""


_TEXT_ENCODING = re.compile(
    r"utf-?(?:8|16|32)|(?:us-?)?ascii|iso-?8859-?\d{1,2}|latin-?\d|(?:windows-|cp)125\d|koi8-[ru]"
    r"|shift[_-]jis|euc-(?:jp|kr)|gbk|gb2312|gb18030|big5",
    re.IGNORECASE,
)


class TooLong(httpx2.TransportError):
    """An answer is longer than the lab can bear."""

    def __init__(self, request: httpx2.Request) -> None:
        super().__init__(f"an answer of more than {LARGEST_ANSWER_BYTES // 2**20} MiB", request=request)


class BoundedTransport(httpx2.BaseTransport):
    """A transport that limits the length of answers, and the time until they are complete.

    An event stream may go on; what reads it has a limit of its own.
    """

    def __init__(self, transport: httpx2.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its response, whose body is still to be read."""
        limit_s = request.extensions.get("timeout", {}).get("read")
        send = partial(self._transport.handle_request, request)
        if limit_s is None:
            return _bounded(send(), request, None)
        deadline = time.monotonic() + limit_s
        try:
            response = in_time(send, limit_s + _LATE_S)
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the server did not answer in time", request=request) from error
        return _bounded(response, request, deadline)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()


class AsyncBoundedTransport(httpx2.AsyncBaseTransport):
    """A transport that limits the length of answers; the time is limited by those who await them."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its response, whose body is still to be read."""
        return _bounded(await self._transport.handle_async_request(request), request, None)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


class _BoundedResponse(httpx2.Response):
    """A response whose body ends with an error when it is too long or too late."""

    deadline: float | None = None

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        length = 0
        # Closed at once after an error: the connection cannot be used again.
        with contextlib.closing(super().iter_bytes(chunk_size)) as pieces:  # type: ignore[type-var] # a generator
            for piece in pieces:
                length += len(piece)
                self._expect_bounded(length)
                yield piece

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        length = 0
        async with contextlib.aclosing(super().aiter_bytes(chunk_size)) as pieces:
            async for piece in pieces:
                length += len(piece)
                self._expect_bounded(length)
                yield piece

    def _expect_bounded(self, length: int) -> None:
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return
        if length > LARGEST_ANSWER_BYTES:
            raise TooLong(self.request)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise httpx2.ReadTimeout("there was no whole answer in time", request=self.request)


def _bounded(response: httpx2.Response, request: httpx2.Request, deadline: float | None) -> httpx2.Response:
    bounded = _BoundedResponse(
        response.status_code,
        headers=response.headers,
        stream=response.stream,
        extensions=response.extensions,
        request=request,
    )
    bounded.deadline = deadline
    bounded.encoding = text_encoding(bounded)
    return bounded


def text_encoding(response: httpx2.Response) -> str:
    """Return the encoding that a server states, if it is one for texts; some of Python's others fail."""
    stated = response.charset_encoding or ""
    return stated if _TEXT_ENCODING.fullmatch(stated) else "utf-8"
