"""Sessions as small records, until something needs FastMCP's own.

A session of the SDK costs some 39 kB, several tasks and milliseconds to open, and most sessions do nothing
but list and call tools. A light one is a record; it becomes one of FastMCP's, under the same id and with the
client's own words, at the first request that the lane does not answer: an event stream, a tool that is not
plain, anything unknown.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from server_core.fastlane.sdk_sessions import Requestor
from server_core.sdk.session_ids import SessionNames

_MOST_OPENINGS: Final = 1000
"""Ways to say ``initialize`` that are shared between sessions: clients choose the words."""


@dataclass(slots=True)
class LightSession:
    """A session.

    Attributes:
        identity: Its id, as clients send it.
        version: Protocol version agreed on.
        opening: Parameters of its ``initialize`` as JSON; one object for all clients that said the same.
        owner: Who opened it, None where nobody has to say who they are; nobody else may use it.
        used_at: When its last request ended, by the monotonic clock.
        in_flight: Requests being served.
        initialized: Whether the client has said ``notifications/initialized``.
        becoming: Held while it becomes one of FastMCP's.
    """

    identity: bytes
    version: str
    opening: bytes
    owner: Requestor | None
    used_at: float
    in_flight: int = 0
    initialized: bool = False
    becoming: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class LightSessions:
    """The light sessions, in the order of their last use.

    Args:
        most: Sessions that may be open at once, FastMCP's included.
        idle_timeout_s: Seconds without a request after which a session expires.
        others_open: Number of FastMCP's sessions.
        names: Makes their ids.
    """

    def __init__(
        self, most: int, idle_timeout_s: float, others_open: Callable[[], int], names: SessionNames
    ) -> None:
        self._most = most
        self._idle_timeout_s = idle_timeout_s
        self._others_open = others_open
        self._names = names
        self._sessions: OrderedDict[bytes, LightSession] = OrderedDict()
        self._openings: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        self._expire()
        return len(self._sessions)

    @property
    def is_full(self) -> bool:
        """Whether as many sessions are open as may be."""
        return len(self) + self._others_open() >= self._most

    def open(self, version: str, opening: bytes, owner: Requestor | None) -> LightSession:
        """Return a new session."""
        if len(self._openings) >= _MOST_OPENINGS:
            self._openings.clear()
        shared = self._openings.setdefault(opening, opening)
        session = LightSession(self._names.new().encode(), version, shared, owner, monotonic())
        self._sessions[session.identity] = session
        return session

    def get(self, identity: bytes) -> LightSession | None:
        """Return a light session, None for any other id."""
        self._expire()
        return self._sessions.get(identity)

    def close(self, session: LightSession) -> None:
        """Forget a session."""
        self._sessions.pop(session.identity, None)

    def clear(self) -> None:
        """Forget all sessions."""
        self._sessions.clear()

    def begin(self, session: LightSession) -> None:
        """Hold a session while a request of it is served; `end` must follow."""
        session.in_flight += 1

    def end(self, session: LightSession) -> None:
        """Stop holding a session."""
        session.in_flight -= 1
        self.used(session)

    def used(self, session: LightSession) -> None:
        """Let a session's idle time begin anew."""
        session.used_at = monotonic()
        if session.identity in self._sessions:
            self._sessions.move_to_end(session.identity)

    def _expire(self) -> None:
        """Forget sessions whose time is over; those unused for longest stand first."""
        dead_before = monotonic() - self._idle_timeout_s
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.used_at >= dead_before:
                return
            if oldest.in_flight:
                # Served for longer than a session may idle: it is not idle.
                oldest.used_at = monotonic()
                self._sessions.move_to_end(oldest.identity)
            else:
                del self._sessions[oldest.identity]
