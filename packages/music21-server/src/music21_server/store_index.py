"""The index of the store: whose name stands for which content, since when, and when it was last used.

It is an SQLite database, in memory or in a file that several processes may share; a write waits for those of
other processes.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from music21_server.errors import ScoreError

_logger = logging.getLogger(__name__)

_VERSION: Final = 1
_WAIT_S: Final = 10.0
"""For other processes that write."""

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


def open_index(path: Path | None) -> sqlite3.Connection:
    """Open the index in a file, or a new one in memory.

    A file that is damaged or of another version is put aside, with a warning in the log.

    Raises:
        StoreFolderError: The file cannot be opened or written.
    """
    if path is None:
        return _opened(":memory:")
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
            return _opened(str(path))
    except (sqlite3.Error, OSError) as error:
        raise StoreFolderError(
            f"Expected a folder for stored scores that can be written, got {str(path.parent)!r}: {error}. "
            "Choose another one, or see to its permissions."
        ) from error


def _opened(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        if path != ":memory:":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        with transaction(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _statements(_SCHEMA):
                    connection.execute(statement)
            elif version != _VERSION:
                raise sqlite3.DatabaseError(f"its version is {version}, expected {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _statements(script: str) -> Iterator[str]:
    """Yield single statements; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of it or nothing, alone among all processes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
