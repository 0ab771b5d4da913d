"""A table of text, the common form of the reports' tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Table:
    """A table of text; the first ``labels`` columns name the row, the others hold numbers.

    Attributes:
        minor: Headings of columns that a terminal leaves out when it is too narrow for the table.
        remarks: Sentences on the rows, each on a line of its own.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    note: str = ""
    minor: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def table_of(
    title: str,
    headings: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    labels: int = 1,
    note: str = "",
    minor: tuple[str, ...] = (),
    remarks: tuple[str, ...] = (),
) -> Table | None:
    """Return the table; None without rows, so that no report shows an empty heading."""
    return Table(title, headings, tuple(rows), labels, note, minor, remarks) if rows else None


def without_minor(table: Table) -> Table:
    """Return the table without its minor columns."""
    kept = [index for index, heading in enumerate(table.headings) if heading not in table.minor]
    return replace(
        table,
        headings=tuple(table.headings[index] for index in kept),
        rows=tuple(tuple(row[index] for index in kept) for row in table.rows),
        labels=sum(index < table.labels for index in kept),
    )
