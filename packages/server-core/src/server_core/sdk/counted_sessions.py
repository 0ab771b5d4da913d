"""SDK sessions counted by client, with idle ones that give way to new ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from server_core.sdk.internals import (
    Admission,
    idle_timeout_s,
    let_go_of_messages,
    open_sessions,
    session_owners,
    watch_discards,
    wrap_admission,
)
from server_core.sdk.requestors import Requestor, client_of_requestor
from server_core.sdk.session_shares import UNKNOWN_CLIENT, IdleSession, SessionShares, Share


@dataclass(frozen=True, slots=True)
class Opener:
    """The client whose request opens a session.

    Attributes:
        needs_room: Whether the session needs a place. Not if it takes that of another one, or if the SDK only
            opens it to refuse the request.
    """

    client: bytes
    needs_room: bool = True


session_opener: ContextVar[Opener | None] = ContextVar("session_opener", default=None)
"""The sender of the request that is passed to the SDK; None for one that it refuses without a session."""

_NOBODY: Final = Opener(UNKNOWN_CLIENT, needs_room=False)


class CountedSessions:
    """The sessions of the SDK's session manager.

    Args:
        shares: Limits and counts, shared with other kinds of sessions.
        ended: Called with the id of each session that has ended.
    """

    def __init__(self, shares: SessionShares, ended: Callable[[str], None]) -> None:
        self.shares = shares
        self._ended = ended
        self._open: dict[str, Share] = {}
        self._manager: StreamableHTTPSessionManager | None = None
        shares.add_table(self)

    def attach(self, manager: StreamableHTTPSessionManager) -> None:
        """Count and limit the sessions of a manager, which must have chosen its sessions' ids by then."""
        for session_id in list(self._open):  # of a manager that has ended
            self._forget(session_id)
        self._manager = manager
        wrap_admission(manager, functools.partial(self._counting, manager))
        watch_discards(manager, self._forget)

    def _counting(self, manager: StreamableHTTPSessionManager, admit: Admission) -> Admission:
        def admit_session(requestor: Requestor | None) -> StreamableHTTPServerTransport | None:
            opener = session_opener.get() or _NOBODY
            client = opener.client if requestor is None else client_of_requestor(requestor)
            if opener.needs_room and not self.shares.may_open(client):
                return None
            limit, manager.max_sessions = manager.max_sessions, None  # it has been checked
            try:
                transport = admit(requestor)
            finally:
                manager.max_sessions = limit
            if transport is not None and transport.mcp_session_id is not None:
                self._open[transport.mcp_session_id] = self.shares.take(client)
            return transport

        return admit_session

    def settle(self, session_id: str) -> None:
        """Let idle sessions give way to one that has been opened, if there was no room for it."""
        share = self._open.get(session_id)
        if share is not None:
            self.shares.settle(share.client)

    def expire(self) -> None:
        """Do nothing: the SDK ends sessions when their time is over."""

    def longest_idle(self, share: Share) -> IdleSession | None:
        """Return the idle session that a client has used least recently, None if it has no idle one."""
        idle = [
            (used_at_s, session_id)
            for session_id, owner in self._open.items()
            if owner is share and (used_at_s := self._idle_since_s(session_id)) is not None
        ]
        if not idle:
            return None
        used_at_s, session_id = min(idle)
        return IdleSession(used_at_s, lambda: self.end(session_id))

    def share_of(self, session_id: str) -> Share | None:
        """Return the share that a session counts for, None if there is no such SDK session."""
        return self._open.get(session_id)

    def _idle_since_s(self, session_id: str) -> float | None:
        """Return when a session served its last request; None while it serves one."""
        transport = None if self._manager is None else open_sessions(self._manager).get(session_id)
        if transport is None or transport.idle_scope is None or transport.idle_scope.cancel_called:
            return None
        deadline, timeout_s = transport.idle_scope.deadline, idle_timeout_s(transport)
        return None if timeout_s is None or deadline == math.inf else deadline - timeout_s

    def end(self, session_id: str) -> None:
        """End a session as if its idle time were over; from now on its id is unknown."""
        if self._manager is None:
            return
        transport = open_sessions(self._manager).pop(session_id, None)
        session_owners(self._manager).pop(session_id, None)
        self._forget(session_id)
        if transport is not None and transport.idle_scope is not None:
            transport.idle_scope.cancel()

    async def let_go_of_messages(self, session_id: str) -> None:
        """Make a session let go of its last messages, which the SDK keeps and which may be large."""
        transport = None if self._manager is None else open_sessions(self._manager).get(session_id)
        if transport is not None:
            await let_go_of_messages(transport)

    def _forget(self, session_id: str) -> None:
        share = self._open.pop(session_id, None)
        if share is not None:
            self.shares.give_back(share)
            self._ended(session_id)
