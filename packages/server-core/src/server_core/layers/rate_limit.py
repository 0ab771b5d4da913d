"""The layer that keeps each client to its rate."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.refusals import refuse
from server_core.layers.token_buckets import Rate, TokenBuckets

_TOO_FAST: Final = -32003
"""JSON-RPC leaves -32000 to -32099 to implementations."""


class RateLimit:
    """Let a client's messages through to `app` while its bucket has tokens, answer 429 to others.

    A message is a POST to the MCP endpoint. A client is who has a token, otherwise an address.

    Args:
        app: Gets what is let through.
        path: The MCP endpoint.
        rate: For the sentence that a refused client gets.
        buckets: Of that rate.
    """

    def __init__(self, app: ASGIApp, *, path: str, rate: Rate, buckets: TokenBuckets) -> None:
        self._app = app
        self._path = path
        self._rate = rate
        self._buckets = buckets
        self.refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self._path:
            wait_s = self._wait_s(client_of(scope))
            if wait_s > 0:
                self.refused += 1
                await self._refuse(send, math.ceil(wait_s))
                return
        await self._app(scope, receive, send)

    def admits(self, client: bytes) -> bool:
        """Take a client's token for a message and return whether there was one; a refusal takes none."""
        return self._wait_s(client) <= 0

    def _wait_s(self, client: bytes) -> float:
        return self._buckets.take(client, monotonic())

    async def _refuse(self, send: Send, retry_after_s: int) -> None:
        rate = self._rate
        await refuse(
            send,
            429,
            f"Too many messages: a client may send {rate.per_s:g} per second, and {rate.burst} at once after "
            f"a pause. Try again in {retry_after_s} s.",
            [(b"retry-after", b"%d" % retry_after_s)],
            code=_TOO_FAST,
        )


def client_of(scope: Scope) -> bytes:
    """Return who sent a request: the caller of a token, else the address; the /64 of an IPv6 client."""
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser):
        return user.access_token.client_id.encode()
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host.encode()
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.packed
        return address.packed[:8]
    return address.packed
