"""A bounded queue that lets waiting owners take turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator

from music21_server.workers.errors import BusyError


class FairQueue:
    """Admits a number of calls at once; owners of waiting calls take turns, each in order of arrival.

    Args:
        at_once: Calls admitted at the same time.
        max_waiting: Calls that may wait; one more is refused.
    """

    def __init__(self, at_once: int, max_waiting: int) -> None:
        self._free = at_once
        self._max_waiting = max_waiting
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
        if self._free:
            self._free -= 1
        else:
            await self._wait(owner)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, owner: str) -> None:
        if self._count >= self._max_waiting:
            raise BusyError(
                f"Expected at most {self._max_waiting} waiting calls (setting max_waiting_calls), got "
                "one more. Try again in a few seconds."
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._count += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(owner, turn)
            else:  # admitted at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Admit the next waiting call."""
        while self._waiting:
            owner, queue = next(iter(self._waiting.items()))
            self._waiting.move_to_end(owner)
            turn = queue[0]
            self._remove(owner, turn)
            if not turn.cancelled():  # a cancelled call is about to leave
                turn.set_result(None)
                return
        self._free += 1

    def _remove(self, owner: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(owner, deque())
        if turn in queue:
            queue.remove(turn)
            self._count -= 1
            if not queue:
                del self._waiting[owner]
