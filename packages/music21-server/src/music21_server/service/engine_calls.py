"""Engine calls in worker processes: cached, and shared while they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from music21_server.cache import ByteLimitedCache
from music21_server.engine import jobs
from music21_server.engine.analyses import Answer
from music21_server.engine.jobs import Source
from music21_server.rendering.picture import Picture
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.service.answer_cache import AnswerCache
from music21_server.service.single_flight import SingleFlight
from music21_server.workers.pool import Pool
from music21_server.workers.progress import Listener
from music21_server.writing.exports import Export

_SHORT_SOURCE_CHARACTERS: Final = 300
"""Longest source whose entry is cached after its scores were deleted: names of works, lines of notes."""

_OVERHEAD_BYTES: Final = 500
"""Memory that each cached answer takes besides its content; many answers are shorter."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class CacheFigures:
    """Counts of cached answers and of calls that used or missed them.

    Attributes:
        answers: Number of cached answers.
        answer_bytes: Their total size.
        hits: Imports and questions answered from a cache.
        shared: Imports and questions that joined an identical call in progress.
        misses: Calls started; imports of files always start one.
    """

    answers: int
    answer_bytes: int
    hits: int
    shared: int
    misses: int


class EngineCalls:
    """Runs engine functions in worker processes, once for identical calls.

    Args:
        pool: Worker processes.
        max_cached_bytes: Limit for cached answers; the entries of short sources have the same limit again.
        timeout_s: Longest time for one call.
        client_of: Returns a key for the client of an owner who may be one of several; None for others.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        max_cached_bytes: int,
        timeout_s: float,
        client_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._client_of = client_of
        self._timeout_s = timeout_s
        self._answers = AnswerCache(max_cached_bytes, _size)
        self._short_sources: ByteLimitedCache[str, Entry] = ByteLimitedCache(
            max_cached_bytes, lambda entry: entry.size_bytes
        )
        # Weak, so that a deleted score does not stay in memory because it was imported once.
        self._imported: WeakValueDictionary[str, Entry] = WeakValueDictionary()
        self._flights: SingleFlight[str] = SingleFlight()
        self._hits = 0
        self._misses = 0

    def figures(self) -> CacheFigures:
        """Return the counts since the start."""
        return CacheFigures(
            len(self._answers), self._answers.size_bytes, self._hits, self._flights.shared, self._misses
        )

    async def read(self, owner: str, source: Source, limits: Limits, on_progress: Listener | None) -> Entry:
        """Return the entry of a source; a source that may be a file is read every time, as it may change."""
        if source.kind == "file" or (source.kind == "auto" and source.folders):
            return await self.run(owner, on_progress, jobs.read, source, limits)
        key = sha256(f"{source.kind}\0{source.text}".encode()).hexdigest()
        cached = self._short_sources.get(key) or self._imported.get(key)
        if cached is not None:
            self._hits += 1
            return cached

        async def read_and_cache(report_to_all: Listener) -> Entry:
            listener = None if on_progress is None else report_to_all
            entry = await self.run(owner, listener, jobs.read, source, limits)
            self._imported[key] = entry
            if len(source.text) <= _SHORT_SOURCE_CHARACTERS:
                self._short_sources.put(key, entry)
            return entry

        return await self._flights.run(f"import {key}", read_and_cache, on_progress=on_progress)

    async def answer(
        self,
        key: str,
        entry: Entry,
        owner: str,
        on_progress: Listener | None,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """Return the result of a function about `entry`: from the cache, else by one call for all callers.

        Args:
            key: Key of the function, its arguments and the entry's content: `answer_key`.
            entry: Score that the result is about; the result is dropped with it.
            owner: Owner of the score, for fair scheduling.
            on_progress: Receives the progress.
            function: Called in a worker process.
            arguments: Arguments of the function.
        """
        cached: Result | None = self._answers.get(key)
        if cached is not None:
            self._hits += 1
            return cached

        async def run_and_cache(report_to_all: Listener) -> Result:
            # Cached before the flight ends: a call in between would start the work again.
            result = await self.run(
                owner, None if on_progress is None else report_to_all, function, *arguments
            )
            self._answers.put(entry, key, result)
            return result

        return await self._flights.run(key, run_and_cache, on_progress=on_progress)

    async def run(
        self,
        owner: str,
        on_progress: Listener | None,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """Call a function in a worker process, uncached."""
        self._misses += 1
        return await self._pool.run(
            function,
            *arguments,
            deadline_s=self._timeout_s,
            owner=owner,
            client=self._client_of(owner),
            on_progress=on_progress,
        )


def _size(value: Answer | Export | Picture) -> int:
    size_bytes = len(value.content) if isinstance(value, Export | Picture) else value.size_bytes
    return size_bytes + _OVERHEAD_BYTES
