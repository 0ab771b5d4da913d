"""Limits on the size and the arrival time of a request's body."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.deadlines import DeadlineError, within
from server_core.layers.refusals import refuse

_CLOSE: Final = (b"connection", b"close")
"""The rest of the body is not read, so the connection cannot be used again."""


class BodyLimit:
    """Read a request's body before `app` sees it, at most `max_bytes` and within `timeout_s` seconds.

    A larger body is answered 413, whether its length was declared or is only found while it streams in; one
    that arrives too slowly is answered 408. `app` gets the body in one message.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] == "GET":
            # A GET opens a stream and has no meaningful body.
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._max_bytes:
            await self._refuse_size(send)
            return
        try:
            body = await self._read_body(receive)
        except DeadlineError:
            text = f"Expected the body within {self._timeout_s:g} s, got a part. Send it again."
            await refuse(send, 408, text, [_CLOSE])
            return
        if body is None:
            return  # the client disconnected
        if len(body.get("body", b"")) > self._max_bytes:
            await self._refuse_size(send)
            return
        await self._app(scope, replay(body, receive), send)

    async def _read_body(self, receive: Receive) -> Message | None:
        """Return the body in one message, when complete or too large; None if the client disconnects."""
        ends_at_s = monotonic() + self._timeout_s
        message = await within(self._timeout_s, receive())
        if message["type"] != "http.request":
            return None
        if not message.get("more_body", False):
            return message
        chunks = [message.get("body", b"")]
        size = len(chunks[0])
        while size <= self._max_bytes and message.get("more_body", False):
            message = await within(ends_at_s - monotonic(), receive())
            if message["type"] != "http.request":
                return None
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        return {"type": "http.request", "body": b"".join(chunks), "more_body": False}

    async def _refuse_size(self, send: Send) -> None:
        await refuse(
            send,
            413,
            f"Expected a request body of at most {self._max_bytes} bytes (setting max_body_bytes), got a "
            "larger one. Send less.",
            [_CLOSE],
        )


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            try:
                return int(value)
            except ValueError:
                return 0  # the HTTP server refuses it
    return 0


def replay(received: Message, receive: Receive) -> Receive:
    """Return a `receive` that returns `received` first and then the messages that follow."""
    messages: Iterator[Message] = iter((received,))

    async def replayed() -> Message:
        for message in messages:
            return message
        return await receive()

    return replayed
