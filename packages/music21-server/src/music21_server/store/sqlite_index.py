"""The index of the store: whose name stands for which content, since when, and when it was last used.

It is an SQLite database, in memory or in a file that several processes may share; a write waits for those of
other processes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from music21_server.errors import ScoreError
from music21_server.store.limits import StoredScore, StoreFigures

_logger = logging.getLogger(__name__)

_VERSION: Final = 1
_WAIT_S: Final = 10.0
"""For other processes that write."""

_MOST_REASONS: Final = 1_000
"""Of scores that are gone."""

_REASONS_UNTIL_TRIM: Final = 200
"""Sorting a thousand reasons at each deletion would cost more than the deletion."""

_SCHEMA: Final = f"""
CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    info TEXT NOT NULL,          -- JSON
    size_bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL    -- CRC-32 of the columns: another version of the reader may make others
) WITHOUT ROWID;
CREATE TABLE names (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL REFERENCES contents (id),
    created_s REAL NOT NULL,
    used_s REAL NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE INDEX names_by_use ON names (used_s);
CREATE INDEX names_by_content ON names (content);
CREATE TABLE freed (             -- so that whoever asks for a score that is gone is told why
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_s REAL NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


class StoreFolderError(ScoreError):
    """The folder of the store cannot be used."""


class Index:
    """Names and contents; times are seconds since the epoch. It is for one thread at a time.

    A file that is damaged or of another version is put aside, with a warning in the log.

    Args:
        path: Of the file, which is made with its folder for this user alone; None for memory.

    Raises:
        StoreFolderError: The file cannot be opened or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = _opened(":memory:") if path is None else _opened_or_put_aside(path)
        self._freed_since_trim = 0

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Do all of a block or nothing, alone among all processes."""
        return _transaction(self._database)

    def content_of(self, owner: str, name: str) -> tuple[str, float] | None:
        """Return the content that a name stands for, and when it was last used."""
        query = "SELECT content, used_s FROM names WHERE owner = ? AND name = ?"
        row: tuple[str, float] | None = self._database.execute(query, (owner, name)).fetchone()
        return row

    def contents_of(self, owner: str) -> dict[str, str]:
        """Return the contents by an owner's names."""
        query = "SELECT name, content FROM names WHERE owner = ?"
        return dict(self._database.execute(query, (owner,)).fetchall())

    def scores(self, owner: str, used_since_s: float) -> tuple[StoredScore, ...]:
        """Return an owner's scores, in the order in which they were stored."""
        rows = self._database.execute(
            "SELECT name, id, kind, info, size_bytes, created_s, used_s FROM names JOIN contents ON id = "
            "content WHERE owner = ? AND used_s >= ? ORDER BY created_s, name",
            (owner, used_since_s),
        )
        return tuple(
            StoredScore(name, content, kind, json.loads(info), size_bytes, created_s, used_s)
            for name, content, kind, info, size_bytes, created_s, used_s in rows
        )

    def named(self, owner: str, name: str, content: str, now: float) -> None:
        """Let a name stand for a content; one that does so already is used."""
        self._database.execute(
            "INSERT INTO names VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (owner, name) DO UPDATE SET used_s = excluded.used_s",
            (owner, name, content, now, now),
        )

    def used(self, owner: str, name: str, now: float) -> None:
        """Write down a use."""
        self._database.execute("UPDATE names SET used_s = ? WHERE owner = ? AND name = ?", (now, owner, name))

    def checksum_of(self, content: str) -> int | None:
        """Return the checksum of a content's columns, None when there is no such content."""
        row = self._database.execute("SELECT checksum FROM contents WHERE id = ?", (content,)).fetchone()
        return None if row is None else int(row[0])

    def add_content(
        self, content: str, kind: str, info: dict[str, Any], size_bytes: int, checksum: int
    ) -> None:
        """Add a content, or replace what was known of it."""
        self._database.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
            (content, kind, json.dumps(info), size_bytes, checksum),
        )

    def contents(self) -> set[str]:
        """Return all contents."""
        return {content for (content,) in self._database.execute("SELECT id FROM contents")}

    def drop_unnamed(self) -> list[str]:
        """Drop the contents that no name stands for, and return them."""
        unnamed = "FROM contents WHERE id NOT IN (SELECT content FROM names)"
        dropped = [content for (content,) in self._database.execute(f"SELECT id {unnamed}")]
        if dropped:
            self._database.execute(f"DELETE {unnamed}")
        return dropped

    def unused(self, since_s: float) -> list[tuple[str, str]]:
        """Return owner and name of what was not used since then, the longest unused first."""
        query = "SELECT owner, name FROM names WHERE used_s < ? ORDER BY used_s"
        return self._database.execute(query, (since_s,)).fetchall()

    def free(self, owner: str, name: str, reason: str, now: float) -> int:
        """Take a name away, and keep the reason; return how many there were."""
        return self._free("owner = ? AND name = ?", (owner, name), reason, now)

    def free_unused(self, since_s: float, reason: str, now: float) -> int:
        """Take away all names that were not used since then."""
        return self._free("used_s < ?", (since_s,), reason, now)

    def free_content(self, content: str, reason: str, now: float) -> int:
        """Take away all names of a content."""
        return self._free("content = ?", (content,), reason, now)

    def forget_owner(self, owner: str) -> int:
        """Take away all names of an owner, and the reasons why others are gone."""
        self._database.execute("DELETE FROM freed WHERE owner = ?", (owner,))
        return self._database.execute("DELETE FROM names WHERE owner = ?", (owner,)).rowcount

    def reason(self, owner: str, name: str) -> str | None:
        """Return why a score is gone, None when nothing is known of it."""
        query = "SELECT reason FROM freed WHERE owner = ? AND name = ?"
        row = self._database.execute(query, (owner, name)).fetchone()
        return None if row is None else str(row[0])

    def room_of_owner(self, owner: str) -> tuple[int, int]:
        """Return how many names an owner has, and the bytes of their contents."""
        row: tuple[int, int] = self._database.execute(
            "SELECT count(*), coalesce(sum(size_bytes), 0) FROM names JOIN contents ON id = content "
            "WHERE owner = ?",
            (owner,),
        ).fetchone()
        return row

    def room(self, without: str) -> tuple[int, int]:
        """Return how many names there are, and the bytes of all contents that have one, but for one."""
        row: tuple[int, int] = self._database.execute(
            "SELECT (SELECT count(*) FROM names), (SELECT coalesce(sum(size_bytes), 0) FROM contents "
            "WHERE id <> ? AND id IN (SELECT content FROM names))",
            (without,),
        ).fetchone()
        return row

    def figures(self) -> StoreFigures:
        """Return how full the store is."""
        row = self._database.execute(
            "SELECT (SELECT count(*) FROM names), (SELECT count(*) FROM contents), "
            "(SELECT count(DISTINCT owner) FROM names), (SELECT coalesce(sum(size_bytes), 0) FROM contents)"
        ).fetchone()
        return StoreFigures(*row)

    def _free(self, which: str, arguments: tuple[Any, ...], reason: str, now: float) -> int:
        self._database.execute(
            f"INSERT OR REPLACE INTO freed SELECT owner, name, ?, ? FROM names WHERE {which}",  # noqa: S608 - ours
            (reason, now, *arguments),
        )
        count = self._database.execute(f"DELETE FROM names WHERE {which}", arguments).rowcount  # noqa: S608 - ours
        self._freed_since_trim += count
        if self._freed_since_trim > _REASONS_UNTIL_TRIM:
            self._freed_since_trim = 0
            self._database.execute(
                "DELETE FROM freed WHERE (owner, name) IN "
                "(SELECT owner, name FROM freed ORDER BY at_s DESC LIMIT -1 OFFSET ?)",
                (_MOST_REASONS,),
            )
        return count


def _opened_or_put_aside(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # the files that SQLite makes beside it have the same permissions
        try:
            return _opened(str(path))
        except sqlite3.OperationalError:
            raise  # locked, or not permitted: the file may be all right
        except sqlite3.DatabaseError as error:
            aside = path.with_suffix(".damaged")
            _logger.warning("the store's index %s is put aside as %s: %s", path, aside.name, error)
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            path.replace(aside)
            path.touch(mode=0o600)
            return _opened(str(path))
    except (sqlite3.Error, OSError) as error:
        raise StoreFolderError(
            f"Expected a folder for stored scores that can be written, got {str(path.parent)!r}: {error}. "
            "Choose another one, or see to its permissions."
        ) from error


def _opened(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        if path != ":memory:":
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        with _transaction(database):
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _statements(_SCHEMA):
                    database.execute(statement)
            elif version != _VERSION:
                raise sqlite3.DatabaseError(f"its version is {version}, expected {_VERSION}")
    except BaseException:
        database.close()
        raise
    return database


def _statements(script: str) -> Iterator[str]:
    """Yield single statements; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
