"""Responses to calls that take long: streams of events with pings, as FastMCP sends them.

Proxies end a connection on which nothing arrives for a while (nginx after 60 s, many after less). Where
responses may be streams, FastMCP sends pings every 15 s. The lane answers a call with JSON if it is done by
then, and begins a stream otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Send

from server_core.fastlane.calls_in_progress import Response
from server_core.sdk.internals import stateless_ping_interval_s

_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """A wire's stream of events, down to the bytes that differ between the wires.

    Attributes:
        interval_s: Returns the seconds without a message after which a ping follows.
        ping: Returns a ping.
    """

    interval_s: Callable[[], float]
    ping: Callable[[], bytes]


def _dated_ping() -> bytes:
    return f": ping - {datetime.now(UTC)}\r\n\r\n".encode()


STATELESS_STREAM: Final = StreamFormat(stateless_ping_interval_s, lambda: b": ping\r\n\r\n")
SESSION_STREAM: Final = StreamFormat(lambda: EventSourceResponse.DEFAULT_PING_INTERVAL, _dated_ping)


async def send_json(send: Send, response: Response, session_id: bytes | None) -> None:
    """Send a response as a whole."""
    status, body = response
    headers = [
        (b"content-type", b"application/json"),
        *_session_header(session_id),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_when_ready(
    work: Awaitable[Response], stream_format: StreamFormat, session_id: bytes | None, send: Send
) -> None:
    """Send the response that `work` makes, as JSON if it is ready before the first ping is due."""
    stream = _LateStream(stream_format, session_id, send)
    stream.begin_later()
    try:
        response = await work
    except BaseException:
        stream.abandon()
        raise
    await stream.finish(response)


class _LateStream:
    """The response to one call, which becomes a stream when a first ping is due."""

    def __init__(self, stream_format: StreamFormat, session_id: bytes | None, send: Send) -> None:
        self._format = stream_format
        self._session_id = session_id
        self._send = send
        self._sending = asyncio.Lock()
        self._has_begun = False
        self._pinging: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin_later(self) -> None:
        """Begin the stream when a ping is due."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._format.interval_s(), self._begin)

    def _begin(self) -> None:
        self._pinging = asyncio.ensure_future(self._ping())

    async def _ping(self) -> None:
        with suppress(OSError):  # ASGI's word for a client that has gone
            await self._ping_forever()

    async def _ping_forever(self) -> None:
        async with self._sending:
            self._has_begun = True
            headers = [*_HEADERS, *_session_header(self._session_id)]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            async with self._sending:
                await self._send_chunk(self._format.ping())
            await asyncio.sleep(self._format.interval_s())

    async def _send_chunk(self, body: bytes, *, more_body: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more_body})

    async def finish(self, response: Response) -> None:
        """Send the response: as an event if the stream has begun."""
        async with self._sending:  # no ping is cut in two
            self.abandon()
            if not self._has_begun:
                await send_json(self._send, response, self._session_id)
                return
            status, body = response
            # As in the SDK, the streams of a session that has ended say nothing more.
            event = b"" if status >= 500 else b"event: message\r\ndata: " + body + b"\r\n\r\n"
            await self._send_chunk(event, more_body=False)

    def abandon(self) -> None:
        """Send no more pings."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pinging is not None:
            self._pinging.cancel()


@asynccontextmanager
async def cancelled_by_disconnect(receive: Receive) -> AsyncIterator[None]:
    """Cancel the work within if the client disconnects, which on the stateless wire is how it cancels a call.

    The block then ends without an exception, and nobody is left to be answered.
    """
    with anyio.CancelScope() as scope:
        watching = asyncio.ensure_future(_cancel_on_disconnect(receive, scope))
        try:
            yield
        finally:
            watching.cancel()


async def _cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _session_header(session_id: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
    return () if session_id is None else ((b"mcp-session-id", session_id),)
