"""What one request may cost: bytes and time of its body."""

from __future__ import annotations

from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.deadlines import DeadlineError, within
from server_core.layers.refusals import refuse

_UNREAD: Final = (b"connection", b"close")
"""What is left of the body is not waited for."""


class BodyLimit:
    """Read a request's body before `app` sees it, within `max_bytes` and `timeout_s` seconds.

    A body beyond the limit is answered 413, whether its length was declared or only found out while it
    streamed in; one that arrives too slowly is answered 408. `app` gets the body in one message.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] == "GET":
            # A GET opens a stream here and carries no body worth reading.
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._max_bytes:
            await self._refuse_size(send)
            return
        try:
            whole = await self._whole(receive)
        except DeadlineError:
            message = f"The request body did not arrive within {self._timeout_s:g} s: send it again."
            await refuse(send, 408, message, [_UNREAD])
            return
        if whole is None:
            return  # the client left before it had said what it wanted
        if len(whole.get("body", b"")) > self._max_bytes:
            await self._refuse_size(send)
            return
        await self._app(scope, _replay(whole, receive), send)

    async def _whole(self, receive: Receive) -> Message | None:
        """Return the body in one message, as soon as it is complete or too large; None without a client."""
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
            f"The request body is too large: at most {self._max_bytes} bytes are accepted (setting "
            "max_body_bytes). Send less.",
            [_UNREAD],
        )


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            try:
                return int(value)
            except ValueError:
                return 0  # the HTTP parser refuses such a request; found out while streaming at the latest
    return 0


def _replay(message: Message, receive: Receive) -> Receive:
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return message

    return replay
