"""The caller of the call being served, for tools that keep something per caller.

A tool that takes FastMCP's context only for this is not plain and leaves the fast lane; `caller()` works on
the lane and behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from fastmcp.server.dependencies import fastmcp_request_ctx, get_http_request
from starlette.types import Scope

from server_core.sdk.internals import connection_session_id
from server_core.sdk.requestors import requestor_of


@dataclass(frozen=True, slots=True)
class Caller:
    """The session and the client that made a call.

    Attributes:
        session: Id of the session, which is open and the caller's; None on the stateless wire, over stdio,
            and in memory.
        client: Name of the caller's bearer token (never the token itself); None if the server asks for none.
    """

    session: str | None = None
    client: str | None = None


lane_caller: ContextVar[Caller | None] = ContextVar("lane_caller", default=None)
"""The caller of a call on the lane, which knows it already."""


def caller() -> Caller:
    """Return who made the call that is being served; for use in a tool, resource or prompt.

    Example:
        >>> notes: dict[Caller, list[str]] = {}
        >>> async def remember(note: str) -> int:
        ...     mine = notes.setdefault(caller(), [])
        ...     mine.append(note)
        ...     return len(mine)
    """
    return lane_caller.get() or _caller_behind_the_lane()


@contextmanager
def as_caller(who: Caller) -> Iterator[None]:
    """Let `caller()` return `who` within the block."""
    token = lane_caller.set(who)
    try:
        yield
    finally:
        lane_caller.reset(token)


def caller_of(scope: Scope, session_id: bytes | None) -> Caller:
    """Return the caller who sent a request.

    `session_id` must have been found and compared with its owner; it is None for a request without a session.
    """
    return _caller(scope, session_id.decode("latin-1") if session_id is not None else None)


def _caller_behind_the_lane() -> Caller:
    try:
        request = get_http_request()
    except RuntimeError:
        return Caller()
    # Not the session that the request names: anybody can send any id, and on the stateless wire nobody looks.
    context = fastmcp_request_ctx.get()
    return _caller(request.scope, None if context is None else connection_session_id(context.session))


def _caller(scope: Scope, session: str | None) -> Caller:
    requestor = requestor_of(scope)
    return Caller(session, requestor["client_id"] if requestor is not None else None)
