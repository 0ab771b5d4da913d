"""Sessions kept as small records until something needs an SDK session.

An SDK session costs about 39 kB, several tasks and milliseconds to open, and most sessions only list and call
tools. A light session is a record. It becomes an SDK session, under the same id and with the client's own
``initialize``, at the first request that the lane does not answer: an event stream, a tool that is not plain,
or anything unknown.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from server_core.sdk.requestors import Requestor
from server_core.sdk.session_ids import SessionIds
from server_core.sdk.session_shares import UNKNOWN_CLIENT, IdleSession, SessionShares, Share


@dataclass(slots=True, eq=False)
class LightSession:
    """A session without an SDK session behind it.

    Attributes:
        version: Negotiated protocol version.
        initialize_params: Parameters of its ``initialize`` as JSON; equal ones share one object.
        owner: The only caller that may use it, who opened it; None where the server asks for no token.
        share: The client that opened it, for limits.
        siblings: The light sessions of that client, itself included, least recently used first.
        used_at: End of its last request, by the monotonic clock.
        initialized: Whether the client has sent ``notifications/initialized``.
        promotion_lock: Held while the session is promoted to an SDK session.
    """

    session_id: bytes
    version: str
    initialize_params: bytes
    owner: Requestor | None
    share: Share
    siblings: OrderedDict[bytes, LightSession] = field(repr=False)
    used_at: float
    in_flight: int = 0
    initialized: bool = False
    promotion_lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class LightSessions:
    """The light sessions, least recently used first.

    Args:
        shares: Limits and counts, shared with SDK sessions; `open` does not ask whether there is room.
        idle_timeout_s: Time without a request after which a session ends.
        session_ids: Creates the sessions' ids.
        ended: Called with the id of each session that has ended.
    """

    def __init__(
        self,
        shares: SessionShares,
        idle_timeout_s: float,
        session_ids: SessionIds,
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._shares = shares
        self._idle_timeout_s = idle_timeout_s
        self._session_ids = session_ids
        self._ended = ended
        self._sessions: OrderedDict[bytes, LightSession] = OrderedDict()
        self._by_share: dict[Share, OrderedDict[bytes, LightSession]] = {}
        self._params = _SharedTexts()
        shares.add_table(self)

    def __len__(self) -> int:
        self.expire()
        return len(self._sessions)

    def open(
        self, version: str, initialize_params: bytes, owner: Requestor | None, client: bytes = UNKNOWN_CLIENT
    ) -> LightSession:
        """Return a new session of a client."""
        share = self._shares.take(client)
        session = LightSession(
            self._session_ids.new().encode(),
            version,
            self._params.share(initialize_params),
            owner,
            share,
            self._by_share.setdefault(share, OrderedDict()),
            monotonic(),
        )
        self._sessions[session.session_id] = session.siblings[session.session_id] = session
        return session

    def get(self, session_id: bytes) -> LightSession | None:
        """Return the light session with an id, None if there is none."""
        self.expire()
        return self._sessions.get(session_id)

    def close(self, session: LightSession) -> None:
        """End a session."""
        if self.remove(session):
            self._ended(session.session_id.decode())

    def remove(self, session: LightSession) -> bool:
        """Remove a session that goes on as another kind of session; return False if it is gone."""
        if self._sessions.pop(session.session_id, None) is None:
            return False
        del session.siblings[session.session_id]
        if not session.siblings:
            del self._by_share[session.share]
        self._params.release(session.initialize_params)
        self._shares.give_back(session.share)
        return True

    def clear(self) -> None:
        """Remove all sessions, at the end of the server."""
        for session in list(self._sessions.values()):
            self.remove(session)

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
            session.siblings.move_to_end(session.session_id)

    def longest_idle(self, share: Share) -> IdleSession | None:
        """Return the idle session that a client has used least recently, None if it has no idle one."""
        for session in self._by_share.get(share, {}).values():
            if not session.in_flight:
                return IdleSession(session.used_at, functools.partial(self.close, session))
        return None

    def share_of(self, session_id: str) -> Share | None:
        """Return the share that a session counts for, None if there is no such light session."""
        session = self._sessions.get(session_id.encode())
        return None if session is None else session.share

    def expire(self) -> None:
        """End the sessions whose idle time is over; they come first."""
        expired_before = monotonic() - self._idle_timeout_s
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.used_at >= expired_before:
                return
            if oldest.in_flight:
                # A request runs longer than the idle timeout: the session is in use.
                self.touch(oldest)
            else:
                self.close(oldest)


class _SharedTexts:
    """Equal texts as one object, for as long as anything refers to them."""

    def __init__(self) -> None:
        self._texts: dict[bytes, bytes] = {}
        self._references: Counter[bytes] = Counter()

    def share(self, text: bytes) -> bytes:
        """Return the object for a text; `release` must follow when it is needed no more."""
        self._references[text] += 1
        return self._texts.setdefault(text, text)

    def release(self, text: bytes) -> None:
        """Undo `share`."""
        self._references[text] -= 1
        if not self._references[text]:
            del self._references[text], self._texts[text]
