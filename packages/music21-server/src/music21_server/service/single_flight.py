"""Single flight: identical requests at the same time share one run of the work."""

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
    """Work in progress; `listeners` has one item for each waiting caller."""

    task: asyncio.Task[T]
    listeners: list[Listener | None] = field(default_factory=list)


class SingleFlight(Generic[Key]):
    """Shares work among callers with the same key.

    The work goes on while at least one caller waits for it, and is cancelled when the last one leaves.

    Attributes:
        shared: Number of calls that joined work in progress.
    """

    def __init__(self) -> None:
        self.shared = 0
        self._flights: dict[Key, _Flight[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = (
            set()
        )  # the event loop keeps no reference to tasks being cancelled

    def __len__(self) -> int:
        return len(self._flights)

    async def run(
        self,
        key: Key,
        work: Callable[[Listener], Coroutine[Any, Any, T]],
        on_progress: Listener | None = None,
    ) -> T:
        """Return the result of the work for a key, or raise its error.

        Args:
            key: Equal for requests with the same answer.
            work: Starts the work, unless it is in progress; its argument is a listener that passes progress
                to all callers waiting at that moment.
            on_progress: Receives the progress.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work)
        else:
            self.shared += 1
        flight.listeners.append(on_progress)
        try:
            # Shielded, so that the first caller to leave does not cancel the task.
            result: T = await asyncio.shield(flight.task)
            return result
        finally:
            flight.listeners.remove(on_progress)
            if not flight.listeners and not flight.task.done():
                self._end(key, flight)
                flight.task.cancel()

    def _start(self, key: Key, work: Callable[[Listener], Coroutine[Any, Any, T]]) -> _Flight[T]:
        def report_to_all(progress: Progress) -> None:
            for listener in list(flight.listeners):
                if listener is not None:
                    listener(progress)

        flight = _Flight(asyncio.create_task(work(report_to_all)))
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
