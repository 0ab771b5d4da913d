"""Limits on the size and the arrival time of a request's body."""

from __future__ import annotations

from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.deadlines import DeadlineError, within
from server_core.layers.body_budget import BodyBudget
from server_core.layers.refusals import refuse
from server_core.sdk.requestors import client_of

_CLOSE: Final = (b"connection", b"close")
"""The rest of the body is not read, so the connection cannot be used again."""

_SMALL_BODY_BYTES: Final = 65_536
"""Bodies that count for nothing in the budget: a connection buffers as much anyway."""


class BodyLimit:
    """Read a request's body before `app` sees it, at most `max_bytes` and within `timeout_s` seconds.

    A larger body is answered 413, whether its length was declared or is only found while it streams in; one
    that arrives too slowly is answered 408, and one for which the `budget` has no room 503. `app` gets the
    body in one message.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, timeout_s: float, budget: BodyBudget | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] == "GET":
            # A GET opens a stream and has no meaningful body.
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._max_bytes:
            await self._refuse_size(send)
            return
        held = _Held(self._budget, scope)
        try:
            body = await self._read_body(receive, held)
            if body is None:
                return  # the client disconnected
            if len(body.get("body", b"")) > self._max_bytes:
                await self._refuse_size(send)
                return
            await self._app(scope, replay(body, receive), send)
        except _NotReadError as error:
            await refuse(send, error.status, str(error), [_CLOSE])
        finally:
            held.give_back()

    async def _read_body(self, receive: Receive, held: _Held) -> Message | None:
        """Return the body in one message, when complete or too large; None if the client disconnects.

        Raises:
            _NotReadError: It does not arrive in time, or there is no room for it.
        """
        ends_at_s = monotonic() + self._timeout_s
        message = await self._received(receive, self._timeout_s)
        if message["type"] != "http.request":
            return None
        held.hold(len(message.get("body", b"")))
        if not message.get("more_body", False):
            return message
        body = bytearray(message.get("body", b""))  # a list of tiny chunks would take far more memory
        while len(body) <= self._max_bytes and message.get("more_body", False):
            message = await self._received(receive, ends_at_s - monotonic())
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            held.hold(len(body))
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    async def _received(self, receive: Receive, timeout_s: float) -> Message:
        try:
            return await within(timeout_s, receive())
        except DeadlineError:
            raise _NotReadError(
                408, f"Expected the body within {self._timeout_s:g} s, got a part. Send it again."
            ) from None

    async def _refuse_size(self, send: Send) -> None:
        await refuse(
            send,
            413,
            f"Expected a request body of at most {self._max_bytes} bytes (setting max_body_bytes), got a "
            "larger one. Send less.",
            [_CLOSE],
        )


class _NotReadError(Exception):
    """A body was not read; `status` is that of the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Held:
    """The bytes that one request takes of the budget."""

    __slots__ = ("_budget", "_bytes", "_client", "_scope")

    def __init__(self, budget: BodyBudget | None, scope: Scope) -> None:
        self._budget = budget
        self._scope = scope
        self._client = b""
        self._bytes = 0

    def hold(self, size_bytes: int) -> None:
        """Take as much as a body of this size needs.

        Raises:
            _NotReadError: There is no room.
        """
        if self._budget is None or size_bytes <= _SMALL_BODY_BYTES:
            return
        if not self._bytes:
            self._client = client_of(self._scope)
        if not self._budget.take(self._client, size_bytes - self._bytes):
            raise _NotReadError(
                503,
                "Expected room for this body, got too many large ones at once (setting max_bodies_bytes). "
                "Send it again in a few seconds.",
            )
        self._bytes = size_bytes

    def give_back(self) -> None:
        """Give back all that was taken."""
        if self._budget is not None and self._bytes:
            self._budget.give_back(self._client, self._bytes)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            try:
                return int(value)
            except ValueError:
                return 0  # the HTTP server refuses it
    return 0


def replay(received: Message, receive: Receive) -> Receive:
    """Return a `receive` that returns `received` first and then the messages that follow.

    It lets go of `received` at once: what keeps a request, as sessions do, must not keep its body.
    """
    pending = [received]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
