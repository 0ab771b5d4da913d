"""Imports scores and answers questions about them; the heavy work happens in worker processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic_core import to_json

from music21_server.engine import jobs
from music21_server.engine.analyses import ANALYSES
from music21_server.engine.jobs import WHOLE, Bounds, Excerpt, Source
from music21_server.engine.pages import cut
from music21_server.errors import StoreUnavailableError
from music21_server.reading.ingest import DerivedScore
from music21_server.rendering.picture import Picture, PictureFormat
from music21_server.score.entry import Entry
from music21_server.service.answer_cache import answer_key
from music21_server.service.client_shares import ClientShares
from music21_server.service.engine_calls import CacheFigures, EngineCalls
from music21_server.store.limits import StoredScore, StoreLimits
from music21_server.store.names import check_name
from music21_server.store.protocol import ScoreStore
from music21_server.workers.pool import Pool
from music21_server.workers.progress import Listener
from music21_server.writing.exports import Export

_logger = logging.getLogger(__name__)

_SWEEP_INTERVAL_S: Final = 60.0
_DEFAULT_LIMITS: Final = StoreLimits()

Result = TypeVar("Result")


class ScoreService:
    """Imports scores and answers cached, deduplicated analyses.

    Args:
        store: Store of the scores.
        pool: Worker processes.
        bounds: Limits of what is read and returned.
        folders: Folders below which files may be imported.
        max_cached_bytes: Limit for cached answers; cached imports have the same limit again.
        timeout_s: Longest time for one piece of work.
        store_limits: Limits of the store.
        client_of: Returns a key for the client of an owner who may be one of several; None for others.
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
        store_limits: StoreLimits = _DEFAULT_LIMITS,
        client_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._bounds = bounds
        self._folders = folders
        self._shares = ClientShares(store_limits, client_of)
        self._engine = EngineCalls(
            pool, max_cached_bytes=max_cached_bytes, timeout_s=timeout_s, client_of=client_of
        )

    def figures(self) -> CacheFigures:
        """Return how often answers came from the cache."""
        return self._engine.figures()

    async def sweep_forever(self) -> None:
        """Free scores that have exceeded their lifetime, every minute, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_INTERVAL_S)
            try:
                await self._in_store(self._store.sweep)
            except StoreUnavailableError:
                pass  # the store has logged it; the next sweep tries again
            except Exception:
                _logger.exception("cannot sweep the score store")

    async def import_score(
        self,
        owner: str,
        text: str,
        kind: jobs.SourceType,
        name: str | None,
        on_progress: Listener | None = None,
    ) -> StoredScore:
        """Read a score and store it under a name.

        Raises:
            ScoreError: It cannot be read or stored.
        """
        if name is not None:  # before the work; whether the name is taken depends on the content
            check_name(name)
        source = Source(text, kind, self._folders)
        entry = await self._engine.read(owner, source, self._bounds.score, on_progress)
        title = str(entry.info["title"]) or (text if len(text) <= 60 else "")
        return await self._put(owner, entry, name, title)

    async def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores."""
        return await self._in_store(self._store.scores, owner)

    async def delete(self, owner: str, name: str) -> None:
        """Delete a score.

        Raises:
            UnknownScoreError: The owner has no score of that name.
        """
        await self._in_store(self._store.delete, owner, name)

    async def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner and return their number."""
        return await self._in_store(self._store.delete_all, owner)

    async def forget(self, owner: str) -> None:
        """Delete what an owner who will not come back has stored, which nobody else can reach."""
        if self._shares.forget(owner):  # most sessions store nothing, and a store may be far away
            await self.delete_all(owner)

    async def analyse(
        self,
        owner: str,
        name: str,
        analysis: str,
        arguments: Mapping[str, Any],
        *,
        offset: int = 0,
        limit: int = 100,
        on_progress: Listener | None = None,
    ) -> bytes:
        """Return an analysis of a score as a JSON object, with one page of its long list if it has one.

        Raises:
            ScoreError: The score does not exist, or the arguments do not fit it.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, analysis, arguments)
        answer = await self._engine.answer(
            key, entry, owner, on_progress, jobs.analyse, analysis, entry.columns, dict(arguments)
        )
        # Joined as JSON text: parsing a page and writing it again would take as long as all the rest.
        head = b'{"score_id":%b,%b' % (to_json(name), answer.head[1:])
        pages = ANALYSES[analysis].pages
        if pages is None or answer.rows is None:
            return head
        rows, page = cut(answer.rows, offset, limit)
        head = head.replace(b'"%b":[]' % pages.encode(), b'"%b":%b' % (pages.encode(), rows), 1)
        return b'%b,"page":%b}' % (head[:-1], to_json(page))

    async def export(
        self,
        owner: str,
        name: str,
        form: jobs.ExportFormat,
        excerpt: Excerpt = WHOLE,
        on_progress: Listener | None = None,
    ) -> Export:
        """Return a score, or an excerpt of it, in a format.

        Raises:
            ScoreError: The score does not exist, or the result would be too large.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, "export", {"format": form, **asdict(excerpt)})
        return await self._engine.answer(
            key, entry, owner, on_progress, jobs.export, entry, form, excerpt, self._bounds
        )

    async def draw(
        self,
        owner: str,
        name: str,
        form: PictureFormat,
        excerpt: Excerpt,
        on_progress: Listener | None = None,
    ) -> Picture:
        """Return an excerpt of a score as a picture.

        Raises:
            ScoreError: The score or excerpt does not exist, or is too large for one picture.
        """
        entry = await self._entry(owner, name)
        key = answer_key(entry.content_id, "draw", {"format": form, **asdict(excerpt)})
        return await self._engine.answer(
            key, entry, owner, on_progress, jobs.draw, entry, form, excerpt, self._bounds
        )

    async def derive(
        self,
        owner: str,
        function: Callable[..., DerivedScore],
        *arguments: Any,
        sources: tuple[str, ...] = (),
        name: str | None = None,
        on_progress: Listener | None = None,
    ) -> tuple[StoredScore, Mapping[str, Any]]:
        """Make a new score, from stored ones or from nothing, and store it like an imported one.

        Args:
            owner: Owner of the sources and of the new score.
            function: Called in a worker process with the sources' entries, the arguments, and the limits of
                a score.
            arguments: Plain values.
            sources: Names of stored scores.
            name: Name of the new score; None makes one from its title.
            on_progress: Receives the progress.

        Returns:
            The new score, and the function's report about it.

        Raises:
            ScoreError: A source does not exist, or the score cannot be made or stored.
        """
        if name is not None:  # before the work; whether the name is taken depends on the content
            check_name(name)
        entries = tuple([await self._entry(owner, source) for source in sources])
        all_arguments: tuple[Any, ...] = (entries, *arguments, self._bounds.score)
        new = await self._engine.run(owner, on_progress, function, *all_arguments)
        title = str(new.entry.info["title"])
        return await self._put(owner, new.entry, name, title), new.report

    async def _put(self, owner: str, entry: Entry, name: str | None, title: str) -> StoredScore:
        owners = self._shares.add(owner, entry)
        if owners:  # in a thread: they may have a thousand scores
            await asyncio.to_thread(self._shares.check, owner, owners, entry, self._store)
        return await self._in_store(self._store.put, owner, entry, name=name, title=title)

    async def _entry(self, owner: str, name: str) -> Entry:
        return await self._in_store(self._store.get, owner, name)

    async def _in_store(self, method: Callable[..., Result], *arguments: Any, **keywords: Any) -> Result:
        """Call a method of the store, in a thread if it may wait for a disk or a network."""
        if self._store.is_in_memory:
            return method(*arguments, **keywords)
        return await asyncio.to_thread(method, *arguments, **keywords)
