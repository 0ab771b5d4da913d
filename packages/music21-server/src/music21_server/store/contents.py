"""Where the store keeps contents: in memory, or in files that survive a restart."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from music21_server.cache import ByteLimitedCache
from music21_server.score.entry import DamagedEntryError, Entry

_logger = logging.getLogger(__name__)

_SUFFIX: Final = ".score"
_UNFINISHED: Final = ".unfinished"


class Contents(Protocol):
    """Entries by their content's id; who refers to them is the business of the index."""

    def put(self, entry: Entry) -> None:
        """Keep an entry; the same content replaces what was kept of it."""

    def get(self, content_id: str) -> Entry | None:
        """Return an entry, None when it is not there or damaged."""

    def drop(self, content_id: str) -> None:
        """Free an entry, if it is there."""

    def ids(self) -> Iterator[str]:
        """Yield what is kept."""


class InMemory:
    """Contents of this process."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        self._entries[entry.content_id] = entry

    def get(self, content_id: str) -> Entry | None:
        """Return an entry."""
        return self._entries.get(content_id)

    def drop(self, content_id: str) -> None:
        """Free an entry."""
        self._entries.pop(content_id, None)

    def ids(self) -> Iterator[str]:
        """Yield what is kept."""
        yield from list(self._entries)


class InFolder:
    """Contents in a folder, one file each; those used last are in memory as well.

    A file is written beside its place and moved there, so that no reader ever sees half of it; its checksum
    is looked at whenever it is read.

    Args:
        folder: Is made when it does not exist, for this user only.
        max_cached_bytes: Of the entries that are in memory.
    """

    def __init__(self, folder: Path, max_cached_bytes: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._cache: ByteLimitedCache[str, Entry] = ByteLimitedCache(
            max_cached_bytes, lambda entry: entry.size_bytes
        )

    def put(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            OSError: The file cannot be written.
        """
        number, unfinished = tempfile.mkstemp(dir=self._folder, suffix=_UNFINISHED)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(entry.to_bytes())
            Path(unfinished).replace(self._path(entry.content_id))
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        self._cache.put(entry.content_id, entry)

    def get(self, content_id: str) -> Entry | None:
        """Return an entry; one whose file is damaged is dropped, with a warning in the log."""
        entry = self._cache.get(content_id)
        if entry is not None:
            return entry
        path = self._path(content_id)
        try:
            entry = Entry.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except DamagedEntryError as error:
            _logger.warning("the stored score %s is dropped: %s", path, error)
            self.drop(content_id)
            return None
        self._cache.put(content_id, entry)
        return entry

    def drop(self, content_id: str) -> None:
        """Remove an entry's file."""
        self._cache.drop(content_id)
        self._path(content_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Yield what is kept, after removing what a process that was killed left unfinished.

        Call it when nobody else writes.
        """
        for path in self._folder.glob(f"*{_UNFINISHED}"):
            with contextlib.suppress(OSError):
                path.unlink()
        for path in self._folder.glob(f"*{_SUFFIX}"):
            yield path.name.removesuffix(_SUFFIX)

    def _path(self, content_id: str) -> Path:
        return self._folder / f"{content_id}{_SUFFIX}"
