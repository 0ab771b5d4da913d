"""Sessions of the SDK: held while the lane serves them, and left alone where they see other tools."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from fastmcp import FastMCP
from mcp.server.auth.middleware.bearer_auth import (
    AuthenticatedUser,
    AuthorizationContext,
    authorization_context,
)
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Scope

Requestor = AuthorizationContext
"""Whom a session belongs to, as the SDK tells them apart."""

_RULES = ":_visibility_rules"
"""End of the keys under which FastMCP keeps the rules of sessions."""


def requestor_of(scope: Scope) -> Requestor | None:
    """Return who sent a request, None where nobody has to say who they are."""
    user = scope.get("user")
    return authorization_context(user) if isinstance(user, AuthenticatedUser) else None


@contextmanager
def hold_session(
    manager: StreamableHTTPSessionManager, session_id: bytes, requestor: Requestor | None
) -> Iterator[bool]:
    """Yield whether a session is open and the requestor's own; it does not expire meanwhile.

    The SDK suspends a session's idle countdown while a request is served and starts it anew afterwards; this
    does the same.
    """
    name = session_id.decode("latin-1")
    transport = manager._server_instances.get(name)
    is_own = manager._session_owners.get(name) == requestor
    if transport is None or transport.is_terminated or not is_own:
        yield False
        return
    scope = transport.idle_scope
    if scope is None or transport._idle_timeout is None:
        yield True
        return
    if scope.cancel_called:
        yield False
        return
    transport._requests_in_flight += 1
    scope.deadline = math.inf
    try:
        yield True
    finally:
        transport._requests_in_flight -= 1
        if not transport._requests_in_flight:
            scope.deadline = anyio.current_time() + transport._idle_timeout


class SessionViews:
    """Notices when a session begins to see other tools than the app has.

    A tool can hide or show tools for its own session (``ctx.disable_components``). FastMCP keeps these
    rules in its store of session state, where they pass this watch.

    Attributes:
        differ: Whether any session has had rules of its own, or may have had.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        store: Any = mcp._state_store
        # A store that several servers share is written by others, too.
        self.differ = type(mcp._state_storage).__name__ != "MemoryStore"
        put = store.put

        async def watched_put(*args: Any, **kwargs: Any) -> Any:
            key = kwargs.get("key", args[0] if args else "")
            if str(key).endswith(_RULES):
                self.differ = True
            return await put(*args, **kwargs)

        store.put = watched_put
