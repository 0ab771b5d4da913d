"""FastMCP's streams over stdio, open after the end of stdin until the requests in flight are answered.

The SDK cancels them at the end of stdin, and answers "Connection closed" to each. A client that pipes its
requests in, or closes stdin as soon as it has sent them, would lose those answers.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from typing import Any, Final, Self

import anyio
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from server_core.sdk.internals import replaced_stdio_server, stdio_server

_logger = logging.getLogger(__name__)

_ENDLESS: Final = frozenset({"subscriptions/listen"})
"""Requests that are answered when the client cancels them."""


class OpenRequests:
    """Requests of the client that have no answer yet.

    Attributes:
        has_input_ended: Whether stdin has ended; nothing further will arrive.
    """

    def __init__(self, timeout_s: float) -> None:
        self.has_input_ended = False
        self._timeout_s = timeout_s
        self._open: Counter[int | str] = Counter()
        self._none_is_open = anyio.Event()

    def note_received(self, item: SessionMessage | Exception) -> None:
        """Note a message from the client."""
        message = item.message if isinstance(item, SessionMessage) else None
        if isinstance(message, JSONRPCRequest) and message.method not in _ENDLESS:
            self._open[coerce_request_id(message.id)] += 1
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            # The SDK does not answer it any more.
            self._settle(cancelled_request_id_from_params(message.params))

    def note_sent(self, item: SessionMessage) -> None:
        """Note a message to the client."""
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._settle(item.message.id)

    def _settle(self, request_id: int | str | None) -> None:
        key = None if request_id is None else coerce_request_id(request_id)
        if key is not None and self._open[key] > 1:
            self._open[key] -= 1
        elif key is not None:
            del self._open[key]
        if self.has_input_ended and not self._open:
            self._none_is_open.set()

    async def all_answered(self) -> None:
        """Wait, after the end of stdin, until all requests are answered, at most `timeout_s` seconds."""
        self.has_input_ended = True
        if self._open:
            _logger.info("stdin has ended: %d requests in flight", self._open.total())
            with anyio.move_on_after(self._timeout_s):
                await self._none_is_open.wait()


@contextmanager
def answering_after_end_of_input(timeout_s: float) -> Iterator[OpenRequests]:
    """Let FastMCP's stdio transport answer, within `timeout_s` seconds, what is in flight when stdin ends."""
    requests = OpenRequests(timeout_s)

    @asynccontextmanager
    async def streams() -> AsyncIterator[tuple[_Incoming, _Outgoing]]:
        async with stdio_server() as (incoming, outgoing):
            yield _Incoming(incoming, requests), _Outgoing(outgoing, requests)

    with replaced_stdio_server(streams):
        yield requests


class _Incoming:
    """Messages from the client; ends when all of them are answered."""

    def __init__(self, stream: Any, requests: OpenRequests) -> None:
        self._stream = stream
        self._requests = requests

    @property
    def last_context(self) -> Context | None:
        """The context variables with which the last message was sent."""
        context: Context | None = self._stream.last_context
        return context

    async def receive(self) -> SessionMessage | Exception:
        try:
            item: SessionMessage | Exception = await self._stream.receive()
        except anyio.EndOfStream:
            await self._requests.all_answered()
            raise
        self._requests.note_received(item)
        return item

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Outgoing:
    """Messages to the client."""

    def __init__(self, stream: Any, requests: OpenRequests) -> None:
        self._stream = stream
        self._requests = requests

    async def send(self, item: SessionMessage, /) -> None:
        await self._stream.send(item)
        self._requests.note_sent(item)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
