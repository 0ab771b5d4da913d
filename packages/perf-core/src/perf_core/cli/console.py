"""Output of the commands: two consoles, a progress line and the folder of the results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from perf_core.errors import LabError
from perf_core.interruption import OnProgress

out = Console()
err = Console(stderr=True)


def print_error(error: LabError) -> None:
    """Print an error and its hint to stderr."""
    err.print(f"perf-core: {error.message}", style="red", highlight=False, markup=False, soft_wrap=True)
    if error.hint:
        err.print(error.hint, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[OnProgress]:
    """Yield a callback that shows progress on a line of the terminal; elsewhere, print only the title."""
    if not err.is_terminal:
        err.print(title, highlight=False)
        yield lambda _step, _share: None
        return
    with err.status(title) as status:
        yield lambda step, share: status.update(
            f"{title}: {step}" + ("" if share is None else f" {share:.0%}")
        )


def print_results_folder(folder: Path) -> None:
    """Print where the results are, relative to the working folder if they are below it."""
    shown = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else folder
    out.print(f"Results: {shown}", highlight=False, soft_wrap=True)
