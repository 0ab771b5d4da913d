"""Markdown tables between markers in a document, which programs of this repository write and tests read.

A table named `attacks` stands between the lines `<!-- attacks -->` and `<!-- end of attacks -->`, so that a
program can replace it without touching the prose around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")


def with_table(document: str, name: str, table: str) -> str:
    """Return the document with `table` between the markers of that name.

    Raises:
        ValueError: The document does not have both markers once each, in their order.
    """
    before, _, after = _parted(document, name)
    return f"{before}{_begin(name)}\n{table}\n{_end(name)}{after}"


def rows_of(document: str, name: str) -> list[list[str]]:
    """Return the cells of each row of the first table between the markers of that name, without its header.

    Raises:
        ValueError: The document does not have both markers once each, in their order.
    """
    _, between, _ = _parted(document, name)
    lines = between.strip("\n").splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("|")), len(lines))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        cells = _BETWEEN_CELLS.split(line.strip()[1:-1])
        rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    return rows[2:]


def header(names: Sequence[str], alignment: str = ":--") -> list[str]:
    """Return the two lines that begin a table with these columns."""
    return [row(names), row([alignment] * len(names))]


def row(cells: Sequence[str]) -> str:
    """Return one row of a table; a bar or a line break in a cell does not end the cell."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in cells)} |"


def _parted(document: str, name: str) -> tuple[str, str, str]:
    """Return what stands before the markers, between them, and behind them."""
    begin, end = _begin(name), _end(name)
    before, _, rest = document.partition(begin)
    between, _, after = rest.partition(end)
    if document.count(begin) != 1 or document.count(end) != 1 or end in before:
        raise ValueError(
            f"expected {begin} and then {end} in the document, once each, got {document.count(begin)} and "
            f"{document.count(end)}: add these lines where the table belongs"
        )
    return before, between, after


def _begin(name: str) -> str:
    return f"<!-- {name} -->"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"
