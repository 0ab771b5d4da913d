"""A bounded queue in which waiting clients take turns, and which keeps a turn free of any single one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Final

from music21_server.workers.errors import BusyError

EVERYBODY: Final = "everybody"
"""Owner of the calls of clients that cannot be told apart."""

_LATELY_S: Final = 600.0
"""Time after its last call for which a client counts as present."""

_Turn = asyncio.Future[None]
_Line = OrderedDict[str, deque[_Turn]]
"""Waiting calls of one client, by owner."""


class FairQueue:
    """Admits a number of calls at once; clients take turns, and so do the owners of each client.

    A client without a token is an owner in each of its sessions, and it can open many. One owner has at most
    all turns but one, so that its long calls never stop everybody. All owners of a client together have all
    turns only while no other client has called for ten minutes: to hold one back then would leave a worker
    idle. The same is true of `EVERYBODY`. The only turn of a queue with one is free to all.

    Args:
        at_once: Calls admitted at the same time.
        max_waiting: Calls that may wait. One more is refused; or, if another client has more of them, or
            another owner of the same client, the newest of those.
        clock: Returns the time in seconds.
    """

    def __init__(self, at_once: int, max_waiting: int, clock: Callable[[], float] = monotonic) -> None:
        self._free = at_once
        self._most = max(1, at_once - 1)
        self._max_waiting = max_waiting
        self._of_owner: Counter[str] = Counter()
        self._of_client: Counter[str] = Counter()
        self._waiting: OrderedDict[str, _Line] = OrderedDict()
        self._count = 0
        self._presence = _Presence(clock)

    @property
    def waiting(self) -> int:
        """Number of waiting calls."""
        return self._count

    @contextlib.asynccontextmanager
    async def turn(self, owner: str, client: str | None = None) -> AsyncIterator[None]:
        """Wait for admission and hold it for the block.

        Args:
            owner: Whose call it is.
            client: The client, who may be several owners; the owner itself if None.

        Raises:
            BusyError: Too many calls are waiting.
        """
        client = owner if client is None else client
        self._presence.note(client)
        if self._may_begin(owner, client):
            self._admit(owner, client)
        else:
            await self._wait(owner, client)
        try:
            yield
        finally:
            self._end(owner, client)

    def _may_begin(self, owner: str, client: str) -> bool:
        if self._free <= 0 or (owner != EVERYBODY and self._of_owner[owner] >= self._most):
            return False
        return self._of_client[client] < self._most or not self._presence.others(client)

    def _admit(self, owner: str, client: str) -> None:
        self._free -= 1
        self._of_owner[owner] += 1
        self._of_client[client] += 1

    def _end(self, owner: str, client: str) -> None:
        """Take a call's turn back, and pass it on."""
        self._free += 1
        for counts, name in ((self._of_owner, owner), (self._of_client, client)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]  # owners and clients come and go
        self._pass_on()

    async def _wait(self, owner: str, client: str) -> None:
        if self._count >= self._max_waiting:
            self._make_room(owner, client)
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, OrderedDict()).setdefault(owner, deque()).append(turn)
        self._count += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(owner, client, turn)
            elif turn.exception() is None:  # admitted at the same moment
                self._end(owner, client)
            raise

    def _make_room(self, owner: str, client: str) -> None:
        """Refuse the newest call of the client with the most waiting calls, or of such an owner of its own.

        Raises:
            BusyError: The newcomer has the most itself.
        """
        refusal = BusyError(
            f"Expected at most {self._max_waiting} waiting calls (setting max_waiting_calls), got "
            "one more. Try again in a few seconds."
        )
        own = self._waiting.get(client, OrderedDict())
        most = max(self._waiting, key=lambda each: _size(self._waiting[each]), default=client)
        if most != client and _size(self._waiting[most]) > _size(own) + 1:
            loser = most
        elif own and max(map(len, own.values())) > len(own.get(owner, ())) + 1:
            loser = client
        else:
            raise refusal
        line = self._waiting[loser]
        longest = max(line, key=lambda each: len(line[each]))
        newest = line[longest][-1]
        self._remove(longest, loser, newest)
        if not newest.cancelled():  # a cancelled call is about to leave
            newest.set_exception(refusal)

    def _pass_on(self) -> None:
        """Admit waiting calls while there are turns that their owners may have."""
        while (following := self._next()) is not None:
            owner, client = following
            self._waiting.move_to_end(client)
            self._waiting[client].move_to_end(owner)
            turn = self._waiting[client][owner][0]
            self._remove(owner, client, turn)
            if not turn.cancelled():  # a cancelled call is about to leave
                self._admit(owner, client)
                turn.set_result(None)

    def _next(self) -> tuple[str, str] | None:
        """Return the owner and the client who may begin next, None if none may."""
        waiting = ((owner, client) for client, line in self._waiting.items() for owner in line)
        return next((each for each in waiting if self._may_begin(*each)), None)

    def _remove(self, owner: str, client: str, turn: _Turn) -> None:
        line = self._waiting.get(client, OrderedDict())
        queue = line.get(owner, deque())
        if turn in queue:
            queue.remove(turn)
            self._count -= 1
            if not queue:
                del line[owner]
            if not line:
                del self._waiting[client]


class _Presence:
    """Knows whether anybody but a certain client has called lately.

    The two clients that have called last tell that of every client, so no more are remembered.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen_s: OrderedDict[str, float] = OrderedDict()

    def note(self, client: str) -> None:
        """Note a call."""
        self._seen_s[client] = self._clock()
        self._seen_s.move_to_end(client)
        if len(self._seen_s) > 2:
            self._seen_s.popitem(last=False)

    def others(self, client: str) -> bool:
        """Return whether another client has called lately."""
        now_s = self._clock()
        return any(name != client and now_s - at_s < _LATELY_S for name, at_s in self._seen_s.items())


def _size(line: _Line) -> int:
    return sum(map(len, line.values()))
