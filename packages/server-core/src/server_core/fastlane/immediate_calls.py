"""Plain tool calls answered without waiting for anything, and so without a task and without ASGI messages.

uvicorn makes a cycle, an event and a task for each request, and an answer passes as two messages through as
many layers as the app has: more work than the call itself. A call whose tool never waits needs none of it.
The same layers are asked the same questions in the same order. Where one of them has anything to say but
yes, nothing has happened yet, and the request goes through them as any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from server_core.fastlane import Answer, CallHead, FastLane
from server_core.layers.auth import BearerAuth
from server_core.layers.guard import HostOriginGuard
from server_core.layers.rate_limit import RateLimit, client_of
from server_core.layers.traffic import Traffic


@dataclass(frozen=True, slots=True)
class KnownHead:
    """What all layers say about the head of a request; the same for each request with that head.

    Attributes:
        call: What the lane makes of it.
        client: Whom the rate limit counts it for; empty where there is none.
    """

    call: CallHead
    client: bytes


class AtOnce:
    """Answers POSTs to the MCP endpoint that have arrived whole.

    Args:
        traffic: Counts the answers.
        guard: Knows which hosts and origins are admitted.
        auth: Knows the callers; None where nobody has to say who they are.
        rate_limit: Keeps them to their rate; None where there is none.
        lane: Makes the calls; it knows no session of other workers.
        max_body_bytes: Longest body that is read.
    """

    def __init__(
        self,
        *,
        traffic: Traffic,
        guard: HostOriginGuard,
        auth: BearerAuth | None,
        rate_limit: RateLimit | None,
        lane: FastLane,
        max_body_bytes: int,
    ) -> None:
        self._traffic = traffic
        self._guard = guard
        self._auth = auth
        self._rate_limit = rate_limit
        self._lane = lane
        self._max_body_bytes = max_body_bytes

    def known(self, scope: Scope) -> KnownHead | None:
        """Return what is known of a request's head, None when one of the layers has to see the request.

        Args:
            scope: The request's, as ASGI has it.
        """
        if not self._guard.admits(scope):
            return None
        admitted = scope if self._auth is None else self._auth.known(scope)
        if admitted is None:
            return None
        call = self._lane.head(admitted)
        if call is None:
            return None
        return KnownHead(call, b"" if self._rate_limit is None else client_of(admitted))

    def answer(self, head: KnownHead, body: bytes) -> Answer | None:
        """Answer a request; None, with nothing done, when it has to go the usual way.

        Runs in the caller's context and leaves in it what the tool sets.
        """
        if self._traffic.is_draining or len(body) > self._max_body_bytes:
            return None
        limit = self._rate_limit
        # The limit is asked last, for asking costs the client a token.
        admits = None if limit is None else lambda: limit.admits(head.client)
        answer = self._lane.answered_at_once(head.call, body, admits)
        if answer is not None:
            self._traffic.responses[answer.status] += 1
        return answer
