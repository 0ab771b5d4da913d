"""A bounded queue that lets waiting owners take turns, and leaves one turn free of any single owner."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from typing import Final

from music21_server.workers.errors import BusyError

EVERYBODY: Final = "everybody"
"""Owner of the calls of clients that cannot be told apart. It may have all turns: to hold one back would only
leave a worker idle, because there is nobody else who could use it."""


class FairQueue:
    """Admits a number of calls at once; owners of waiting calls take turns, each in order of arrival.

    One owner has at most all turns but one, so that its long calls never stop everybody; the only turn of a
    queue with one is free to all.

    Args:
        at_once: Calls admitted at the same time.
        max_waiting: Calls that may wait. One more is refused; or, if another owner has more of them, the
            newest of those.
    """

    def __init__(self, at_once: int, max_waiting: int) -> None:
        self._free = at_once
        self._most_per_owner = max(1, at_once - 1)
        self._max_waiting = max_waiting
        self._admitted: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._count = 0

    @property
    def waiting(self) -> int:
        """Number of waiting calls."""
        return self._count

    @contextlib.asynccontextmanager
    async def turn(self, owner: str) -> AsyncIterator[None]:
        """Wait for admission and hold it for the block.

        Raises:
            BusyError: Too many calls are waiting.
        """
        if self._may_begin(owner):
            self._admit(owner)
        else:
            await self._wait(owner)
        try:
            yield
        finally:
            self._end(owner)

    def _may_begin(self, owner: str) -> bool:
        is_below_share = owner == EVERYBODY or self._admitted[owner] < self._most_per_owner
        return self._free > 0 and is_below_share

    def _admit(self, owner: str) -> None:
        self._free -= 1
        self._admitted[owner] += 1

    def _end(self, owner: str) -> None:
        """Take a call's turn back, and pass it on."""
        self._free += 1
        self._admitted[owner] -= 1
        if not self._admitted[owner]:
            del self._admitted[owner]  # owners come and go
        self._pass_on()

    async def _wait(self, owner: str) -> None:
        if self._count >= self._max_waiting:
            self._make_room(owner)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._count += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(owner, turn)
            elif turn.exception() is None:  # admitted at the same moment
                self._end(owner)
            raise

    def _make_room(self, newcomer: str) -> None:
        """Refuse the newest call of the owner with the most waiting calls.

        Raises:
            BusyError: The newcomer has the most itself.
        """
        refusal = BusyError(
            f"Expected at most {self._max_waiting} waiting calls (setting max_waiting_calls), got "
            "one more. Try again in a few seconds."
        )
        owner = max(self._waiting, key=lambda each: len(self._waiting[each]), default=newcomer)
        if len(self._waiting.get(owner, ())) <= len(self._waiting.get(newcomer, ())) + 1:
            raise refusal
        newest = self._waiting[owner][-1]
        self._remove(owner, newest)
        if not newest.cancelled():  # a cancelled call is about to leave
            newest.set_exception(refusal)

    def _pass_on(self) -> None:
        """Admit waiting calls while there are turns that their owners may have."""
        while (owner := next(filter(self._may_begin, self._waiting), None)) is not None:
            self._waiting.move_to_end(owner)
            turn = self._waiting[owner][0]
            self._remove(owner, turn)
            if not turn.cancelled():  # a cancelled call is about to leave
                self._admit(owner)
                turn.set_result(None)

    def _remove(self, owner: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(owner, deque())
        if turn in queue:
            queue.remove(turn)
            self._count -= 1
            if not queue:
                del self._waiting[owner]
