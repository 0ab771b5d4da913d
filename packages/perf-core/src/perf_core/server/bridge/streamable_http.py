"""A server on streamable HTTP, behind the bridge so that somebody answers what it asks during a call.

k6 reads an answer as a whole, so that it can reply to no request within a stream. The bridge can.

Source: the MCP specification, revision 2025-11-25, transports, "Streamable HTTP".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any

from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.cookies import Cookies
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.events import EventParser
from perf_core.server.bridge.excerpts import beginning_of
from perf_core.server.bridge.http_client import HttpConnection
from perf_core.server.bridge.legacy_sse import Address, passed_on
from perf_core.server.bridge.messages import MessageError, read_request
from perf_core.server.bridge.replies import Answers
from perf_core.server.bridge.server_log import ServerLog

_SHOWN_CHARACTERS = 200
_INITIALIZE = "initialize"
_CLOSING_S = 2.0
_OK, _REDIRECTS = 200, 300
_SESSION_GONE = 404


class StreamableHttp:
    """A session of a server on streamable HTTP; the server opens it with ``initialize``.

    Attributes:
        channel: Its messages.
    """

    backlog_bytes = 0

    def __init__(
        self,
        address: Address,
        headers: Mapping[bytes, bytes],
        log: ServerLog,
        counts: Counts,
        answers: Answers,
    ) -> None:
        self._address = address
        self._client_headers = passed_on(headers)
        self._own_headers = {
            b"accept": b"application/json, text/event-stream",
            b"content-type": b"application/json",
        }
        self._cookies = Cookies()
        self._why = ""
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._idle: list[HttpConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.channel = Channel(self._outbox.put_nowait, log.note, counts, unique_ids=False, answers=answers)
        self._run(self._send_all())

    @property
    def runs(self) -> bool:
        """Whether it can still answer."""
        return not self._why

    def take_headers(self, headers: Mapping[bytes, bytes]) -> None:
        """Use the headers of the client's latest request from now on."""
        self._client_headers = passed_on(headers)

    def failure(self) -> str:
        """Return why it no longer runs."""
        return self._why

    async def end(self) -> None:
        """Delete the session and close the connections."""
        was_open, self._why = self.runs, self._why or "the session was closed"
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if was_open and b"mcp-session-id" in self._own_headers:
            await self._delete()
        for connection in self._idle:
            connection.close()
        self.channel.fail_all(500, self._why)

    def _headers(self) -> dict[bytes, bytes]:
        return self._cookies.added_to({**self._client_headers, **self._own_headers})

    async def _delete(self) -> None:
        connection = self._idle.pop() if self._idle else HttpConnection(self._address.tls)
        try:
            async with asyncio.timeout(_CLOSING_S):
                await connection.send(b"DELETE", self._address.url, self._headers())
                await connection.read_head()
        except (OSError, ValueError):
            pass  # the server ends the session by itself, sooner or later
        finally:
            connection.close()

    async def _send_all(self) -> None:
        """Post messages in order; only answers to requests are waited for beside the next message."""
        while True:
            body = (await self._outbox.get()).rstrip(b"\n")
            try:
                request = read_request(body)
                is_call = request.key is not None and request.method != _INITIALIZE
                key = request.key or b""
            except MessageError:  # a reply of the bridge
                is_call, key = False, b""
            if is_call:
                self._run(self._post(body, key))
            else:
                await self._post(body, key)

    async def _post(self, body: bytes, key: bytes) -> None:
        connection = self._idle.pop() if self._idle else HttpConnection(self._address.tls)
        try:
            problem, status = await self._exchange(connection, body, key)
        except (OSError, ValueError) as error:
            got = str(error) or type(error).__name__
            problem, status = f"expected an answer of the server, got {got}", 502
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
        self._idle.append(connection)
        if status == _SESSION_GONE and b"mcp-session-id" in self._own_headers:
            self._why = "the server has ended the session"
        if problem:
            self.channel.fail_one(key, status, problem)

    async def _exchange(self, connection: HttpConnection, body: bytes, key: bytes) -> tuple[str, int]:
        """Post a message and take what comes; return a problem, or an empty text, with its HTTP status."""
        status = await connection.begin(self._address.url, self._headers(), body)
        self._cookies.take(connection.set_cookies)
        session_id = connection.headers.get(b"mcp-session-id")
        if session_id is not None:
            self._own_headers[b"mcp-session-id"] = session_id
        if connection.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            events = EventParser(lambda _event, data: self._take(data))
            async for part in connection.body():
                events.feed(part)
        else:
            content = await connection.whole_body()
            if not _OK <= status < _REDIRECTS:
                connection.done()
                shown = beginning_of(content.decode("utf-8", "replace"), _SHOWN_CHARACTERS)
                return f"expected status 200 from the server, got {status} and {shown!r}", status
            if content.strip():
                self._take(content)
        connection.done()
        return ("expected an answer in the server's response, got none", 502) if key else ("", status)

    def _take(self, data: bytes) -> None:
        if b"mcp-protocol-version" not in self._own_headers and (revision := _revision_in(data)):
            self._own_headers[b"mcp-protocol-version"] = revision
        self.channel.feed_message(data)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _revision_in(data: bytes) -> bytes:
    """Return the revision that an answer to ``initialize`` states; empty for other messages."""
    try:
        return json.loads(data)["result"]["protocolVersion"].encode()  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return b""
