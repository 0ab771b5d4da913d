"""Cross-origin requests of the web pages that the guard admits (the Fetch standard, CORS).

A browser sends a preflight request before a call, and shows a page only responses that name its origin. A
preflight carries no token, so it is answered before tokens are checked.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
"""All that a program's own routes may have; those that a path does not serve are answered 405."""

_EXPOSED: Final = b"Mcp-Session-Id, Mcp-Protocol-Version, WWW-Authenticate, Retry-After"
_KEPT_S: Final = b"600"

_VARY: Final = (b"vary", b"Origin")
_ALLOW_ORIGIN: Final = b"access-control-allow-origin"


class Cors:
    """Answer preflight requests, and let pages read the responses of `app`.

    Stands behind the guard: whatever has an Origin here is admitted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None:
            await _answer_preflight(scope, origin, send)
            return

        async def readable_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == _ALLOW_ORIGIN for name, _ in headers):  # of a route's own
                    own = (
                        (_ALLOW_ORIGIN, origin),
                        (b"access-control-expose-headers", _EXPOSED),
                        _VARY,
                    )
                    message = {**message, "headers": [*headers, *own]}
            await send(message)

        await self._app(scope, receive, readable_send)


async def _answer_preflight(scope: Scope, origin: bytes, send: Send) -> None:
    headers = [
        (_ALLOW_ORIGIN, origin),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-max-age", _KEPT_S),
        _VARY,
    ]
    # Names are the client's choice: a tool's parameters may be sent as headers, too.
    requested = _header(scope, b"access-control-request-headers")
    if requested:
        headers.append((b"access-control-allow-headers", requested))
    if _header(scope, b"access-control-request-private-network") == b"true":
        headers.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)
