"""A table of text, the common form of the reports' tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of text; the first ``labels`` columns name the row, the others hold numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    note: str = ""


def table_of(
    title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, labels: int = 1, note: str = ""
) -> Table | None:
    """Return the table; None without rows, so that no report shows an empty heading."""
    return Table(title, headings, tuple(rows), labels, note) if rows else None
