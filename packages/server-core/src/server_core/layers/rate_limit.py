"""The layer that limits each client's message rate."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.layers.token_buckets import Rate, TokenBuckets

_RATE_LIMITED: Final = -32003
"""JSON-RPC reserves -32000 to -32099 for implementations."""


class RateLimit:
    """Let a client's messages through to `app` while its bucket has tokens; answer 429 to the rest.

    A message is a POST to `path`. A client is identified by its bearer token, else by its address. `refused`
    is the number of messages refused so far.
    """

    def __init__(self, app: ASGIApp, *, path: str, rate: Rate, buckets: TokenBuckets) -> None:
        self._app = app
        self._path = path
        self._rate = rate
        self._buckets = buckets
        self.refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and scope["method"] == "POST" and route_path(scope) == self._path:
            wait_s = self._wait_s(client_of(scope))
            if wait_s > 0:
                self.refused += 1
                await self._refuse(send, math.ceil(wait_s))
                return
        await self._app(scope, receive, send)

    def admits(self, client: bytes) -> bool:
        """Take a token from the client's bucket and return whether there was one."""
        return self._wait_s(client) <= 0

    def _wait_s(self, client: bytes) -> float:
        return self._buckets.take(client, monotonic())

    async def _refuse(self, send: Send, retry_after_s: int) -> None:
        rate = self._rate
        await refuse(
            send,
            429,
            f"Expected at most {rate.per_s:g} messages per second, and {rate.burst} at once after a pause, "
            f"got more. Try again in {retry_after_s} s.",
            [(b"retry-after", b"%d" % retry_after_s)],
            code=_RATE_LIMITED,
        )


def client_of(scope: Scope) -> bytes:
    """Return a key for the sender of a request: the token's name, else the address (of IPv6, the /64)."""
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
