"""A server on the HTTP+SSE transport of revision 2024-11-05, for clients that speak streamable HTTP.

Each session holds one GET open, on which the server first names the address for messages (event ``endpoint``)
and then sends its answers (event ``message``).

Source: the MCP specification, revision 2024-11-05, "HTTP with SSE".
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.cookies import Cookies
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.events import EventParser
from perf_core.server.bridge.excerpts import beginning_of
from perf_core.server.bridge.http_client import HttpConnection
from perf_core.server.bridge.messages import MessageError, read_request
from perf_core.server.bridge.replies import DECLINE, Answers
from perf_core.server.bridge.server_log import ServerLog

_OPENING_S = 30.0
"""Longest time until the server names the address for messages."""

_SHOWN_CHARACTERS = 200

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_POSTED = {
    b"accept": b"application/json, text/event-stream",
    b"content-type": b"application/json",
}

_OWN_HEADERS = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"connection",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"mcp-session-id",
        b"transfer-encoding",
    }
)
"""Headers of the client that are not for the server."""


def passed_on(headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the headers of a client that are for the server, such as its credentials."""
    return {name: value for name, value in headers.items() if name not in _OWN_HEADERS}


@dataclass(frozen=True)
class Address:
    """Address of a server.

    Attributes:
        url: The address that is opened with GET, often ``…/sse``.
        tls: None for http.
    """

    url: str
    tls: ssl.SSLContext | None


def address_of(url: str, ca_file: Path | None, *, insecure: bool) -> Address:
    """Return the address of a server, with the certificates to trust.

    Raises:
        ValueError: It is no http or https URL.
        OSError: The file of certificates cannot be read.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected a URL that begins with http:// or https://")
    if parts.scheme == "http":
        return Address(url, None)
    tls = ssl.create_default_context()
    if ca_file is not None:
        tls.load_verify_locations(ca_file)
    if insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return Address(url, tls)


class LegacySse:
    """A session of a server on the old transport; :meth:`start` opens one.

    Attributes:
        channel: Its messages.
    """

    def __init__(
        self,
        address: Address,
        headers: Mapping[bytes, bytes],
        log: ServerLog,
        counts: Counts,
        answers: Answers = DECLINE,
    ) -> None:
        self.backlog_bytes = 0
        self._url = address.url
        self._headers = passed_on(headers)
        self._cookies = Cookies()
        self._log = log
        self._why = ""
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._endpoint: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._events = EventParser(self._on_event)
        self._tasks: list[asyncio.Task[None]] = []
        self._posts = HttpConnection(address.tls)
        self._stream = HttpConnection(address.tls)
        self.channel = Channel(self._outbox.put_nowait, log.note, counts, unique_ids=False, answers=answers)

    @classmethod
    async def start(
        cls,
        address: Address,
        headers: Mapping[bytes, bytes],
        log: ServerLog,
        counts: Counts,
        answers: Answers = DECLINE,
    ) -> LegacySse:
        """Open a session.

        Raises:
            OSError: The server cannot be reached, or does not speak this transport.
        """
        session = cls(address, headers, log, counts, answers)
        try:
            async with asyncio.timeout(_OPENING_S):
                await session.open()
        except TimeoutError as error:
            await session.end()
            raise OSError(f"expected the event endpoint within {_OPENING_S:g} s, got none") from error
        except (OSError, ValueError) as error:
            await session.end()
            raise OSError(str(error) or type(error).__name__) from error
        counts.started += 1
        return session

    @property
    def runs(self) -> bool:
        """Whether it can still answer."""
        return not self._why

    def take_headers(self, headers: Mapping[bytes, bytes]) -> None:
        """Use the headers of the client's latest request from now on."""
        self._headers = passed_on(headers)

    def failure(self) -> str:
        """Return why it no longer runs."""
        return f"the server's stream ended: {self._why or 'the session was closed'}"

    async def end(self) -> None:
        """Close the connections."""
        self._why = self._why or "the session was closed"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._posts.close()
        self._stream.close()
        if not self._endpoint.done():
            self._endpoint.cancel()
        self.channel.fail_all(500, self.failure())

    async def open(self) -> None:
        """Open the stream; wait for the address for messages."""
        status = await self._get()
        if status in _REDIRECTS:
            # The lab's own client has followed one, too.
            location = self._stream.headers.get(b"location", b"").decode("latin-1")
            self._url = _same_origin(self._url, location)
            self._stream.close()
            status = await self._get()
        if status != 200:
            raise OSError(f"expected status 200 from a GET of the server's stream, got {status}")
        self._tasks.append(asyncio.create_task(self._receive()))
        endpoint = await self._endpoint
        self._tasks.append(asyncio.create_task(self._send_all(endpoint)))

    async def _get(self) -> int:
        headers = {**self._headers, b"accept": b"text/event-stream"}
        await self._stream.send(b"GET", self._url, self._cookies.added_to(headers))
        status = await self._stream.read_head()
        self._cookies.take(self._stream.set_cookies)
        return status

    async def _receive(self) -> None:
        try:
            async for part in self._stream.body():
                self._events.feed(part)
            self._stop("the server closed it")
        except (OSError, ValueError) as error:
            self._stop(str(error) or type(error).__name__)

    def _stop(self, why: str) -> None:
        self._why = self._why or why
        if not self._endpoint.done():
            self._endpoint.set_exception(OSError(self.failure()))
        self.channel.fail_all(500, self.failure())

    def _on_event(self, event: str, data: bytes) -> None:
        if event == "endpoint":
            if not self._endpoint.done():
                try:
                    self._endpoint.set_result(_same_origin(self._url, data.decode()))
                except ValueError as error:
                    self._endpoint.set_exception(OSError(str(error)))
        elif event == "message":
            self.channel.feed_message(data)

    async def _send_all(self, endpoint: str) -> None:
        """Post messages one after another."""
        while True:
            body = (await self._outbox.get()).rstrip(b"\n")
            try:
                headers = self._cookies.added_to({**self._headers, **_POSTED})
                status, text = await self._posts.exchange(endpoint, headers, body)
                self._cookies.take(self._posts.set_cookies)
                shown = beginning_of(text.decode("utf-8", "replace"), _SHOWN_CHARACTERS)
                problem = "" if 200 <= status < 300 else f"status {status} and {shown!r}"
            except (OSError, ValueError) as error:
                problem, status = str(error) or type(error).__name__, 502
            if problem:
                with contextlib.suppress(MessageError):
                    key = read_request(body).key or b""
                    problem = f"expected the server to take the message, got {problem}"
                    self.channel.fail_one(key, status, problem)


def _same_origin(base: str, target: str) -> str:
    """Return an address that the server names.

    Raises:
        ValueError: It is elsewhere: credentials must not be sent there.
    """
    url = urljoin(base, target.strip())
    here, there = urlsplit(base), urlsplit(url)
    if (here.scheme, here.netloc.rpartition("@")[2]) != (there.scheme, there.netloc.rpartition("@")[2]):
        raise ValueError(f"expected an address on the same server, got one on {there.hostname}")
    return url
