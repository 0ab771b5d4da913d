"""The layer that answers 404 to all paths but those of the app.

Starlette's routes end with `$`, which also matches before a line feed: without this layer FastMCP would
answer `POST /mcp%0a`, past every layer that compares the path. It also keeps clients that look for an
authorization server (`/.well-known/…`, `/register`) from taking the 401 of a missing token for a broken one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.layers.status_pages import PAGES
from server_core.layers.trusted_proxies import IS_FORWARDED

_AMBIGUOUS: Final = re.compile(r"[\x00-\x1f\x7f\\]|/\.\.?(?:/|$)")
"""Control characters, backslashes, `.` and `..`: an app may take such a path for another one.

Starlette serves `secret.txt` as `/health/../secret.txt`, which would need no token.
"""


class KnownPaths:
    """Let requests for `path`, the status pages and `routes` through to `app`; answer 404 to others.

    A path with a slash too much or too little is redirected. The reference is relative, so it is right behind
    any proxy: the client goes on with its own scheme and host. If a trusted proxy tells them, it is absolute.
    """

    def __init__(self, app: ASGIApp, *, path: str, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._path = path
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = route_path(scope)
        if self._is_known(path, scope):
            await self._app(scope, receive, send)
        elif self._is_known(_with_other_ending(path), _with_other_ending_of_path(scope)):
            await _redirect(path, scope, send)
        else:
            await refuse(send, 404, "Not found. The MCP endpoint of this server has another path.")

    def _is_known(self, path: str, scope: Scope) -> bool:
        if path == self._path or path in PAGES:
            return True
        if _AMBIGUOUS.search(path):
            return False
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)


def _with_other_ending(path: str) -> str:
    return path[:-1] if path.endswith("/") else f"{path}/"


def _with_other_ending_of_path(scope: Scope) -> Scope:
    return {**scope, "path": _with_other_ending(scope["path"])}


async def _redirect(path: str, scope: Scope, send: Send) -> None:
    segment = quote(path.rstrip("/").rpartition("/")[2])
    location = f"../{segment}" if path.endswith("/") else f"./{segment}/"
    if scope.get(IS_FORWARDED):
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        location = f"{scope['scheme']}://{host}{quote(_with_other_ending(scope['path']))}"
    if scope["query_string"]:
        location += f"?{scope['query_string'].decode('latin-1')}"
    headers = [(b"location", location.encode("latin-1")), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
