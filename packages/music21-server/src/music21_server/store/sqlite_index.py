"""Index of the local store: owners, names, their contents, and times of use.

An SQLite database, in memory or in a file that several processes may share; writers wait for each other.
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
_WRITE_LOCK_TIMEOUT_S: Final = 10.0

_MAX_REASONS: Final = 1_000
"""Number of freed scores whose reason is kept."""

_REASONS_UNTIL_TRIM: Final = 200
"""Deletions between two trims: sorting a thousand reasons each time would cost more than the deletion."""

_SCHEMA: Final = f"""
CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    info TEXT NOT NULL,          -- JSON
    size_bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL    -- CRC-32 of the columns, which depend on the version of the reader
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
CREATE TABLE freed (             -- reasons, for requests for scores that are gone
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_s REAL NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


class StoreFolderError(ScoreError):
    """The store folder cannot be used."""


class Index:
    """Names and contents, with times in seconds since the epoch; for one thread at a time.

    A file that is damaged or of another version is renamed to `*.damaged` and replaced, with a warning.

    Args:
        path: Path of the file, created with its folder for this user only; None keeps the index in memory.

    Raises:
        StoreFolderError: The file cannot be opened or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = _open(":memory:") if path is None else _open_or_replace(path)
        self._freed_since_trim = 0

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Return a context manager whose block is one transaction, exclusive among all processes."""
        return _transaction(self._database)

    def content_and_use(self, owner: str, name: str) -> tuple[str, float] | None:
        """Return the content id of a name and the time of its last recorded use."""
        query = "SELECT content, used_s FROM names WHERE owner = ? AND name = ?"
        row: tuple[str, float] | None = self._database.execute(query, (owner, name)).fetchone()
        return row

    def owner_contents(self, owner: str) -> dict[str, str]:
        """Return the content ids of an owner, by name."""
        query = "SELECT name, content FROM names WHERE owner = ?"
        return dict(self._database.execute(query, (owner,)).fetchall())

    def scores(self, owner: str, used_since_s: float) -> tuple[StoredScore, ...]:
        """Return an owner's scores used since then, oldest first."""
        rows = self._database.execute(
            "SELECT name, id, kind, info, size_bytes, created_s, used_s FROM names JOIN contents ON id = "
            "content WHERE owner = ? AND used_s >= ? ORDER BY created_s, name",
            (owner, used_since_s),
        )
        return tuple(
            StoredScore(name, content, kind, json.loads(info), size_bytes, created_s, used_s)
            for name, content, kind, info, size_bytes, created_s, used_s in rows
        )

    def set_name(self, owner: str, name: str, content: str, now: float) -> None:
        """Add a name for a content, or record a use of an existing name."""
        self._database.execute(
            "INSERT INTO names VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (owner, name) DO UPDATE SET used_s = excluded.used_s",
            (owner, name, content, now, now),
        )

    def record_use(self, owner: str, name: str, now: float) -> None:
        """Record a use of a name."""
        self._database.execute("UPDATE names SET used_s = ? WHERE owner = ? AND name = ?", (now, owner, name))

    def checksum(self, content: str) -> int | None:
        """Return the checksum of a content's columns, or None if there is no such content."""
        row = self._database.execute("SELECT checksum FROM contents WHERE id = ?", (content,)).fetchone()
        return None if row is None else int(row[0])

    def add_content(
        self, content: str, kind: str, info: dict[str, Any], size_bytes: int, checksum: int
    ) -> None:
        """Add or replace a content."""
        self._database.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
            (content, kind, json.dumps(info), size_bytes, checksum),
        )

    def contents(self) -> set[str]:
        """Return all content ids."""
        return {content for (content,) in self._database.execute("SELECT id FROM contents")}

    def drop_unnamed(self) -> list[str]:
        """Drop the contents without a name and return their ids."""
        unnamed = "FROM contents WHERE id NOT IN (SELECT content FROM names)"
        dropped = [content for (content,) in self._database.execute(f"SELECT id {unnamed}")]
        if dropped:
            self._database.execute(f"DELETE {unnamed}")
        return dropped

    def unused(self, since_s: float) -> list[tuple[str, str]]:
        """Return owner and name of scores not used since then, the longest unused first."""
        query = "SELECT owner, name FROM names WHERE used_s < ? ORDER BY used_s"
        return self._database.execute(query, (since_s,)).fetchall()

    def free(self, owner: str, name: str, reason: str, now: float) -> int:
        """Remove a name and record the reason; return the number of names removed."""
        return self._free("owner = ? AND name = ?", (owner, name), reason, now)

    def free_unused(self, since_s: float, reason: str, now: float) -> int:
        """Remove all names not used since then, like `free`."""
        return self._free("used_s < ?", (since_s,), reason, now)

    def free_content(self, content: str, reason: str, now: float) -> int:
        """Remove all names of a content, like `free`."""
        return self._free("content = ?", (content,), reason, now)

    def delete_owner(self, owner: str) -> int:
        """Remove all names and reasons of an owner; return the number of names removed."""
        self._database.execute("DELETE FROM freed WHERE owner = ?", (owner,))
        return self._database.execute("DELETE FROM names WHERE owner = ?", (owner,)).rowcount

    def reason(self, owner: str, name: str) -> str | None:
        """Return the reason why a score is gone, or None if none is recorded."""
        query = "SELECT reason FROM freed WHERE owner = ? AND name = ?"
        row = self._database.execute(query, (owner, name)).fetchone()
        return None if row is None else str(row[0])

    def owner_usage(self, owner: str) -> tuple[int, int]:
        """Return the number of an owner's names and the bytes of their contents."""
        row: tuple[int, int] = self._database.execute(
            "SELECT count(*), coalesce(sum(size_bytes), 0) FROM names JOIN contents ON id = content "
            "WHERE owner = ?",
            (owner,),
        ).fetchone()
        return row

    def usage(self, without: str) -> tuple[int, int]:
        """Return the number of names and the bytes of all named contents except `without`."""
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

    def _free(self, condition: str, arguments: tuple[Any, ...], reason: str, now: float) -> int:
        self._database.execute(
            f"INSERT OR REPLACE INTO freed SELECT owner, name, ?, ? FROM names WHERE {condition}",  # noqa: S608 - constant conditions
            (reason, now, *arguments),
        )
        count = self._database.execute(f"DELETE FROM names WHERE {condition}", arguments).rowcount  # noqa: S608 - constant conditions
        self._freed_since_trim += count
        if self._freed_since_trim > _REASONS_UNTIL_TRIM:
            self._freed_since_trim = 0
            self._database.execute(
                "DELETE FROM freed WHERE (owner, name) IN "
                "(SELECT owner, name FROM freed ORDER BY at_s DESC LIMIT -1 OFFSET ?)",
                (_MAX_REASONS,),
            )
        return count


def _open_or_replace(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # SQLite gives its other files the same permissions
        try:
            return _open(str(path))
        except sqlite3.OperationalError:
            raise  # locked or not permitted: the file may be intact
        except sqlite3.DatabaseError as error:
            renamed = path.with_suffix(".damaged")
            _logger.warning(
                "the store index %s is unusable and was renamed to %s: %s", path, renamed.name, error
            )
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            path.replace(renamed)
            path.touch(mode=0o600)
            return _open(str(path))
    except (sqlite3.Error, OSError) as error:
        raise StoreFolderError(
            f"Expected a writable folder for stored scores, got {str(path.parent)!r}: {error}. "
            "Choose another folder, or change its permissions."
        ) from error


def _open(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=_WRITE_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        if path != ":memory:":
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            (problem,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if problem != "ok":
                raise sqlite3.DatabaseError(problem)
        with _transaction(database):
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _statements(_SCHEMA):
                    database.execute(statement)
            elif version != _VERSION:
                raise sqlite3.DatabaseError(f"expected version {_VERSION}, got {version}")
    except BaseException:
        database.close()
        raise
    return database


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit the transaction."""
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
