"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from perf_core.errors import ResultsError


def write_atomically(
    path: Path, content: bytes, hint: str = "Choose another folder with --output-dir."
) -> None:
    """Write a file whole or not at all: a reader sees either the old content or the new.

    Raises:
        ResultsError: The file cannot be written; what was there before stays.
    """
    # In the same folder, since a rename is atomic only within one file system.
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ResultsError(f"cannot write {path}: {error.strerror}", hint) from error


def write_json(path: Path, document: object, hint: str = "Choose another folder with --output-dir.") -> None:
    """Write ``document`` as indented JSON, atomically; see :func:`write_atomically`.

    Raises:
        ResultsError: The file cannot be written, or the document holds NaN or something else that JSON lacks.
    """
    try:
        text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ResultsError(
            f"expected values that JSON can represent in {path}, got {error}",
            "Report this with the folder of the run.",
        ) from error
    # A server's name or a command line may hold lone surrogates, which UTF-8 cannot encode.
    write_atomically(path, f"{text}\n".encode("utf-8", "replace"), hint)
