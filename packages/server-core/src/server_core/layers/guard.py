"""FastMCP's Host and Origin check for every path, with its verdicts cached.

A web page can make its user's browser call a server on loopback (DNS rebinding), so the specification
requires the Origin check. FastMCP implements it; its verdict depends on four values only, and computing it
costs more than many calls, so the admitted combinations are remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastmcp.server.http import HostOriginGuardMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_MAX_ADMITTED: Final = 256
"""Clients choose the values, so the memory is bounded; it is emptied when full."""

_CHECKED_HEADERS: Final = frozenset({b"host", b"origin"})

_Combination = tuple[object, ...]


class HostOriginGuard:
    """Let requests with an admitted Host and Origin through to `app`; answer 421 or 403 to others.

    Admitted hosts are loopback, the address the connection arrived at, and `allowed_hosts`; admitted origins
    are the server's own, loopback if the host is loopback, and `allowed_origins`.
    """

    def __init__(self, app: ASGIApp, *, allowed_hosts: Sequence[str], allowed_origins: Sequence[str]) -> None:
        self._app = app
        self._admitted: set[_Combination] = set()
        self._check = HostOriginGuardMiddleware(
            self._admit, allowed_hosts=allowed_hosts, allowed_origins=allowed_origins, mode="strict"
        )

    def admits(self, scope: Scope) -> bool:
        """Return whether a request with this Host and Origin has been admitted before."""
        return _combination(scope) in self._admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or self.admits(scope):
            await self._app(scope, receive, send)
        else:
            await self._check(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._admitted) >= _MAX_ADMITTED:
            self._admitted.clear()
        self._admitted.add(_combination(scope))
        await self._app(scope, receive, send)


def _combination(scope: Scope) -> _Combination:
    """Return the values that the verdict depends on, including each value of a repeated header."""
    checked = [tuple(header) for header in scope["headers"] if header[0] in _CHECKED_HEADERS]
    server = scope.get("server")  # any pair: some ASGI servers and test clients give a list
    return (scope.get("scheme"), None if server is None else tuple(server), *checked)
