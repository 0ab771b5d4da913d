"""Plain tool calls answered without waiting, and so without a task and without ASGI messages.

uvicorn makes a cycle, an event and a task for each request, and a response passes as two messages through
every layer of the app: more work than the call itself. A call whose tool never waits needs none of that. The
same layers check the request in the same order. If any of them has more to do than to admit it, nothing has
happened yet, and the request takes the usual way through ASGI.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass

from starlette.types import Scope

from server_core.fastlane import Answer, CallHead, FastLane
from server_core.layers.auth import BearerAuth
from server_core.layers.guard import HostOriginGuard
from server_core.layers.rate_limit import RateLimit
from server_core.layers.server_timing import begin_timing
from server_core.layers.traffic import Traffic
from server_core.sdk.requestors import client_of


@dataclass(frozen=True, slots=True)
class AdmittedHead:
    """A request head that all layers admit; every request with the same head is admitted too."""

    call: CallHead
    client: bytes
    """The rate limit's key for the client; empty if there is no rate limit."""


@dataclass(kw_only=True)
class ImmediateCalls:
    """Answers POSTs to the MCP endpoint that have arrived completely.

    A server without tokens has no `auth`. The lane does not know the sessions of other workers.
    """

    traffic: Traffic
    guard: HostOriginGuard
    auth: BearerAuth | None
    rate_limit: RateLimit | None
    lane: FastLane
    max_body_bytes: int

    def admit(self, scope: Scope) -> AdmittedHead | None:
        """Return a request's head if all layers admit it, None if one of them has to handle the request."""
        if not self.guard.admits(scope):
            return None
        authenticated = scope if self.auth is None else self.auth.authenticate(scope)
        if authenticated is None:
            return None
        call = self.lane.head(authenticated)
        if call is None:
            return None
        return AdmittedHead(call, b"" if self.rate_limit is None else client_of(authenticated))

    def context(self) -> contextvars.Context:
        """Return a context of which each answer needs a copy: it leaves in it whatever a tool sets."""
        context = contextvars.copy_context()
        context.run(self.lane.prepare_context)
        return context

    def answer(self, head: AdmittedHead, body: bytes) -> Answer | None:
        """Answer a request, in a copy of `context`; None, with nothing done, if it takes the usual way."""
        if self.traffic.is_draining or len(body) > self.max_body_bytes:
            return None
        limit = self.rate_limit
        # The rate limit is checked last, because the check takes one of the client's tokens.
        admits = None if limit is None else lambda: limit.admits(head.client)
        answer = self.lane.answer_immediately(head.call, body, admits)
        if answer is not None:
            self.traffic.responses[answer.status] += 1
        return answer


class TimedImmediateCalls(ImmediateCalls):
    """Answers such requests, and tells how long that took."""

    def answer(self, head: AdmittedHead, body: bytes) -> Answer | None:
        """Answer a request, with its timing."""
        timing = begin_timing()
        answer = super().answer(head, body)
        if answer is not None:
            answer.timing = timing.header()
        return answer
