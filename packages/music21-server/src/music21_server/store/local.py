"""Imported scores: whose they are, what they are called, how many there may be, and for how long.

A content is kept once, however many names stand for it. Names belong to an owner (a session or a client), who
sees no others. Nothing that is in use is ever dropped to make room: first go the scores whose lifetime
without use is over, then, from the one unused for longest, those that have not been used for the time that is
granted to every score; then a new score is refused, by an error that names the limit. Whoever asks for a
score that is gone is told why.
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
from music21_server.store.contents import Contents, InFolder, InMemory
from music21_server.store.limits import (
    DAMAGED,
    DELETED,
    Eviction,
    StoredScore,
    StoreFigures,
    StoreLimits,
    lifetime_reason,
    refuse_above,
    room_reason,
)
from music21_server.store.names import TakenNameError, check_name, make_name, taken_name, unknown_score
from music21_server.store.sqlite_index import Index

__all__ = ["Store", "StoreFigures", "StoreLimits", "StoredScore", "TakenNameError"]

_logger = logging.getLogger(__name__)


class Store:
    """Keeps imported scores.

    Any thread may use it. In memory each method takes some 0.1 ms; with a folder, files are read and written:
    then call `put` and `get` in a thread, not in an event loop.

    Args:
        limits: Bounds.
        clock: Seconds since the epoch; they are compared with those in the folder.
        folder: Keeps scores and names over a restart; several processes of one machine may share it. None:
            memory.

    Attributes:
        is_in_memory: Whether no method waits for anything.

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
        self._contents: Contents = InMemory()
        if folder is not None:
            self._contents = InFolder(folder / "scores", limits.max_cached_bytes)
        self._evictions: Counter[Eviction] = Counter()
        self.sweep()

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score.

        The same content under the same name, or without a name under any, is stored already: that is a use.

        Args:
            owner: Whose it is.
            entry: The score.
            name: How to call it; None makes a name.
            title: From which to make it.

        Raises:
            BadNameError: It cannot be a name.
            TakenNameError: The name stands for another score of this owner.
            TooMuchScoreError: There is no room.
        """
        if name is not None:
            check_name(name)
        now = self._clock()
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(now)
            names = self._index.contents_of(owner)
            place = _place(names, entry, name, title)
            if place not in names:
                freed["room"] += self._make_room(owner, entry, now)
            self._keep(entry)
            self._index.named(owner, place, entry.content_id, now)
            self._drop_unnamed()
            return next(score for score in self._index.scores(owner, now) if score.name == place)

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has none of that name; the message says what became of it, or names
                the nearest ones.
        """
        now = self._clock()
        with self._lock:
            found = self._index.content_of(owner, name)
            if found is None or found[1] < now - self._limits.score_lifetime_s:
                with self._change() as freed:
                    freed["lifetime"] += self._free_expired(now)
                    self._drop_unnamed()
                raise self._unknown(owner, name)
            content, used_s = found
            if now - used_s >= self._limits.touch_s:
                self._index.used(owner, name, now)
            entry = self._contents.get(content)
            return self._look_again(owner, name, now) if entry is None else entry

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, in the order in which they were stored."""
        with self._lock:
            return self._index.scores(owner, self._clock() - self._limits.score_lifetime_s)

    def delete(self, owner: str, name: str) -> None:
        """Delete a score; calls that are using it go on.

        Raises:
            UnknownScoreError: The owner has none of that name.
        """
        now = self._clock()
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(now)
            if not self._index.free(owner, name, DELETED, now):
                raise self._unknown(owner, name)
            self._drop_unnamed()

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner, and all that is known of the owner; return how many there were."""
        with self._change() as freed:
            freed["lifetime"] += self._free_expired(self._clock())
            count = self._index.forget_owner(owner)
            self._drop_unnamed()
            return count

    def sweep(self) -> int:
        """Free what has not been used for its lifetime, and return how many; call it from time to time."""
        with self._change() as freed:
            count = freed["lifetime"] = self._free_expired(self._clock())
            self._drop_unnamed()
            known = self._index.contents()
            for content in self._contents.ids():
                if content not in known:  # a process was killed in the middle of something
                    self._contents.drop(content)
            return count

    def figures(self) -> StoreFigures:
        """Return how full the store is."""
        with self._lock:
            return self._index.figures()

    def evictions(self) -> Mapping[Eviction, int]:
        """Return how many scores this process has freed, by reason; deleted ones do not count."""
        with self._lock:
            return {reason: self._evictions[reason] for reason in get_args(Eviction)}

    def check(self) -> None:
        """Return if the index can be read.

        Raises:
            StoreUnavailableError: It cannot.
        """
        try:
            self.figures()
        except sqlite3.Error as error:
            raise StoreUnavailableError(
                f"The store of scores cannot be read ({error}): see to its folder (setting store_folder)."
            ) from error

    def close(self) -> None:
        """Close the index; what is in a folder stays there."""
        with self._lock:
            self._index.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[Counter[Eviction]]:
        """Change the index in one step; what is freed counts once that has come about."""
        freed: Counter[Eviction] = Counter()
        with self._lock:
            with self._index.transaction():
                yield freed
            self._evictions += freed

    def _make_room(self, owner: str, entry: Entry, now: float) -> int:
        """Refuse a score, or free as many that are unused as it needs; return how many."""
        limits, more = self._limits, entry.size_bytes
        names, size_bytes = self._index.room_of_owner(owner)
        refuse_above("max_scores_per_owner", names + 1, limits)
        refuse_above("max_stored_bytes_per_owner", size_bytes + more, limits)

        unused = self._index.unused(now - limits.score_grace_s)
        names, size_bytes = self._index.room(without=entry.content_id)
        freed = 0
        while unused and (names + 1 > limits.max_scores or size_bytes + more > limits.max_stored_bytes):
            freed += self._index.free(*unused.pop(0), room_reason(limits), now)
            names, size_bytes = self._index.room(without=entry.content_id)
        # What was freed comes back when the score is refused: the transaction ends in vain.
        refuse_above("max_scores", names + 1, limits)
        refuse_above("max_stored_bytes", size_bytes + more, limits)
        return freed

    def _keep(self, entry: Entry) -> None:
        checksum = zlib.crc32(entry.columns)
        if self._index.checksum_of(entry.content_id) == checksum and self._contents.get(entry.content_id):
            return
        self._contents.put(entry)
        self._index.add_content(entry.content_id, entry.kind, dict(entry.info), entry.size_bytes, checksum)

    def _free_expired(self, now: float) -> int:
        return self._index.free_unused(
            now - self._limits.score_lifetime_s, lifetime_reason(self._limits), now
        )

    def _drop_unnamed(self) -> None:
        """Drop contents that no name stands for; at the end of a transaction, when nobody else writes."""
        for content in self._index.drop_unnamed():
            self._contents.drop(content)

    def _look_again(self, owner: str, name: str, now: float) -> Entry:
        """Return a score whose content was not found, once nobody else is changing it; or free its names."""
        with self._change() as freed:
            found = self._index.content_of(owner, name)
            entry = None if found is None else self._contents.get(found[0])
            if entry is not None:
                return entry
            if found is not None:
                _logger.warning("the names of %s are freed: it was damaged or removed", found[0])
                freed["damaged"] += self._index.free_content(found[0], DAMAGED, now)
                self._drop_unnamed()
        raise self._unknown(owner, name)

    def _unknown(self, owner: str, name: str) -> UnknownScoreError:
        names = [score.name for score in self.scores(owner)]
        return unknown_score(name, names, self._index.reason(owner, name))


def _place(names: Mapping[str, str], entry: Entry, name: str | None, title: str) -> str:
    """Return the name for a score, given an owner's names and their contents."""
    if name is None:
        same = sorted(known for known, content in names.items() if content == entry.content_id)
        return same[0] if same else make_name(title, names)
    if names.get(name, entry.content_id) != entry.content_id:
        raise taken_name(name)
    return name
