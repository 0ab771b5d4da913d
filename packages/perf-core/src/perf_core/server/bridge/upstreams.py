"""Servers behind the bridge, as the service sees them: started, asked, and perhaps shared by all clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.messages import Request, read_from_server, with_answer_id

INITIALIZED = "notifications/initialized"

_INITIALIZED_REQUEST = Request(
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}', None, b"", -1, INITIALIZED
)


class Upstream(Protocol):
    """A server behind the bridge: a child, or a connection to a server elsewhere."""

    channel: Channel

    @property
    def runs(self) -> bool:
        """Whether it can still answer."""
        ...

    @property
    def backlog_bytes(self) -> int:
        """Bytes that it has not read."""
        ...

    def failure(self) -> str:
        """Return why it no longer runs."""
        ...

    def take_headers(self, headers: Mapping[bytes, bytes]) -> None:
        """Use the HTTP headers of its client's latest request from now on: tokens are renewed."""
        ...

    async def end(self) -> None:
        """End it."""
        ...


Start = Callable[[Mapping[bytes, bytes]], Awaitable[Upstream]]
"""Starts an upstream; takes the HTTP headers of the request that needs it. Raises OSError."""


class NoAnswer(Exception):  # noqa: N818 - handled at once, never shown
    """An upstream could not be started, or did not answer.

    Attributes:
        answer: JSON-RPC error for the client; empty if there is none yet.
    """

    def __init__(self, message: str, status: int = 500, answer: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer


class SharedUpstream:
    """One upstream for all clients. The first `initialize` reaches it, and its answer is everybody's."""

    def __init__(self, start: Start) -> None:
        self.upstream: Upstream | None = None
        self._start = start
        self._starting = asyncio.Lock()
        self._initializing = asyncio.Lock()
        self._answer = b""

    async def started(self, headers: Mapping[bytes, bytes]) -> Upstream:
        """Return the upstream, which is started if it does not run."""
        async with self._starting:
            if self.upstream is None or not self.upstream.runs:
                self._answer = b""
                self.upstream = await start_with(self._start, headers)
            return self.upstream

    async def initialize(self, headers: Mapping[bytes, bytes], request: Request) -> bytes:
        """Return the answer to an `initialize`, with the id of this one."""
        async with self._initializing:
            upstream = await self.started(headers)
            if not self._answer:
                answer = await answer_of(upstream, request)
                if not is_result(answer):
                    return answer
                self._answer = answer
                upstream.channel.notify(_INITIALIZED_REQUEST)
        message = read_from_server(self._answer)
        return self._answer if message is None else with_answer_id(self._answer, message, request.raw_id)


class _Answer:
    """A client that is a future."""

    def __init__(self) -> None:
        self.line: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def answer(self, line: bytes) -> None:
        if not self.line.done():
            self.line.set_result(line)

    def event(self, line: bytes) -> None:
        """Drop a message that comes before the answer."""

    def fail(self, status: int, answer: bytes) -> None:
        if not self.line.done():
            self.line.set_exception(NoAnswer("", status, answer))


async def start_with(start: Start, headers: Mapping[bytes, bytes]) -> Upstream:
    """Return a started upstream.

    Raises:
        NoAnswer: It cannot be started.
    """
    try:
        return await start(headers)
    except OSError as error:
        raise NoAnswer(f"cannot start the server: {error}") from error


async def answer_of(upstream: Upstream, request: Request) -> bytes:
    """Return the answer of an upstream to a request.

    Raises:
        NoAnswer: It ended before it answered.
    """
    client = _Answer()
    upstream.channel.request(request, client)
    return await client.line


def is_result(answer: bytes) -> bool:
    """Return whether an answer is a result, and no error."""
    try:
        return "result" in json.loads(answer)
    except (ValueError, RecursionError):
        return False
