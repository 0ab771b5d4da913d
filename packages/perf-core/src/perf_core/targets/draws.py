"""Values that a target file draws by seed: numbers, choices, lines of a file."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf_core.server.subject import closest_name
from perf_core.targets.file_model import DrawTable


class DrawError(ValueError):
    """A file of lines that cannot be used; the message says what was expected and what is there."""


@dataclass(frozen=True)
class Drawing:
    """A source of values.

    Attributes:
        limits: Lowest and highest number; None for the other sources.
        values: The values of which one is drawn.
        weights: Frequency of each value; None for equal ones.
        lines: Resolved path of the file whose lines the values are; empty for the other sources. Columns
            of the same file are drawn together, so that a question and its answer can be two of them.
    """

    limits: tuple[float, float] | None = None
    values: Sequence[Any] = ()
    weights: Sequence[float] | None = None
    lines: str = ""


def drawing_of(table: DrawTable, folder: Path) -> Drawing:
    """Return the source that a table describes.

    Args:
        folder: Folder to which the path of a file is relative.

    Raises:
        DrawError: The file cannot be read, has no lines, or has other columns.
    """
    if table.range is not None:
        return Drawing(limits=(table.range[0], table.range[1]))
    if table.choice is not None:
        return Drawing(values=table.choice, weights=table.weights)
    assert table.lines is not None  # noqa: S101 - the model requires one of the three
    texts = _texts(folder / table.lines, table.column)
    # The names of columns are a line, too, so that whole lines and columns have different numbers.
    file = (folder / table.lines).resolve()
    lines = str(file) if table.column is not None else f"whole lines of {file}"
    return Drawing(values=[_value(text, table, line) for line, text in texts], lines=lines)


def _texts(path: Path, column: str | None) -> list[tuple[int, str]]:
    """Return number and text of each line, or of its cell in a column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Strict: else a quote that nobody ends takes the rest of the file for one value.
            reader = csv.DictReader(file, strict=True)
            texts = _cells(reader, column) if column is not None else _lines(file.read())
    except OSError as error:
        raise DrawError(f"expected a file that can be read, got {str(path)!r}: {error.strerror}") from error
    except csv.Error as error:
        raise DrawError(
            f"expected lines of CSV whose quotes end in the same value, got {path.name!r}: {error} "
            f"(line {reader.line_num} or before)"
        ) from error
    except UnicodeDecodeError as error:
        raise DrawError(f"expected a file of text in UTF-8, got {path.name!r}: {error}") from error
    if not texts:
        raise DrawError(f"expected a file with at least one line of values, got {path.name!r} without any")
    return texts


def _lines(text: str) -> list[tuple[int, str]]:
    # Not splitlines, which takes further characters for the end of a line.
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return [(number, line) for number, line in lines if line.strip()]


def _cells(reader: csv.DictReader[str], column: str) -> list[tuple[int, str]]:
    columns = list(reader.fieldnames or ())
    if column not in columns:
        names = ", ".join(columns) or "none"
        raise DrawError(f"expected one of the columns {names}, got {column!r}{closest_name(column, columns)}")
    if columns.count(column) > 1:
        raise DrawError(f"expected one column named {column!r}, got {columns.count(column)}")
    cells: list[tuple[int, str]] = []
    for row in reader:
        if None in row:
            raise DrawError(
                f"expected {len(columns)} values in line {reader.line_num}, got a longer line; quote values "
                "with commas"
            )
        if row[column] is None:
            raise DrawError(f"expected a value of {column!r} in line {reader.line_num}, got a shorter line")
        cells.append((reader.line_num, row[column]))
    return cells


def _value(text: str, table: DrawTable, line: int) -> Any:
    if table.type == "text":
        return text
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except ValueError:
        raise DrawError(f"expected {table.type} in line {line} of {table.lines}, got {text!r}") from None
    if table.type == "number" and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise DrawError(f"expected a number in line {line} of {table.lines}, got {text!r}")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("JSON has no infinite numbers")
    return value


def draw(drawings: Mapping[str, Drawing], rng: random.Random) -> dict[str, Any]:
    """Return one value of each source, by name.

    Example::

        draw({"days": Drawing(limits=(1, 7))}, random.Random(1))   # {"days": 2}
    """
    positions: dict[str, int] = {}
    values: dict[str, Any] = {}
    for name, source in drawings.items():
        if source.limits is not None:
            values[name] = _number(*source.limits, rng)
        elif source.lines:
            if source.lines not in positions:
                positions[source.lines] = rng.randrange(len(source.values))
            values[name] = source.values[positions[source.lines]]
        else:
            values[name] = rng.choices(source.values, weights=source.weights)[0]
    return values


def _number(low: float, high: float, rng: random.Random) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return rng.randint(low, high)
    return rng.uniform(low, high)
