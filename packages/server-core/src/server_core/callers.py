"""Who is calling, for tools that keep something for each caller.

A tool that takes FastMCP's context for this alone is not plain, and leaves the fast lane; `caller()` works on
the lane and behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose call is being served.

    Attributes:
        session: Id of the session; None without one: on the stateless wire, over stdio, and in memory.
        client: What the caller's bearer token is called (never the token); None where none is asked for.
    """

    session: str | None = None
    client: str | None = None


_on_the_lane: ContextVar[Caller | None] = ContextVar("_on_the_lane", default=None)


def caller() -> Caller:
    """Return who made the call that is being served; call it in a tool, resource or prompt."""
    return _on_the_lane.get() or _behind_the_lane()


@contextmanager
def calling(who: Caller) -> Iterator[None]:
    """Let `caller()` return `who` within the block."""
    token = _on_the_lane.set(who)
    try:
        yield
    finally:
        _on_the_lane.reset(token)


def now_serving(who: Caller) -> None:
    """Let `caller()` return `who` in this context from now on, for contexts that last as long as a call."""
    _on_the_lane.set(who)


def _behind_the_lane() -> Caller:
    from fastmcp.server.dependencies import get_http_request

    from server_core.fastlane.sdk_sessions import requestor_of

    # Loaded here: a module-level import would go round in a circle with the lane.
    try:
        request = get_http_request()
    except RuntimeError:
        return Caller()
    requestor = requestor_of(request.scope)
    client = requestor["client_id"] if requestor is not None else None
    return Caller(request.headers.get("mcp-session-id"), client)
