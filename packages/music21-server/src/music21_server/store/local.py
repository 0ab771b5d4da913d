"""Score store of one machine, in memory or in a folder.

A content is stored once, even if several names refer to it. Names belong to an owner (a session or a client),
who sees no others. A score in use is never dropped to make room. Scores that exceed their lifetime without
use are freed first; then, the least recently used first, those past their grace period. If that is not
enough, a new score is refused with an error that names the limit. A request for a freed score is answered
with the reason.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from music21_server.errors import StoreUnavailableError, UnknownScoreError
from music21_server.score.entry import Entry
from music21_server.store.contents import Contents, FolderContents, MemoryContents
from music21_server.store.limits import (
    DAMAGED,
    DELETED,
    Eviction,
    StoredScore,
    StoreFigures,
    StoreLimits,
    check_limit,
    lifetime_reason,
    room_reason,
)
from music21_server.store.names import TakenNameError, check_name, make_name, taken_name, unknown_score
from music21_server.store.sqlite_index import Index

__all__ = ["LocalStore", "StoreFigures", "StoreLimits", "StoredScore", "TakenNameError"]

_logger = logging.getLogger(__name__)


class LocalStore:
    """Keeps imported scores in memory or in a folder; thread-safe.

    In memory each method takes about 0.1 ms. With a folder, files are read and written: call the methods in a
    thread, not in an event loop.

    Args:
        limits: Limits of the store.
        clock: Returns the time in seconds since the epoch, comparable with the times stored in the folder.
        folder: Folder in which scores survive a restart; several processes of one machine may share it. None
            keeps them in memory.

    Attributes:
        is_in_memory: Whether no method blocks.

    Raises:
        StoreFolderError: The folder cannot be used.
    """

    def __init__(
        self, limits: StoreLimits, clock: Callable[[], float] = time.time, folder: Path | None = None
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self.is_in_memory = folder is None
        self._index = Index(None if folder is None else folder / "index.sqlite3")
        self._contents: Contents = MemoryContents()
        if folder is not None:
            self._contents = FolderContents(folder / "scores", limits.max_cached_bytes)
        self._evictions: Counter[Eviction] = Counter()
        self.sweep()

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score.

        If the owner has the same content under this name, or, without a name, under any name, nothing is
        stored and the call counts as a use.

        Args:
            entry: Content of the score.
            name: Name of the score; None makes one from the title.
            title: Title for that name.

        Raises:
            BadNameError: The name is invalid.
            TakenNameError: The owner has another score of that name.
            TooMuchScoreError: The store or the owner's share of it is full.
        """
        if name is not None:
            check_name(name)
        now = self._clock()
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(now)
            names = self._index.owner_contents(owner)
            name = _choose_name(names, entry, name, title)
            if name not in names:
                freed["room"] += self._make_room(owner, entry, now)
            self._keep(entry)
            self._index.set_name(owner, name, entry.content_id, now)
            self._drop_unnamed()
            return next(score for score in self._index.scores(owner, now) if score.name == name)

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has no score of that name; the message gives the reason, or similar
                names.
        """
        now = self._clock()
        with self._lock:
            row = self._index.content_and_use(owner, name)
            if row is None or row[1] < now - self._limits.score_lifetime_s:
                with self._change() as freed:
                    freed["lifetime"] += self._free_expired(now)
                    self._drop_unnamed()
                raise self._unknown(owner, name)
            content, used_s = row
            if now - used_s >= self._limits.touch_s:
                self._index.record_use(owner, name, now)
            entry = self._contents.get(content)
            return self._read_again(owner, name, now) if entry is None else entry

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, oldest first."""
        with self._lock:
            return self._index.scores(owner, self._clock() - self._limits.score_lifetime_s)

    def delete(self, owner: str, name: str) -> None:
        """Delete a score; calls that are using it can finish.

        Raises:
            UnknownScoreError: The owner has no score of that name.
        """
        now = self._clock()
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(now)
            if not self._index.free(owner, name, DELETED, now):
                raise self._unknown(owner, name)
            self._drop_unnamed()

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner and the records of freed ones; return the number of scores."""
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(self._clock())
            count = self._index.delete_owner(owner)
            self._drop_unnamed()
            return count

    def sweep(self) -> int:
        """Free scores not used for their lifetime and return their number; call it periodically."""
        with self._change() as freed:
            count = freed["lifetime"] = self._free_expired(self._clock())
            self._drop_unnamed()
            indexed = self._index.contents()
            for content in self._contents.ids():
                if content not in indexed:  # left by a process that was killed while writing
                    self._contents.drop(content)
            return count

    def figures(self) -> StoreFigures:
        """Return how full the store is."""
        with self._lock:
            return self._index.figures()

    def evictions(self) -> Mapping[Eviction, int]:
        """Return the number of scores that this process has freed, by reason; deleted ones do not count."""
        with self._lock:
            return {reason: self._evictions[reason] for reason in get_args(Eviction)}

    def check(self) -> None:
        """Raise StoreUnavailableError if the index cannot be read."""
        try:
            self.figures()
        except sqlite3.Error as error:
            raise StoreUnavailableError(
                f"Expected a readable score store, got: {error}. Check its folder (setting store_folder)."
            ) from error

    def close(self) -> None:
        """Close the index; scores in a folder stay there."""
        with self._lock:
            self._index.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[Counter[Eviction]]:
        """Change the index in one transaction; freed scores are counted if it succeeds."""
        freed: Counter[Eviction] = Counter()
        with self._lock:
            with self._index.transaction():
                yield freed
            self._evictions += freed

    def _make_room(self, owner: str, entry: Entry, now: float) -> int:
        """Free as many unused scores as a new one needs and return their number, or refuse the new one."""
        limits, new_bytes = self._limits, entry.size_bytes
        names, size_bytes = self._index.owner_usage(owner)
        check_limit("max_scores_per_owner", names + 1, limits)
        check_limit("max_stored_bytes_per_owner", size_bytes + new_bytes, limits)

        unused = self._index.unused(now - limits.score_grace_s)
        names, size_bytes = self._index.usage(without=entry.content_id)
        freed = 0
        while unused and (names + 1 > limits.max_scores or size_bytes + new_bytes > limits.max_stored_bytes):
            freed += self._index.free(*unused.pop(0), room_reason(limits), now)
            names, size_bytes = self._index.usage(without=entry.content_id)
        # If the score is refused, the transaction is rolled back and nothing has been freed.
        check_limit("max_scores", names + 1, limits)
        check_limit("max_stored_bytes", size_bytes + new_bytes, limits)
        return freed

    def _keep(self, entry: Entry) -> None:
        checksum = zlib.crc32(entry.columns)
        if self._index.checksum(entry.content_id) == checksum and self._contents.get(entry.content_id):
            return
        self._contents.put(entry)
        self._index.add_content(entry.content_id, entry.kind, dict(entry.info), entry.size_bytes, checksum)

    def _free_expired(self, now: float) -> int:
        return self._index.free_unused(
            now - self._limits.score_lifetime_s, lifetime_reason(self._limits), now
        )

    def _drop_unnamed(self) -> None:
        """Drop contents without a name; call it at the end of a transaction, when no other process writes."""
        for content in self._index.drop_unnamed():
            self._contents.drop(content)

    def _read_again(self, owner: str, name: str, now: float) -> Entry:
        """Return a score whose content was missing, now that no other process writes; else free its names."""
        with self._change() as freed:
            row = self._index.content_and_use(owner, name)
            entry = None if row is None else self._contents.get(row[0])
            if entry is not None:
                return entry
            if row is not None:
                _logger.warning("freeing the names of content %s: it was damaged or removed", row[0])
                freed["damaged"] += self._index.free_content(row[0], DAMAGED, now)
                self._drop_unnamed()
        raise self._unknown(owner, name)

    def _unknown(self, owner: str, name: str) -> UnknownScoreError:
        names = [score.name for score in self.scores(owner)]
        return unknown_score(name, names, self._index.reason(owner, name))


def _choose_name(names: Mapping[str, str], entry: Entry, name: str | None, title: str) -> str:
    """Return the name for a score, given the owner's names and their contents."""
    if name is None:
        same = sorted(other for other, content in names.items() if content == entry.content_id)
        return same[0] if same else make_name(title, names)
    if names.get(name, entry.content_id) != entry.content_id:
        raise taken_name(name)
    return name
