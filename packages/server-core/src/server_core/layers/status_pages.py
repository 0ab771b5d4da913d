"""The pages `/health` and `/metrics`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse

PAGES: Final = ("/health", "/metrics")

Exposition = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Returns the metrics as text and their content type for an `Accept` header."""


class StatusPages:
    """Answer `/health` and `/metrics` with what `health` and `exposition` return; `app` answers the rest."""

    def __init__(
        self, app: ASGIApp, *, health: Callable[[], Mapping[str, Any]], exposition: Exposition
    ) -> None:
        self._app = app
        self._health = health
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        path = route_path(scope) if scope["type"] == "http" else None
        if path == "/health":
            await _answer(scope, send, "application/json", json.dumps(self._health()).encode())
        elif path == "/metrics":
            body, content_type = await self._exposition(_header(scope, b"accept"))
            await _answer(scope, send, content_type, body)
        else:
            await self._app(scope, receive, send)


async def _answer(scope: Scope, send: Send, content_type: str, body: bytes) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        await refuse(send, 405, f"{scope['path']} answers only GET and HEAD.", [(b"allow", b"GET, HEAD")])
        return
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _header(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
