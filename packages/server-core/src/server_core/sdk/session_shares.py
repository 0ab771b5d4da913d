"""Limits of the sessions that a process and each of its clients have open, and which give way to new ones.

Without shares one client could open all sessions, and the others would get 503 until they expire. A client
with as many as it may have gives up the one that it has used least recently. If the process is full, the
client with the most sessions gives one up for a client with fewer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from weakref import WeakSet

_WORTH_MOVING: Final = 2
"""A session moves to a client with so many fewer; two clients would take it from each other over one."""

UNKNOWN_CLIENT: Final = b""
"""Key of clients that cannot be told apart, such as those of a Unix socket: they share the limit of all."""

_AT_LIMIT: Final = (
    "a client has %d sessions (setting max_sessions_per_client): from now on the one that it has not used "
    "for longest gives way to a new one; clients behind a proxy count as one, unless it is in trusted_proxies"
)

_logger = logging.getLogger(__name__)

_all_shares: Final[WeakSet[SessionShares]] = WeakSet()


@dataclass(slots=True, eq=False)
class Share:
    """A client with open sessions, and their number; all its sessions refer to the same object."""

    client: bytes
    sessions: int = 0
    is_reported: bool = False
    """Whether the log says that this client has as many sessions as it may."""


@dataclass(frozen=True, slots=True)
class IdleSession:
    """A session that serves no request and can be given up.

    Attributes:
        used_at_s: End of its last request, by the monotonic clock.
        end: Ends the session.
    """

    used_at_s: float
    end: Callable[[], None]


class SessionTable(Protocol):
    """Sessions of one kind."""

    def expire(self) -> None:
        """End the sessions whose idle time is over."""

    def longest_idle(self, share: Share) -> IdleSession | None:
        """Return the idle session that a client has used least recently, None if it has no idle one."""

    def share_of(self, session_id: str) -> Share | None:
        """Return the share that a session counts for, None if there is no such session."""


class SessionShares:
    """Counts the open sessions of each client.

    Args:
        limit: Sessions of all clients.
        limit_per_client: Sessions of one client, which then gives up idle ones.
    """

    def __init__(self, limit: int, limit_per_client: int) -> None:
        self._limit = limit
        self._limit_per_client = limit_per_client
        self._tables: list[SessionTable] = []
        self._shares: dict[bytes, Share] = {}
        self._open = 0
        _all_shares.add(self)

    def add_table(self, table: SessionTable) -> None:
        """Let the sessions of a table give way to others."""
        self._tables.append(table)

    def take(self, client: bytes) -> Share:
        """Count a session that a client has opened; `give_back` must follow when it ends."""
        share = self._shares.get(client)
        if share is None:
            share = self._shares[client] = Share(client)
        share.sessions += 1
        self._open += 1
        return share

    def give_back(self, share: Share) -> None:
        """Count a session no more."""
        share.sessions -= 1
        self._open -= 1
        if not share.sessions:
            del self._shares[share.client]  # so that clients cannot make the table grow

    def may_open(self, client: bytes) -> bool:
        """Return whether there is room for a client's session, or an idle one that gives way in `settle`."""
        return self._is_free(client) or self._longest_idle(client, self._sessions_of(client)) is not None

    def make_room(self, client: bytes) -> bool:
        """Return whether a client may open a session; if need be, an idle one is given up for it."""
        if self._is_free(client):
            return True
        idle = self._longest_idle(client, self._sessions_of(client))
        if idle is not None:
            idle.end()
        return idle is not None

    def settle(self, client: bytes) -> None:
        """Give up idle sessions if a client has just opened one for which there was no room."""
        while self._sessions_of(client) > self._limit_of(client) or self._open > self._limit:
            idle = self._longest_idle(client, self._sessions_of(client) - 1)
            if idle is None:
                return
            idle.end()

    def _sessions_of(self, client: bytes) -> int:
        share = self._shares.get(client)
        return 0 if share is None else share.sessions

    def _is_free(self, client: bytes) -> bool:
        for table in self._tables:
            table.expire()
        return self._open < self._limit and self._sessions_of(client) < self._limit_of(client)

    def _limit_of(self, client: bytes) -> int:
        """Return how many sessions a client may have."""
        return self._limit if client == UNKNOWN_CLIENT else self._limit_per_client

    def _longest_idle(self, client: bytes, sessions: int) -> IdleSession | None:
        """Return the session that gives way to another one of a client with so many, None if none can."""
        shares_of_clients = [share for share in self._shares.values() if share.client != UNKNOWN_CLIENT]
        if client != UNKNOWN_CLIENT and sessions >= self._limit_per_client:
            share = self._shares[client]
            if not share.is_reported:
                share.is_reported = True
                _logger.warning(_AT_LIMIT, sessions)
        elif shares_of_clients:
            share = max(shares_of_clients, key=lambda each: each.sessions)
            if share.sessions < sessions + _WORTH_MOVING:
                return None
        else:
            return None
        idle = [session for table in self._tables if (session := table.longest_idle(share)) is not None]
        return min(idle, key=lambda session: session.used_at_s, default=None)

    def share_of(self, session_id: str) -> Share | None:
        """Return the share that a session counts for, None if there is no such session."""
        shares = (table.share_of(session_id) for table in self._tables)
        return next((share for share in shares if share is not None), None)


def session_client(session_id: str) -> str | None:
    """Return a key for the client that opened a session of this process: one for each token, or else address.

    For limits of an app's own: a client may have many sessions at once. None if the session is not open here.
    """
    shares = (each.share_of(session_id) for each in list(_all_shares))
    return next((share.client.hex() for share in shares if share is not None), None)
