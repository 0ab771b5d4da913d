"""Output of the commands: two consoles, a progress line and the folder of the results."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from perf_core.errors import LabError
from perf_core.interruption import OnProgress
from perf_core.report.wording import escaped, plain, printable

# Markup would be read in every text of a server or a file, such as a name in brackets.
out = Console(markup=False, highlight=False)
err = Console(stderr=True, markup=False, highlight=False)

SPARSE_S = 30.0
"""Time until the first line of progress where there is no terminal."""


def print_error(error: LabError) -> None:
    """Print an error and its hint to stderr."""
    message, hint = printable(error.message), printable(error.hint)
    err.print(f"perf-core: {message}", style="red", soft_wrap=True)
    if hint:
        err.print(hint, soft_wrap=True)


_ASCII = {"✓": "ok", "✗": "FAILED", "…": "..."}


def line(text: str) -> None:
    """Print a line of plain text, wrapped to the terminal, with what its encoding lacks replaced.

    So are characters that could control the terminal: texts of servers are printed, too.
    """
    # Blanks at the beginning are ours.
    text = " " * (len(text) - len(text.lstrip(" "))) + plain(text)
    encoding = out.encoding or "utf-8"
    if not encoding.lower().startswith("utf"):
        for character, substitute in _ASCII.items():
            text = text.replace(character, substitute)
        text = text.encode(encoding, "replace").decode(encoding)
    out.print(Text(text), soft_wrap=not out.is_terminal)


def print_plain(text: str) -> None:
    """Print text for machines: JSON or TOML, in whose strings control characters are escaped."""
    out.file.write(f"{escaped(text)}\n")
    out.file.flush()


@contextmanager
def progress(title: str) -> Iterator[OnProgress]:
    """Yield a callback that shows progress on a line of the terminal.

    Elsewhere the title is printed, and then now and then the step of what takes long.
    """
    title = plain(title)
    if not err.is_terminal:
        err.print(title)
        yield _Sparse(title)
        return
    with err.status(Text(title)) as status:
        yield lambda step, share: status.update(
            Text(f"{title}: {plain(step)}" + ("" if share is None else f" {share:.0%}"))
        )


class _Sparse:
    """Prints a step after :data:`SPARSE_S` seconds, and then ever more rarely: a load may take hours."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._wait_s = SPARSE_S
        self._last_s = time.monotonic()

    def __call__(self, step: str, share: float | None) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s < self._wait_s:
            return
        self._last_s = now_s
        self._wait_s *= 1.5
        done = "" if share is None else f" {share:.0%}"
        err.print(f"{self._title}: {plain(step)}{done}")


def print_results_folder(folder: Path) -> None:
    """Print where the results are, relative to the working folder if they are below it."""
    shown = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else folder
    out.print(f"Results: {printable(str(shown))}", soft_wrap=True)
