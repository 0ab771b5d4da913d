"""Rows and marks of a score whose times are exact fractions, until their common denominator is certain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from music21_server.errors import UnreadableScoreError
from music21_server.reading.part_builder import FINEST
from music21_server.reading.staves import COLUMNS, Mark, fields_of
from music21_server.score.limits import Limits
from music21_server.score.table import NoteTable, Part, Score, TimeChange

_LONGEST_QUARTERS: Final = 2**22
_FIELDS: Final = COLUMNS[:-1]
"""Columns of a row; `node` is the number of the row."""


@dataclass(frozen=True)
class PartMeasures:
    """A part with the printed number and the length in quarter notes of each of its measures."""

    part: Part
    numbers: Sequence[str]
    quarters: Sequence[Fraction]


class ExactRows:
    """Collects the rows and marks of a score.

    Args:
        limits: Limits of the score.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows: list[tuple[Any, ...]] = []
        self._marks: list[tuple[Fraction, Callable[[int, int], Mark]]] = []
        self._denominators: set[int] = {1}

    def add(self, part: int, measure: int, onset: Fraction, duration: Fraction, *columns: int) -> None:
        """Add a note or rest.

        Args:
            part: Index of the part.
            measure: Index of the measure.
            onset: Quarter notes since the beginning of the measure.
            duration: Length in quarter notes.
            columns: Kind, step, alteration in cents, octave, tie, grace, cue and voice, as in `NoteTable`.
        """
        self._rows.append((part, measure, self.checked(onset), self.checked(duration), *columns))

    def add_mark(
        self, part: int, measure: int, onset: Fraction, kind: Callable[..., Mark], *values: Any
    ) -> None:
        """Add a mark; `kind` is made of part, measure, onset in ticks and `values`."""
        self._marks.append((self.checked(onset), lambda ticks, _unit: kind(part, measure, ticks, *values)))

    def add_time(self, part: int, measure: int, onset: Fraction, text: str, length: Fraction) -> None:
        """Add a time signature with the length of its bar in quarter notes; 0 if it is not fixed."""
        length = self.checked(length)
        self._marks.append(
            (
                self.checked(onset),
                lambda ticks, unit: TimeChange(part, measure, ticks, text, int(length * unit)),
            )
        )

    def check_notes(self) -> None:
        """Raise TooMuchScoreError if there are more rows than a score may have."""
        self._limits.check("max_notes", len(self._rows))

    def checked(self, quarters: Fraction) -> Fraction:
        """Return a time that is in range, and remember its denominator.

        Raises:
            UnreadableScoreError: It is not.
        """
        if not 0 <= quarters <= _LONGEST_QUARTERS:
            raise UnreadableScoreError(
                f"Expected times of at most {_LONGEST_QUARTERS:,} quarter notes, got {float(quarters):,}."
            )
        self._denominators.add(quarters.denominator)
        return quarters

    def score(
        self, parts: Sequence[PartMeasures], *, title: str, composer: str, remarks: Sequence[str] = ()
    ) -> Score:
        """Return the score.

        Raises:
            UnreadableScoreError: It divides a quarter note too finely.
        """
        for each in parts:
            for length in each.quarters:
                self.checked(length)
        unit = math.lcm(*self._denominators)
        if unit > FINEST:
            raise UnreadableScoreError(
                f"Expected times with at most {FINEST:,} ticks per quarter note, got {unit:,}."
            )
        longest = max((each.numbers for each in parts), key=len)
        own = np.full((len(parts), len(longest)), -1, dtype=np.int64)
        for index, each in enumerate(parts):
            own[index, : len(each.quarters)] = [int(length * unit) for length in each.quarters]
        marks = [make(int(onset * unit), unit) for onset, make in self._marks]
        return Score(
            title=title,
            composer=composer,
            parts=tuple(each.part for each in parts),
            notes=_table(self._rows, unit),
            measure_numbers=tuple(longest),
            measure_ticks=own.max(axis=0, initial=0),
            own_ticks=own,
            remarks=tuple(remarks),
            **fields_of(marks),
        )


def _table(rows: list[tuple[Any, ...]], unit: int) -> NoteTable:
    ticks = [(*row[:2], int(row[2] * unit), int(row[3] * unit), *row[4:]) for row in rows]
    values = np.array(ticks, dtype=np.int64).reshape(-1, len(_FIELDS))
    columns: dict[str, Any] = {name: values[:, index] for index, name in enumerate(_FIELDS)}
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(**columns, node=np.arange(len(values), dtype=np.int64), ticks_per_quarter=unit)
