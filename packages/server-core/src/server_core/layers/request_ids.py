"""Refusal of a request whose id another request of its session still uses.

JSON-RPC tells answers apart by the ids of their requests, and MCP forbids to use one twice in a session. The
SDK keeps the streams of requests by id: a second request with the same id takes the place of the first, which
then waits for ever, keeps its session open and outlives its connection.
"""

from __future__ import annotations

from pydantic_core import from_json
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.body_limit import replay
from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.sdk.session_ids import session_of


class UniqueRequestIds:
    """Answer 400 to a POST to `path` whose session has a request with the same id in progress.

    `app` answers all others. A body must be in one message.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self._in_progress: set[tuple[bytes, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        session = session_of(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        if session is None or route_path(scope) != self._path:
            await self._app(scope, receive, send)
            return
        received = await receive()
        identity = _request_id(received.get("body", b""))
        if identity is None:
            await self._app(scope, replay(received, receive), send)
            return
        key = (session, identity)
        if key in self._in_progress:
            await refuse(
                send,
                400,
                f"Expected an id of no request in progress, got {identity[:50]!r} again: use another one.",
            )
            return
        self._in_progress.add(key)
        try:
            await self._app(scope, replay(received, receive), send)
        finally:
            self._in_progress.discard(key)


def _request_id(body: bytes) -> str | None:
    """Return a request's id as the SDK compares it, None for any other message.

    The SDK takes 1 and "1" for the same id.
    """
    try:
        message = from_json(body)
    except ValueError:
        return None
    if type(message) is not dict or "method" not in message or message.get("id") is None:
        return None
    return str(message["id"])
