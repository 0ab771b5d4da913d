"""FastMCP's Host and Origin check for every path, with its verdicts cached.

A web page can make its user's browser call a server on loopback (DNS rebinding), so the specification
requires the Origin check. FastMCP implements it; its verdict depends on four values only, and computing it
costs more than many calls, so the admitted combinations are remembered.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from fastmcp.server.http import HostOriginGuardMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.layers.refusals import refuse

_logger = logging.getLogger(__name__)

_MAX_ADMITTED: Final = 256
"""Clients choose the values, so the memory is bounded; it is emptied when full."""

_MAX_EXPLAINED: Final = 64
"""Refused values that the log explains, once each: clients choose them, and must not fill the log."""

_MAX_SHOWN: Final = 200

_MISDIRECTED: Final = 421

_CHECKED_HEADERS: Final = frozenset({b"host", b"origin"})

_Combination = tuple[object, ...]


class HostOriginGuard:
    """Let requests with an admitted Host and Origin through to `app`; answer 421 or 403 to others.

    Admitted hosts are loopback, the address the connection arrived at, and `allowed_hosts`; admitted origins
    are the server's own, loopback if the host is loopback, and `allowed_origins`. Either header twice is 400.
    `variables` are the environment variables of the two lists, which the log names.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Sequence[str],
        allowed_origins: Sequence[str],
        variables: tuple[str, str] = ("MCP_ALLOWED_HOSTS", "MCP_ALLOWED_ORIGINS"),
    ) -> None:
        self._app = app
        self._admitted: set[_Combination] = set()
        self._of_no_page: set[_Combination] = set()
        self._explained: set[tuple[int, str]] = set()
        self._variables = variables
        self._check = HostOriginGuardMiddleware(
            self._admit, allowed_hosts=allowed_hosts, allowed_origins=allowed_origins, mode="strict"
        )

    def admits(self, scope: Scope) -> bool:
        """Return whether a request with this Host has been admitted before, and is not a web page's.

        The response to a page's request needs headers of its own.
        """
        return _combination(scope) in self._of_no_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or _combination(scope) in self._admitted:
            await self._app(scope, receive, send)
            return
        names = [name for name, _ in scope["headers"] if name in _CHECKED_HEADERS]
        if len(names) > len(set(names)):
            await refuse(send, 400, "Expected Host and Origin at most once, got one of them twice.")
            return

        async def explained_send(message: Message) -> None:
            if message["type"] == "http.response.start" and _combination(scope) not in self._admitted:
                self._explain(scope, message["status"])
            await send(message)

        await self._check(scope, receive, explained_send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._admitted) >= _MAX_ADMITTED:
            self._admitted.clear()
            self._of_no_page.clear()
        combination = _combination(scope)
        self._admitted.add(combination)
        if not any(name == b"origin" for name, _ in scope["headers"]):
            self._of_no_page.add(combination)
        await self._app(scope, receive, send)

    def _explain(self, scope: Scope, status: int) -> None:
        """Log, once per value, which setting would admit a refused request."""
        number = 0 if status == _MISDIRECTED else 1
        header, variable = (b"host", b"origin")[number], self._variables[number]
        value = next((value for name, value in scope["headers"] if name == header), b"").decode("latin-1")
        if (status, value) in self._explained or len(self._explained) >= _MAX_EXPLAINED:
            return
        self._explained.add((status, value))
        _logger.warning(
            "refused %s %r with %d: if it should be admitted, name it in %s or --%s",
            header.decode().title(),
            value[:_MAX_SHOWN],
            status,
            variable,
            ("allowed-hosts", "allowed-origins")[number],
        )


def _combination(scope: Scope) -> _Combination:
    """Return the values that the verdict depends on, including each value of a repeated header."""
    checked = [tuple(header) for header in scope["headers"] if header[0] in _CHECKED_HEADERS]
    server = scope.get("server")  # any pair: some ASGI servers and test clients give a list
    return (scope.get("scheme"), None if server is None else tuple(server), *checked)
