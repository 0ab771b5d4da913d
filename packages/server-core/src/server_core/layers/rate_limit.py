"""The layer that limits each client's message rate."""

from __future__ import annotations

import math
from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.layers.token_buckets import Rate, TokenBuckets
from server_core.sdk.requestors import client_of

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
