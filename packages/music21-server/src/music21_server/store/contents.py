"""Entries of the local store by content id: in memory, or in files that survive a restart."""

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
    """Entries by content id; the index knows which names refer to them."""

    def put(self, entry: Entry) -> None:
        """Keep an entry; it replaces the previous entry of the same content."""

    def get(self, content_id: str) -> Entry | None:
        """Return an entry, or None if it is missing or damaged."""

    def drop(self, content_id: str) -> None:
        """Free an entry, if there is one."""

    def ids(self) -> Iterator[str]:
        """Yield the content ids of all entries."""


class MemoryContents:
    """Entries in the memory of this process."""

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
        """Yield the content ids of all entries."""
        yield from list(self._entries)


class FolderContents:
    """Entries in a folder, one file each; the most recently used are cached in memory.

    A file is written under a temporary name and renamed, so that no reader sees half of it; its checksum is
    verified at every read.

    Args:
        folder: Created with access for this user only, unless it exists.
        max_cached_bytes: Total size of the cached entries.
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
        descriptor, unfinished = tempfile.mkstemp(dir=self._folder, suffix=_UNFINISHED)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(entry.to_bytes())
            Path(unfinished).replace(self._path(entry.content_id))
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        self._cache.put(entry.content_id, entry)

    def get(self, content_id: str) -> Entry | None:
        """Return an entry, or None if it is missing; a damaged file is removed, with a warning."""
        entry = self._cache.get(content_id)
        if entry is not None:
            return entry
        path = self._path(content_id)
        try:
            entry = Entry.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except DamagedEntryError as error:
            _logger.warning("removing the damaged stored score %s: %s", path, error)
            self.drop(content_id)
            return None
        self._cache.put(content_id, entry)
        return entry

    def drop(self, content_id: str) -> None:
        """Remove an entry's file."""
        self._cache.drop(content_id)
        self._path(content_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Remove unfinished files of killed processes, then yield the content ids of all entries.

        No other process may be writing.
        """
        for path in self._folder.glob(f"*{_UNFINISHED}"):
            with contextlib.suppress(OSError):
                path.unlink()
        for path in self._folder.glob(f"*{_SUFFIX}"):
            yield path.name.removesuffix(_SUFFIX)

    def _path(self, content_id: str) -> Path:
        return self._folder / f"{content_id}{_SUFFIX}"
