"""A file with the server's URL and process id, which exists while the server answers."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from server_core.errors import ReadyFileError

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""O_EXCL follows no link either, except on a few network file systems."""


class ReadyFile:
    """A file that exists from `write` until the end of the context, if there is a path.

    Raises:
        ReadyFileError: The file cannot be written. Raised on entering, before clients wait for the file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.tmp") if path is not None else None

    def __enter__(self) -> ReadyFile:
        self._remove()  # one that a killed server has left behind would mislead clients
        self._write_draft("")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def write(self, url: str) -> None:
        """Write the file atomically.

        Raises:
            ReadyFileError: It cannot be written.
        """
        self._write_draft(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
        if self._path is not None and self._draft is not None:
            self._draft.replace(self._path)

    def _write_draft(self, text: str) -> None:
        if self._draft is None:
            return
        try:
            self._draft.unlink(missing_ok=True)
            # A new file and never a link: others may write to its folder, too, and its name can be foreseen.
            descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ReadyFileError(
                f"cannot write the ready file {self._path}: {error.strerror}; "
                "its folder must exist and be writable"
            ) from error

    def _remove(self) -> None:
        for path in (self._path, self._draft):
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
