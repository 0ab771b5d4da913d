"""Bearer tokens: who may call, and as whom. Source: RFC 6750; the MCP specification's authorization for HTTP.

A token is a shared secret out of the settings. Whoever needs OAuth gives the FastMCP app an `auth` provider
of its own; this layer is for servers that a handful of known clients call.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.refusals import refuse

_OPEN_PATH: Final = "/health"
"""Whoever watches the server needs no secret: the answer tells nothing but that it runs. An app may have
pages below it (readiness, for example)."""

_CHALLENGE: Final = b'Bearer realm="mcp"'


class BearerAuth:
    """Let requests with one of `tokens` through to `app`, which finds the caller in `scope["user"]`.

    Others are answered 401. Two tokens are two callers: a session belongs to the one that opened it.

    Args:
        app: Gets what is let through.
        tokens: At least one.
    """

    def __init__(self, app: ASGIApp, tokens: Sequence[str]) -> None:
        self._app = app
        self._callers = [(_digest(token.encode()), _caller(token)) for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or f"{scope['path']}/".startswith(f"{_OPEN_PATH}/"):
            await self._app(scope, receive, send)
            return
        known = self.known(scope)
        if known is None:
            await _refuse(send, presented=bool(_given(scope)))
        else:
            await self._app(known, receive, send)

    def known(self, scope: Scope) -> Scope | None:
        """Return a request's scope with its caller in it, None without a token that is known."""
        given = _given(scope)
        caller = self._caller_with(given[0]) if len(given) == 1 else None
        return None if caller is None else {**scope, "user": caller}

    def _caller_with(self, authorization: bytes) -> AuthenticatedUser | None:
        scheme, _, token = authorization.strip(b" \t").partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = _digest(token.strip(b" "))
        found = None
        # All are looked at, and all of each: how long it takes says nothing about any token.
        for known, caller in self._callers:
            if hmac.compare_digest(digest, known):
                found = caller
        return found


def _given(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"authorization"]


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _caller(token: str) -> AuthenticatedUser:
    """Return the caller that a token stands for; neither its name nor anything else tells the token."""
    name = f"token-{_digest(token.encode()).hex()[:12]}"
    return AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))


async def _refuse(send: Send, *, presented: bool) -> None:
    challenge = _CHALLENGE + (b', error="invalid_token"' if presented else b"")
    said = (
        "The token is not one that this server knows."
        if presented
        else "This server requires a bearer token."
    )
    await refuse(
        send, 401, f"{said} Send `Authorization: Bearer <token>`.", [(b"www-authenticate", challenge)]
    )
