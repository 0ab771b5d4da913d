"""One folder for each run."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path

from perf_core.errors import ResultsError

_UNWELCOME = re.compile(r"[^\w.@+~-]+")


def new_folder(parent: Path, name: str) -> Path:
    """Make and return the folder of a run: ``<UTC time>-<name>``, numbered within a second.

    Args:
        parent: Where it goes; made when it is not there.
        name: What was measured; characters that file names dislike become ``_``.

    Raises:
        ResultsError: It cannot be made.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = _UNWELCOME.sub("_", name)
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
    raise ResultsError(f"too many runs of one second below {parent}", "Choose another --output-dir.")
