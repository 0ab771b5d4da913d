"""A small HTTP/1.1 client for the bridge: a connection that shows each part of a response at once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

import httptools

from perf_core.server.bridge.lines import MAX_LINE_BYTES

_CONNECT_S = 10.0
_READ_BYTES = 256 * 1024

_MOST_HEAD_BYTES = 256 * 1024
"""Longest status line and headers of a response."""

_MOST_BODY_BYTES = MAX_LINE_BYTES
"""Longest body that is kept as a whole; the limit of events is the same."""

_KEPT = "%!$&'()*+,;=:@/?~"
"""Characters of a path and query that are not encoded (RFC 3986), and the sign of those that are already."""


class HttpConnection:
    """A connection to the server, opened when it is needed.

    All that goes wrong with the server is an OSError: it cannot be reached, leaves, or does not speak HTTP.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._response = _Response()

    def close(self) -> None:
        """Close it."""
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Headers of the response, by their names in lower case."""
        return self._response.headers

    @property
    def set_cookies(self) -> Sequence[bytes]:
        """Values of the headers ``Set-Cookie``, which a response may have several times."""
        return self._response.set_cookies

    async def exchange(self, url: str, headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        """Post a body; return status and body of the response.

        Raises:
            OSError: There is no complete response.
        """
        status = await self.begin(url, headers, body)
        content = await self.whole_body()
        self.done()
        return status, content

    async def begin(self, url: str, headers: Mapping[bytes, bytes], body: bytes) -> int:
        """Post a body; return the status as soon as it is there. :meth:`done` must follow after the body.

        A request is never sent twice: the server may have carried it out although it did not answer.

        Raises:
            OSError: There is no response.
        """
        await self.send(b"POST", url, headers, body)
        return await self.read_head()

    def done(self) -> None:
        """Close the connection after a response, unless it can be used again."""
        if not self._response.keep_alive:
            self.close()

    async def send(self, method: bytes, url: str, headers: Mapping[bytes, bytes], body: bytes = b"") -> None:
        """Send a request.

        Raises:
            OSError: The server cannot be reached.
        """
        parts = urlsplit(url)
        if self._was_left():
            self.close()
        if self._writer is None:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            try:
                async with asyncio.timeout(_CONNECT_S):
                    self._reader, self._writer = await asyncio.open_connection(
                        parts.hostname, port, ssl=self._tls, limit=_READ_BYTES
                    )
            except TimeoutError as error:
                raise ConnectionError(f"expected a connection within {_CONNECT_S:g} s, got none") from error
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            b"%b %b HTTP/1.1" % (method, quote(target, safe=_KEPT).encode("ascii")),
            b"host: " + parts.netloc.rpartition("@")[2].encode("idna"),
            *(b"%b: %b" % item for item in headers.items()),
        ]
        if method == b"POST":
            lines.append(b"content-length: %d" % len(body))
        self._response = _Response()
        self._writer.write(b"\r\n".join([*lines, b"", body]))
        await self._writer.drain()

    def _was_left(self) -> bool:
        """Return whether the server has closed the idle connection, as it may at any time."""
        if self._reader is None or self._writer is None:
            return False
        return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()

    async def read_head(self) -> int:
        """Read the status and the headers of the response; return the status.

        Raises:
            OSError: They do not arrive.
        """
        while not self._response.has_head:
            await self._read()
        return self._response.status

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the parts of the response's body.

        Raises:
            OSError: It does not arrive completely.
        """
        while True:
            parts, self._response.parts = self._response.parts, []
            for part in parts:
                yield part
            if self._response.is_complete:
                return
            if not self._response.parts:
                await self._read()

    async def whole_body(self) -> bytes:
        """Return the response's body.

        Raises:
            OSError: It does not arrive completely, or it is too long.
        """
        parts: list[bytes] = []
        length = 0
        async for part in self.body():
            parts.append(part)
            length += len(part)
            if length > _MOST_BODY_BYTES:
                self.close()
                raise OSError(f"expected a body of at most {_MOST_BODY_BYTES // 2**20} MiB, got a longer one")
        return b"".join(parts)

    async def _read(self) -> None:
        assert self._reader is not None, "a request was sent"  # noqa: S101
        data = await self._reader.read(_READ_BYTES)
        if not data:
            if self._response.has_head and not self._response.has_length:
                self._response.is_complete = True  # its end is the end of the connection
                return
            self.close()
            raise ConnectionError("the server closed the connection before its response was complete")
        try:
            self._response.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            raise OSError(f"expected HTTP/1.1, got something else: {error}") from error
        self._response.received += len(data)
        if not self._response.has_head and self._response.received > _MOST_HEAD_BYTES:
            self.close()
            raise OSError(f"expected headers of at most {_MOST_HEAD_BYTES // 1024} KiB, got longer ones")


class _Response:
    """A response as httptools reads it."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.has_head = False
        self.has_length = False
        self.is_complete = False
        self.keep_alive = False
        self.received = 0
        self.headers: dict[bytes, bytes] = {}
        self.set_cookies: list[bytes] = []
        self.parts: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        self.headers[lower] = value
        if lower == b"set-cookie":
            self.set_cookies.append(value)
        if lower == b"content-length" or (lower == b"transfer-encoding" and b"chunked" in value.lower()):
            self.has_length = True

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True
