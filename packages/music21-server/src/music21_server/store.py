"""Imported scores: whose they are, what they are called, how many there may be, and for how long.

A content is kept once, however many names stand for it. Names belong to an owner (a session or a client), who
sees no others. Nothing that is in use is ever dropped to make room: first go the scores whose lifetime
without use is over, then, from the one unused for longest, those that have not been used for the time that is
granted to every score; then a new score is refused, by an error that names the limit. Whoever asks for a
score that is gone is told why.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from music21_server.entries import Entry
from music21_server.errors import ScoreError, UnknownScoreError
from music21_server.store_contents import Contents, InFolder, InMemory
from music21_server.store_index import open_index, transaction
from music21_server.store_limits import StoreLimits, duration_text, refuse_above
from music21_server.store_names import check_name, make_name, nearest

_logger = logging.getLogger(__name__)

_MOST_REASONS: Final = 1_000
"""Of scores that are gone."""

_TOUCHES: Final = 60
"""A use is written down when the last one was a sixtieth of `score_grace_s` ago: few cost a write."""


class TakenNameError(ScoreError):
    """The name stands for another score."""


@dataclass(frozen=True)
class StoredScore:
    """A score in a list.

    Attributes:
        name: By which its owner calls it.
        content_id: Equal for identical imports.
        kind: Format of the document.
        info: A few facts.
        size_bytes: What it costs to keep.
        created_s: Since the epoch.
        used_s: Last use since the epoch, to about a minute.
    """

    name: str
    content_id: str
    kind: str
    info: Mapping[str, Any]
    size_bytes: int
    created_s: float
    used_s: float


@dataclass(frozen=True)
class StoreFigures:
    """How full the store is.

    Attributes:
        names: Of all owners.
        contents: Different ones.
        owners: Who have at least one score.
        size_bytes: Of all contents.
    """

    names: int
    contents: int
    owners: int
    size_bytes: int


class Store:
    """Keeps imported scores.

    Any thread may use it. In memory each method takes some 0.1 ms; with a folder, files are read and written:
    then call `put` and `get` in a thread, not in an event loop.

    Args:
        limits: Bounds.
        clock: Seconds since the epoch; they are compared with those in the folder.
        folder: Keeps scores and names over a restart; several processes of one machine may share it. None:
            memory.

    Raises:
        StoreFolderError: The folder cannot be used.
    """

    def __init__(
        self, limits: StoreLimits, clock: Callable[[], float] = time.time, folder: Path | None = None
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._index = open_index(None if folder is None else folder / "index.sqlite3")
        self._contents: Contents = InMemory()
        if folder is not None:
            self._contents = InFolder(folder / "scores", limits.max_cached_bytes)
        self.sweep()

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score.

        The same content under the same name, or without a name under any, is stored already: nothing changes.

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
        with self._lock, transaction(self._index):
            self._free_expired(now)
            name, is_new = self._place(owner, entry, name, title)
            if is_new:
                self._make_room(owner, entry, now)
            self._keep(entry)
            self._index.execute(
                "INSERT INTO names VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (owner, name) DO UPDATE SET used_s = excluded.used_s",
                (owner, name, entry.content_id, now, now),
            )
            self._index.execute("DELETE FROM freed WHERE owner = ? AND name = ?", (owner, name))
            self._drop_unnamed()
            return self._rows("WHERE owner = ? AND name = ?", (owner, name))[0]

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has none of that name; the message says what became of it, or names
                the nearest ones.
        """
        now = self._clock()
        with self._lock:
            row = self._index.execute(
                "SELECT content, used_s FROM names WHERE owner = ? AND name = ? AND used_s >= ?",
                (owner, name, now - self._limits.score_lifetime_s),
            ).fetchone()
            if row is None:
                with transaction(self._index):
                    self._free_expired(now)
                    self._drop_unnamed()
                raise self._unknown(owner, name)
            content, used_s = row
            if now - used_s >= self._limits.score_grace_s / _TOUCHES:
                self._index.execute(
                    "UPDATE names SET used_s = ? WHERE owner = ? AND name = ?", (now, owner, name)
                )
            entry = self._contents.get(content)
            if entry is None:
                entry = self._look_again(owner, name, now)
            return entry

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, in the order in which they were stored."""
        with self._lock:
            oldest_s = self._clock() - self._limits.score_lifetime_s
            return self._rows("WHERE owner = ? AND used_s >= ? ORDER BY created_s, name", (owner, oldest_s))

    def delete(self, owner: str, name: str) -> None:
        """Delete a score; calls that are using it go on.

        Raises:
            UnknownScoreError: The owner has none of that name.
        """
        now = self._clock()
        with self._lock, transaction(self._index):
            self._free_expired(now)
            if not self._free("owner = ? AND name = ?", (owner, name), "it was deleted", now):
                raise self._unknown(owner, name)
            self._drop_unnamed()

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner, and all that is known of the owner; return how many there were."""
        now = self._clock()
        with self._lock, transaction(self._index):
            self._free_expired(now)
            count = self._free("owner = ?", (owner,), "it was deleted", now)
            self._index.execute("DELETE FROM freed WHERE owner = ?", (owner,))
            self._drop_unnamed()
            return count

    def sweep(self) -> int:
        """Free what has not been used for its lifetime, and return how many; call it from time to time."""
        now = self._clock()
        with self._lock, transaction(self._index):
            count = self._free_expired(now)
            self._drop_unnamed()
            known = {content for (content,) in self._index.execute("SELECT id FROM contents")}
            for content in self._contents.ids():
                if content not in known:
                    self._contents.drop(content)
            return count

    def figures(self) -> StoreFigures:
        """Return how full the store is."""
        with self._lock:
            names, owners = self._one("SELECT count(*), count(DISTINCT owner) FROM names")
            contents, size_bytes = self._one("SELECT count(*), coalesce(sum(size_bytes), 0) FROM contents")
            return StoreFigures(names, contents, owners, size_bytes)

    def close(self) -> None:
        """Close the index; what is in a folder stays there."""
        with self._lock:
            self._index.close()

    def _place(self, owner: str, entry: Entry, name: str | None, title: str) -> tuple[str, bool]:
        """Return the name for a score, and whether it does not stand for it already."""
        names = dict(
            self._index.execute("SELECT name, content FROM names WHERE owner = ?", (owner,)).fetchall()
        )
        if name is None:
            same = sorted(known for known, content in names.items() if content == entry.content_id)
            name = same[0] if same else make_name(title, names)
        elif names.get(name, entry.content_id) != entry.content_id:
            raise TakenNameError(
                f"The name {name!r} stands for another score: choose another name, or delete that score "
                "first (delete_score)."
            )
        return name, name not in names

    def _make_room(self, owner: str, entry: Entry, now: float) -> None:
        """Refuse a score, or free as many that are unused as it needs."""
        limits = self._limits
        more = entry.size_bytes
        names, size_bytes = self._one(
            "SELECT count(*), coalesce(sum(size_bytes), 0) FROM names JOIN contents ON id = content "
            "WHERE owner = ?",
            (owner,),
        )
        advice = "delete one that is not needed any more (delete_score)"
        refuse_above(
            "max_scores_per_owner", "scores of this client", names + 1, limits.max_scores_per_owner, advice
        )
        refuse_above(
            "max_stored_bytes_per_owner",
            "bytes of scores of this client",
            size_bytes + more,
            limits.max_stored_bytes_per_owner,
            advice,
        )
        unused = self._index.execute(
            "SELECT owner, name FROM names WHERE used_s < ? ORDER BY used_s", (now - limits.score_grace_s,)
        ).fetchall()
        advice = (
            f"none of them has been unused for {duration_text(limits.score_grace_s)} (setting "
            "score_grace_s), so none is freed for this one; delete scores that are not needed any more, or try again later"
        )
        while True:
            names = self._one("SELECT count(*) FROM names")[0]
            # Of what no name stands for any more, nothing is counted: it goes at the end of the transaction.
            size_bytes = self._one(
                "SELECT coalesce(sum(size_bytes), 0) FROM contents "
                "WHERE id <> ? AND id IN (SELECT content FROM names)",
                (entry.content_id,),
            )[0]
            if names + 1 <= limits.max_scores and size_bytes + more <= limits.max_stored_bytes:
                return
            if not unused or more > limits.max_stored_bytes:
                break
            reason = (
                f"room was needed, and it had not been used for {duration_text(limits.score_grace_s)} "
                "(settings max_scores, max_stored_bytes and score_grace_s)"
            )
            self._free("owner = ? AND name = ?", unused.pop(0), reason, now)
        refuse_above("max_scores", "scores of all clients", names + 1, limits.max_scores, advice)
        refuse_above(
            "max_stored_bytes", "bytes of all scores", size_bytes + more, limits.max_stored_bytes, advice
        )

    def _keep(self, entry: Entry) -> None:
        checksum = zlib.crc32(entry.columns)
        row = self._index.execute(
            "SELECT checksum FROM contents WHERE id = ?", (entry.content_id,)
        ).fetchone()
        if row == (checksum,) and self._contents.get(entry.content_id) is not None:
            return
        self._contents.put(entry)
        self._index.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
            (entry.content_id, entry.kind, json.dumps(dict(entry.info)), entry.size_bytes, checksum),
        )

    def _free_expired(self, now: float) -> int:
        lifetime_s = self._limits.score_lifetime_s
        reason = f"it had not been used for {duration_text(lifetime_s)} (setting score_lifetime_s)"
        return self._free("used_s < ?", (now - lifetime_s,), reason, now)

    def _free(self, which: str, arguments: tuple[Any, ...], reason: str, now: float) -> int:
        """Take names away; the contents go with `_drop_unnamed`."""
        self._index.execute(
            f"INSERT OR REPLACE INTO freed SELECT owner, name, ?, ? FROM names WHERE {which}",  # noqa: S608 - ours
            (reason, now, *arguments),
        )
        count = self._index.execute(f"DELETE FROM names WHERE {which}", arguments).rowcount  # noqa: S608 - ours
        if count:
            self._index.execute(
                "DELETE FROM freed WHERE (owner, name) IN "
                "(SELECT owner, name FROM freed ORDER BY at_s DESC LIMIT -1 OFFSET ?)",
                (_MOST_REASONS,),
            )
        return count

    def _drop_unnamed(self) -> None:
        """Drop contents that no name stands for; at the end of a transaction, when nobody else writes."""
        unnamed = self._index.execute(
            "SELECT id FROM contents WHERE id NOT IN (SELECT content FROM names)"
        ).fetchall()
        for (content,) in unnamed:
            self._index.execute("DELETE FROM contents WHERE id = ?", (content,))
            self._contents.drop(content)

    def _look_again(self, owner: str, name: str, now: float) -> Entry:
        """Return a score whose content was not found, once nobody else is changing it; or free its names."""
        with transaction(self._index):
            row = self._index.execute(
                "SELECT content FROM names WHERE owner = ? AND name = ?", (owner, name)
            ).fetchone()
            entry = None if row is None else self._contents.get(row[0])
            if entry is not None:
                return entry
            if row is not None:
                _logger.warning(
                    "a stored score could not be read: the names that stood for %s are freed", row[0]
                )
                self._free("content = ?", row, "its file was damaged or removed", now)
                self._drop_unnamed()
        raise self._unknown(owner, name)

    def _unknown(self, owner: str, name: str) -> UnknownScoreError:
        """Return the error that says what became of a score, or which ones there are."""
        reason = self._index.execute(
            "SELECT reason FROM freed WHERE owner = ? AND name = ?", (owner, name)
        ).fetchone()
        names = [score.name for score in self.scores(owner)]
        all_names = f"Call list_scores for all {len(names)} names" if names else "No score is stored now"
        if reason is not None:
            return UnknownScoreError(
                f"The score {name!r} is not stored any more: {reason[0]}. {all_names}; import_score stores it "
                "again."
            )
        near = nearest(name, names)
        alike = f" The nearest: {', '.join(map(repr, near))}." if near else ""
        return UnknownScoreError(
            f"Expected the name of a stored score, got {name[:80]!r}.{alike} {all_names}; import_score stores a "
            "score."
        )

    def _rows(self, which: str, arguments: tuple[Any, ...]) -> tuple[StoredScore, ...]:
        rows = self._index.execute(
            "SELECT name, id, kind, info, size_bytes, created_s, used_s "  # noqa: S608 - ours
            f"FROM names JOIN contents ON id = content {which}",
            arguments,
        )
        return tuple(
            StoredScore(name, id_, kind, json.loads(info), *rest) for name, id_, kind, info, *rest in rows
        )

    def _one(self, query: str, arguments: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._index.execute(query, arguments).fetchone()
        return row
