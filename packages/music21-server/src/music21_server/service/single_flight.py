"""Identical requests at the same time are worked on once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from music21_server.workers.progress import Listener, Progress

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")


@dataclass(eq=False)
class _Flight(Generic[T]):
    """Work that is under way; `listeners` has one item for each who waits for it."""

    task: asyncio.Task[T]
    listeners: list[Listener | None] = field(default_factory=list)


class SingleFlight(Generic[Key]):
    """Shares work among those who ask for the same at the same time.

    Work that somebody waits for goes on when others leave; when nobody waits any more it is cancelled.

    Attributes:
        shared: How many asked for what was under way.
    """

    def __init__(self) -> None:
        self.shared = 0
        self._flights: dict[Key, _Flight[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()  # the event loop holds no task that is being cancelled

    def __len__(self) -> int:
        return len(self._flights)

    async def run(
        self,
        key: Key,
        work: Callable[[Listener], Coroutine[Any, Any, T]],
        on_progress: Listener | None = None,
    ) -> T:
        """Return what the work for a key returns, or raise what it raises.

        Args:
            key: Equal for requests with the same answer.
            work: Begins the work, unless it is under way; it is given a function that tells progress to all
                who wait at that moment.
            on_progress: Hears the progress.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._begin(key, work)
        else:
            self.shared += 1
        flight.listeners.append(on_progress)
        try:
            # The task is not to be cancelled with the first who leaves.
            result: T = await asyncio.shield(flight.task)
            return result
        finally:
            flight.listeners.remove(on_progress)
            if not flight.listeners and not flight.task.done():
                self._end(key, flight)
                flight.task.cancel()

    def _begin(self, key: Key, work: Callable[[Listener], Coroutine[Any, Any, T]]) -> _Flight[T]:
        def tell(progress: Progress) -> None:
            for listener in list(flight.listeners):
                if listener is not None:
                    listener(progress)

        flight = _Flight(asyncio.create_task(work(tell)))
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._land(key, flight, task))
        return flight

    def _land(self, key: Key, flight: _Flight[Any], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._end(key, flight)

    def _end(self, key: Key, flight: _Flight[Any]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
