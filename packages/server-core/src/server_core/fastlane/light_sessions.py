"""Sessions kept as small records until something needs an SDK session.

An SDK session costs about 39 kB, several tasks and milliseconds to open, and most sessions only list and call
tools. A light session is a record. It becomes an SDK session, under the same id and with the client's own
``initialize``, at the first request that the lane does not answer: an event stream, a tool that is not plain,
or anything unknown.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from server_core.sdk.requestors import Requestor
from server_core.sdk.session_ids import SessionIds

_MAX_SHARED_PARAMS: Final = 1000
"""Different ``initialize`` parameters that sessions share. Clients choose them, hence the limit."""


@dataclass(slots=True)
class LightSession:
    """A session without an SDK session behind it.

    Attributes:
        version: Negotiated protocol version.
        initialize_params: Parameters of its ``initialize`` as JSON; equal ones share one object.
        owner: The only caller that may use it, who opened it; None where the server asks for no token.
        used_at: End of its last request, by the monotonic clock.
        initialized: Whether the client has sent ``notifications/initialized``.
        promotion_lock: Held while the session is promoted to an SDK session.
    """

    session_id: bytes
    version: str
    initialize_params: bytes
    owner: Requestor | None
    used_at: float
    in_flight: int = 0
    initialized: bool = False
    promotion_lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class LightSessions:
    """The light sessions, least recently used first.

    `limit` is the number of sessions that may be open at once, including those that `sdk_sessions` counts.
    """

    def __init__(
        self, limit: int, idle_timeout_s: float, sdk_sessions: Callable[[], int], session_ids: SessionIds
    ) -> None:
        self._limit = limit
        self._idle_timeout_s = idle_timeout_s
        self._sdk_sessions = sdk_sessions
        self._session_ids = session_ids
        self._sessions: OrderedDict[bytes, LightSession] = OrderedDict()
        self._shared_params: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        self._expire()
        return len(self._sessions)

    @property
    def is_full(self) -> bool:
        """Whether as many sessions are open as the limit allows."""
        return len(self) + self._sdk_sessions() >= self._limit

    def open(self, version: str, initialize_params: bytes, owner: Requestor | None) -> LightSession:
        """Return a new session."""
        if len(self._shared_params) >= _MAX_SHARED_PARAMS:
            self._shared_params.clear()
        shared = self._shared_params.setdefault(initialize_params, initialize_params)
        session = LightSession(self._session_ids.new().encode(), version, shared, owner, monotonic())
        self._sessions[session.session_id] = session
        return session

    def get(self, session_id: bytes) -> LightSession | None:
        """Return the light session with an id, None if there is none."""
        self._expire()
        return self._sessions.get(session_id)

    def close(self, session: LightSession) -> None:
        """Remove a session."""
        self._sessions.pop(session.session_id, None)

    def clear(self) -> None:
        """Remove all sessions."""
        self._sessions.clear()

    def begin(self, session: LightSession) -> None:
        """Keep a session from expiring while a request is served; `end` must follow."""
        session.in_flight += 1

    def end(self, session: LightSession) -> None:
        """Undo `begin`, and restart the session's idle time."""
        session.in_flight -= 1
        self.touch(session)

    def touch(self, session: LightSession) -> None:
        """Restart a session's idle time."""
        session.used_at = monotonic()
        if session.session_id in self._sessions:
            self._sessions.move_to_end(session.session_id)

    def _expire(self) -> None:
        """Remove the sessions whose idle time is over; they come first."""
        expired_before = monotonic() - self._idle_timeout_s
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.used_at >= expired_before:
                return
            if oldest.in_flight:
                # A request runs longer than the idle timeout: the session is in use.
                oldest.used_at = monotonic()
                self._sessions.move_to_end(oldest.session_id)
            else:
                del self._sessions[oldest.session_id]
