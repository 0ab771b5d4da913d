"""Counts requests and ends endless streams when the server drains."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION_HEADER = b"mcp-session-id"
_LISTEN = (b"mcp-method", b"subscriptions/listen")
_CLOSE = (b"connection", b"close")
"""Tells a client not to send another request on this connection, where it would be lost."""


class Traffic:
    """Count the requests to `app`; after `drain`, end the streams that would never end by themselves.

    Requests `in_flight` include streams; `responses` are counted by HTTP status.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._draining = asyncio.Event()
        self.in_flight = 0
        self.responses: Counter[int] = Counter()
        self.sessions_created = 0

    def drain(self) -> None:
        """End server-to-client streams, now and in future; requests in flight continue."""
        self._draining.set()

    @property
    def is_draining(self) -> bool:
        """Whether `drain` was called."""
        return self._draining.is_set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.responses[message["status"]] += 1
                if _opens_session(scope, message):
                    self.sessions_created += 1
                if self._draining.is_set():
                    message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        self.in_flight += 1
        try:
            if scope["method"] == "GET" or _LISTEN in scope["headers"]:
                await self._serve_stream(scope, receive, counted_send)
            else:
                await self._app(scope, receive, counted_send)
        finally:
            self.in_flight -= 1

    async def _serve_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a response that may never end; to it a drain looks like a client that disconnects."""
        state = "silent"

        async def watched_send(message: Message) -> None:
            nonlocal state
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                state = "complete"
            elif state == "silent":
                state = "started"
            await send(message)

        async def receive_until_drain() -> Message:
            received = asyncio.ensure_future(receive())
            drained = asyncio.ensure_future(self._draining.wait())
            try:
                await asyncio.wait((received, drained), return_when=asyncio.FIRST_COMPLETED)
                return received.result() if received.done() else {"type": "http.disconnect"}
            finally:
                received.cancel()
                drained.cancel()

        await self._app(scope, receive_until_drain, watched_send)
        if state == "started" and self._draining.is_set():
            # Ends the body properly, so that the client sees a closed stream, not a broken one.
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _opens_session(scope: Scope, message: Message) -> bool:
    if message["status"] != 200 or not any(name == SESSION_HEADER for name, _ in message.get("headers", ())):
        return False
    return not any(name == SESSION_HEADER for name, _ in scope["headers"])
