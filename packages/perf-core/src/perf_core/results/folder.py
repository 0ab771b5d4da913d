"""One folder for each run."""

from __future__ import annotations

import contextlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from perf_core.errors import ResultsError

_UNSAFE = re.compile(r"[^\w.@+~-]+")


def expect_writable(parent: Path) -> None:
    """Raise ResultsError if no folder can be created in ``parent``, which need not exist; create nothing."""
    existing = next(each for each in (parent, *parent.absolute().parents) if each.exists())
    if not existing.is_dir():
        reason = f"{existing} is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        reason = f"{existing} is not writable"
    else:
        return
    raise ResultsError(
        f"cannot write results below {parent}: {reason}", "Choose another folder with --output-dir."
    )


def new_folder(parent: Path, name: str) -> Path:
    """Create a folder ``<UTC time>-<name>`` for a run and return its absolute path.

    Within a second, further folders with the same name get a number; characters that are unsafe in file
    names become ``_``.

    Raises:
        ResultsError: The folder cannot be created.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = _UNSAFE.sub("_", name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (f"{stamp}-{name}" if number == 1 else f"{stamp}-{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder.resolve()
    except OSError as error:
        raise ResultsError(
            f"cannot write results below {parent}: {error.strerror}",
            "Choose another folder with --output-dir.",
        ) from error
    raise ResultsError(
        f"expected fewer than 1000 runs per second below {parent}, got more", "Choose another --output-dir."
    )
