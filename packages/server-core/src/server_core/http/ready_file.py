"""The file that says where the server answers; gone when the server is."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from server_core.errors import ReadyFileError


class ReadyFile:
    """Exists from `write` until the end of the context.

    Args:
        path: Where; None for no file.

    Raises:
        ReadyFileError: It cannot be written; found out on entering, rather than when clients wait for it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.tmp") if path is not None else None

    def __enter__(self) -> ReadyFile:
        self._remove()  # one that a killed predecessor left would be believed
        self._write_draft("")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def write(self, url: str) -> None:
        """Write the file in one step: a reader finds all of it or none."""
        self._write_draft(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
        if self._path is not None and self._draft is not None:
            self._draft.replace(self._path)

    def _write_draft(self, text: str) -> None:
        if self._draft is None:
            return
        try:
            self._draft.write_text(text, encoding="utf-8")
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
