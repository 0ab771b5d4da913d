"""Scores and what is asked about them: who may, what is known already, and who works it out.

Everything heavy happens in the pool's processes; here there are names, bytes and waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from pydantic_core import to_json

from music21_server.cache import ByteLimitedCache
from music21_server.engine import jobs
from music21_server.engine.analyses import ANALYSES, Answer
from music21_server.engine.jobs import WHOLE, Bounds, Excerpt, Source
from music21_server.engine.pages import cut
from music21_server.errors import StoreUnavailableError
from music21_server.reading.ingest import DerivedScore
from music21_server.rendering.picture import Picture, PictureFormat
from music21_server.score.entry import Entry
from music21_server.service.answer_cache import AnswerCache, answer_key
from music21_server.service.single_flight import SingleFlight
from music21_server.store.limits import StoredScore
from music21_server.store.names import check_name
from music21_server.store.protocol import ScoreStore
from music21_server.workers.pool import Pool
from music21_server.workers.progress import Progress
from music21_server.writing.exports import Export

_logger = logging.getLogger(__name__)

_SWEEP_EVERY_S: Final = 60.0
_SHORT: Final = 300
"""Letters of a source that names a work of the corpus, or some notes: it is asked for again and again."""

Listener = Callable[[Progress], None]
Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class ScoreServiceFigures:
    """What was known already.

    Attributes:
        answers: That are kept at hand.
        answer_bytes: Of them together.
        hits: Imports and questions whose answer was at hand.
        shared: Those that waited for the same work of another.
        misses: Those for which work was begun; imports of files always.
    """

    answers: int
    answer_bytes: int
    hits: int
    shared: int
    misses: int


class ScoreService:
    """Imports scores and answers questions about them.

    Args:
        store: Where scores are kept.
        pool: Who does the work.
        bounds: How much may be taken in and given out.
        folders: Below which files may be imported.
        max_cached_bytes: Of answers that are kept at hand; as much again of scores.
        timeout_s: Longest time of one piece of work.
    """

    def __init__(
        self,
        store: ScoreStore,
        pool: Pool,
        bounds: Bounds,
        folders: tuple[Path, ...],
        *,
        max_cached_bytes: int,
        timeout_s: float,
    ) -> None:
        self._store = store
        self._pool = pool
        self._bounds = bounds
        self._folders = folders
        self._timeout_s = timeout_s
        self._known = AnswerCache(max_cached_bytes, _size)
        self._short: ByteLimitedCache[str, Entry] = ByteLimitedCache(
            max_cached_bytes, lambda entry: entry.size_bytes
        )
        # Other scores that the store has let go are not kept alive by having been imported.
        self._imported: WeakValueDictionary[str, Entry] = WeakValueDictionary()
        self._flights: SingleFlight[str] = SingleFlight()
        self._hits = 0
        self._misses = 0

    def figures(self) -> ScoreServiceFigures:
        """Return how often answers were known."""
        known = self._known
        return ScoreServiceFigures(
            len(known), known.size_bytes, self._hits, self._flights.shared, self._misses
        )

    async def sweep_forever(self) -> None:
        """Free scores whose time is over, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            try:
                await self._in_store(self._store.sweep)
            except StoreUnavailableError:
                pass  # the store has said so in the log; it is swept when it is back
            except Exception:
                _logger.exception("the store of scores cannot be swept")

    async def import_score(
        self, owner: str, text: str, kind: jobs.SourceType, name: str | None, tell: Listener | None = None
    ) -> StoredScore:
        """Read a score and store it under a name.

        Raises:
            ScoreError: It cannot be read or stored.
        """
        if name is not None:  # before the work: whether it is taken depends on what is read
            check_name(name)
        source = Source(text, kind, self._folders)
        work = self._work(owner, jobs.read, source, self._bounds.score)
        if kind == "file" or (kind == "auto" and self._folders):  # a file may have changed
            entry = await work(tell)
        else:
            entry = await self._imported_once(_digest(kind, text), work, tell, is_short=len(text) <= _SHORT)
        title = str(entry.info["title"]) or (text if len(text) <= 60 else "")
        return await self._in_store(self._store.put, owner, entry, name=name, title=title)

    async def _imported_once(
        self,
        key: str,
        work: Callable[[Listener | None], Coroutine[Any, Any, Entry]],
        tell: Listener | None,
        *,
        is_short: bool,
    ) -> Entry:
        known = self._short.get(key) or self._imported.get(key)
        if known is not None:
            self._hits += 1
            return known

        async def remembered(tell_all: Listener) -> Entry:
            entry = await work(None if tell is None else tell_all)
            self._imported[key] = entry
            if is_short:
                self._short.put(key, entry)
            return entry

        return await self._flights.run(f"import {key}", remembered, on_progress=tell)

    async def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores."""
        return await self._in_store(self._store.scores, owner)

    async def delete(self, owner: str, name: str) -> None:
        """Delete a score.

        Raises:
            UnknownScoreError: There is none of that name.
        """
        await self._in_store(self._store.delete, owner, name)

    async def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner, and return how many there were."""
        return await self._in_store(self._store.delete_all, owner)

    async def analyse(
        self,
        owner: str,
        name: str,
        analysis: str,
        arguments: Mapping[str, Any],
        *,
        offset: int = 0,
        limit: int = 100,
        tell: Listener | None = None,
    ) -> bytes:
        """Return what an analysis says of a score, as a JSON object; of a long list one page.

        Raises:
            ScoreError: There is no such score, or it cannot be analysed so.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, analysis, arguments)
        found = await self._known_or_made(
            key, entry, owner, tell, jobs.analyse, analysis, entry.columns, dict(arguments)
        )
        # Put together from JSON: to read a page and to write it again would take as long as all the rest.
        head = b'{"score_id":%b,%b' % (to_json(name), found.head[1:])
        pages = ANALYSES[analysis].pages
        if pages is None or found.rows is None:
            return head
        rows, page = cut(found.rows, offset, limit)
        head = head.replace(b'"%b":[]' % pages.encode(), b'"%b":%b' % (pages.encode(), rows), 1)
        return b'%b,"page":%b}' % (head[:-1], to_json(page))

    async def export(
        self,
        owner: str,
        name: str,
        form: jobs.ExportFormat,
        excerpt: Excerpt = WHOLE,
        tell: Listener | None = None,
    ) -> Export:
        """Return a score in a format.

        Raises:
            ScoreError: There is no such score, or too much of it.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, "export", {"format": form, **asdict(excerpt)})
        return await self._known_or_made(
            key, entry, owner, tell, jobs.export, entry, form, excerpt, self._bounds
        )

    async def derive(
        self,
        owner: str,
        function: Callable[..., DerivedScore],
        *arguments: Any,
        sources: tuple[str, ...] = (),
        name: str | None = None,
        tell: Listener | None = None,
    ) -> tuple[StoredScore, Mapping[str, Any]]:
        """Make a score, from others or from nothing, and store it like an imported one.

        Args:
            owner: Whose scores they are.
            function: Called in a process with the sources' entries, the arguments, and a score's limits.
            arguments: Plain values.
            sources: Names of scores.
            name: How to call the new one; None makes a name from its title.
            tell: Told of the progress.

        Returns:
            The new score, and what the function has to say about it.

        Raises:
            ScoreError: A source is missing, or the score cannot be made or stored.
        """
        if name is not None:  # before the work: whether it is taken depends on what is made
            check_name(name)
        entries = tuple([await self._entry(owner, source) for source in sources])
        complete: tuple[Any, ...] = (entries, *arguments, self._bounds.score)
        new = await self._work(owner, function, *complete)(tell)
        title = str(new.entry.info["title"])
        return await self._in_store(self._store.put, owner, new.entry, name=name, title=title), new.report

    async def draw(
        self, owner: str, name: str, form: PictureFormat, excerpt: Excerpt, tell: Listener | None = None
    ) -> Picture:
        """Return a part of a score as a picture.

        Raises:
            ScoreError: There is no such score or part, or it is too much for one picture.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, "draw", {"format": form, **asdict(excerpt)})
        return await self._known_or_made(
            key, entry, owner, tell, jobs.draw, entry, form, excerpt, self._bounds
        )

    async def _known_or_made(
        self,
        key: str,
        entry: Entry,
        owner: str,
        tell: Listener | None,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """Return what a function of the engine makes, once for all who ask for it."""
        known: Result | None = self._known.get(key)
        if known is not None:
            self._hits += 1
            return known
        work = self._work(owner, function, *arguments)

        async def remembered(tell_all: Listener) -> Result:
            # Remembered before the flight has landed: whoever comes in between would begin another.
            made = await work(None if tell is None else tell_all)
            self._known.put(entry, key, made)
            return made

        return await self._flights.run(key, remembered, on_progress=tell)

    def _work(
        self,
        owner: str,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Callable[[Listener | None], Coroutine[Any, Any, Result]]:
        """Return what has a function of the engine called in a process."""

        async def work(tell: Listener | None) -> Result:
            self._misses += 1
            return await self._pool.run(
                function, *arguments, deadline_s=self._timeout_s, owner=owner, on_progress=tell
            )

        return work

    async def _entry(self, owner: str, name: str) -> Entry:
        return await self._in_store(self._store.get, owner, name)

    async def _in_store(self, method: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """Call a method of the store: in a thread where it waits for a disk or a network."""
        if self._store.is_in_memory:
            return method(*arguments, **named)
        return await asyncio.to_thread(method, *arguments, **named)


def _digest(kind: str, text: str) -> str:
    return sha256(f"{kind}\0{text}".encode()).hexdigest()


def _size(value: Answer | Export | Picture) -> int:
    return len(value.content) if isinstance(value, Export | Picture) else value.size_bytes
