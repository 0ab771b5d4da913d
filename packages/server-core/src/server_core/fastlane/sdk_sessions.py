"""Keeping SDK sessions open while the lane serves them, and noticing sessions that see other tools."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastmcp import FastMCP
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from server_core.sdk.internals import (
    VISIBILITY_RULES_SUFFIX,
    count_in_flight,
    idle_timeout_s,
    open_sessions,
    session_owners,
)
from server_core.sdk.requestors import Requestor
from server_core.sdk.state_on_first_use import watch_session_state


@contextmanager
def hold_session(
    manager: StreamableHTTPSessionManager, session_id: bytes, requestor: Requestor | None
) -> Iterator[bool]:
    """Yield whether a session is open and belongs to the requestor, and keep it from expiring meanwhile.

    As in the SDK, the session's idle countdown is suspended while a request is served and restarts
    afterwards.
    """
    name = session_id.decode("latin-1")
    transport = open_sessions(manager).get(name)
    is_own = session_owners(manager).get(name) == requestor
    if transport is None or transport.is_terminated or not is_own:
        yield False
        return
    scope, timeout_s = transport.idle_scope, idle_timeout_s(transport)
    if scope is None or timeout_s is None:
        yield True
        return
    if scope.cancel_called:
        yield False
        return
    count_in_flight(transport, 1)
    scope.deadline = math.inf
    try:
        yield True
    finally:
        if count_in_flight(transport, -1) == 0:
            # The same clock as anyio's, which cannot be asked outside of tasks.
            scope.deadline = asyncio.get_running_loop().time() + timeout_s


class SessionVisibility:
    """Notices when a session may see other tools than the app has.

    A tool can hide or show tools for its own session (``ctx.disable_components``). FastMCP writes these rules
    to its store of session state, where this class watches for them.

    Attributes:
        may_differ: Whether any session has, or may have, visibility rules.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        # Other servers may write to any store that is not in this process's memory.
        self.may_differ = not watch_session_state(mcp, self._note)

    def _note(self, key: str) -> None:
        if key.endswith(VISIBILITY_RULES_SUFFIX):
            self.may_differ = True
