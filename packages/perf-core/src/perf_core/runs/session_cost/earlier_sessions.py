"""Fate of sessions that nobody used: which of them the server has dropped, and why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from perf_core.load.session_clients import Reply
from perf_core.results.session_costs import Answer, Cap
from perf_core.server.client.sessions import OpenSession

Ping = Callable[[OpenSession], Awaitable[Reply]]

GONE = frozenset({400, 404, 410})
"""Statuses of a request in a session that the server does not know; 404 is the right one."""

_UNORDERED = 8
"""Sessions that may be in another order here than at the server, since clients come at the same time."""

_PAUSE_S = 2.0
"""Time without new sessions in which sessions that expire by time go on to do so."""


@dataclass(frozen=True)
class Opened:
    """A session of the lab, and when it was opened, on the monotonic clock."""

    session: OpenSession
    at_s: float


class EarlierSessions:
    """Sessions in the order in which they were opened.

    A request keeps a session alive at many servers, so that no session is asked twice unless it has to be.
    """

    def __init__(self, ping: Ping) -> None:
        self.opened: list[Opened] = []
        self._ping = ping
        self._asked = 0

    async def oldest_is_gone(self) -> bool:
        """Return whether the server has dropped the oldest session that was never asked."""
        if self._asked >= len(self.opened):
            return False
        reply = await self._ping(self.opened[self._asked].session)
        if reply.status in GONE:
            return True
        self._asked += 1
        return False

    async def cap(self) -> Cap:
        """Return which sessions the server has dropped, and why; to be asked when no more are opened."""
        unasked = self.opened[self._asked :]
        now_s = time.monotonic()
        if not unasked:
            return Cap("none", len(self.opened))
        first = await self._ping(unasked[0].session)
        if first.status not in GONE:
            self._asked += 1
            return Cap("none", len(self.opened), after_s=now_s - unasked[0].at_s)
        gone = await self._gone(unasked)
        kept = len(self.opened) - gone
        answer = Answer("ping in a session that the client did not end", first.status, gone, first.excerpt)
        # The one at the border was asked and may live longer for it; its neighbour was not, or long ago.
        await asyncio.sleep(_PAUSE_S)
        neighbour = min(gone + _UNORDERED + 1, len(unasked) - 1)
        later = await self._ping(unasked[neighbour].session)
        if gone == len(unasked) or later.status in GONE:
            youngest_gone = unasked[gone - 1]
            return Cap("expires", kept, answer, after_s=now_s - youngest_gone.at_s)
        return Cap("replaces", kept, answer)

    async def _gone(self, sessions: Sequence[Opened]) -> int:
        """Return how many of the first sessions are gone: the oldest go first, so that halving finds them."""
        low, high = 1, len(sessions)
        while low < high:
            middle = (low + high) // 2
            if (await self._ping(sessions[middle].session)).status in GONE:
                low = middle + 1
            else:
                high = middle
        first = max(0, low - _UNORDERED)
        border = sessions[first : low + _UNORDERED]
        statuses = [(await self._ping(each.session)).status for each in border]
        return first + sum(status in GONE for status in statuses)
