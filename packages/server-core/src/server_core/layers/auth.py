"""Bearer tokens that admit and identify callers.

Sources: RFC 6750; the MCP specification's authorization for HTTP. A token is a shared secret from the
settings. For OAuth, give the FastMCP app an `auth` provider instead; this layer is for servers with a handful
of clients. With both, the provider judges what comes to the MCP endpoint, its own pages are open, as clients
read them before they have a token, and the tokens of the settings guard all other pages.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse

_OPEN_PATH: Final = "/health"
"""Needs no token: the response says only that the server runs. An app may have pages below this path."""

_CHALLENGE: Final = b'Bearer realm="mcp"'


class BearerAuth:
    """Let requests with one of `tokens` through to `app`; answer 401 to others.

    The next layer finds the caller in `scope["user"]`. Two tokens are two callers: a session belongs to the
    one that opened it. What `app` guards itself needs no token of these: requests for `guarded_path`, and
    those for `open_routes`.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Sequence[str],
        *,
        guarded_path: str | None = None,
        open_routes: Sequence[BaseRoute] = (),
    ) -> None:
        self._app = app
        self._guarded_path = guarded_path
        self._open_routes = open_routes
        self._users = [(_digest(token.encode()), _user(token)) for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        authenticated = self.authenticate(scope)
        if authenticated is None:
            await _refuse(send, has_token=bool(_authorizations(scope)))
        else:
            await self._app(authenticated, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        path = route_path(scope)
        if path == self._guarded_path or f"{path}/".startswith(f"{_OPEN_PATH}/"):
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self._open_routes)

    def authenticate(self, scope: Scope) -> Scope | None:
        """Return a request's scope with its caller in it, None without a valid token."""
        authorizations = _authorizations(scope)
        user = self._user_with(authorizations[0]) if len(authorizations) == 1 else None
        return None if user is None else {**scope, "user": user}

    def _user_with(self, authorization: bytes) -> AuthenticatedUser | None:
        scheme, _, token = authorization.strip(b" \t").partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = _digest(token.strip(b" "))
        match = None
        # Every token is compared, and completely, so that the time taken reveals nothing about any of them.
        for candidate, user in self._users:
            if hmac.compare_digest(digest, candidate):
                match = user
        return match


def _authorizations(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"authorization"]


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _user(token: str) -> AuthenticatedUser:
    """Return the caller that a token identifies; nothing in it reveals the token."""
    name = f"token-{_digest(token.encode()).hex()[:12]}"
    return AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))


async def _refuse(send: Send, *, has_token: bool) -> None:
    challenge = _CHALLENGE + (b', error="invalid_token"' if has_token else b"")
    reason = "Expected a valid bearer token, got " + ("an unknown one" if has_token else "none")
    await refuse(
        send, 401, f"{reason}. Send `Authorization: Bearer <token>`.", [(b"www-authenticate", challenge)]
    )
