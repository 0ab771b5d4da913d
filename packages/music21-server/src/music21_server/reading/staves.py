"""Parts of a MusicXML document, and their division into staves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from music21_server.score.table import (
    ChordSymbol,
    Fermata,
    Integers,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)

COLUMNS: Final = (
    "part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie", "grace", "cue",
    "voice", "node",
)  # fmt: skip

Mark = KeyChange | TimeChange | TempoChange | ChordSymbol | Fermata
_FIELDS: Final = {
    "keys": KeyChange, "times": TimeChange, "tempos": TempoChange, "chord_symbols": ChordSymbol,
    "fermatas": Fermata,
}  # fmt: skip
"""Fields of a score, and the marks in them."""


@dataclass(frozen=True)
class Staff:
    """One staff, with times in ticks of the score.

    Attributes:
        part: The staff as a part of the score.
        rows: Notes and rests by `COLUMNS`.
        measure_ticks: Length of each measure.
        firm_ticks: The same, but -1 for measures whose length is a guess because they hold nothing but a
            whole-measure rest.
        marks: Keys, time signatures and other marks.
    """

    part: Part
    rows: Integers
    measure_ticks: list[int]
    firm_ticks: list[int]
    marks: list[Mark]


@dataclass(frozen=True)
class ReadPart:
    """A part of the document, with times in ticks of the part.

    Attributes:
        identity: Id of the part.
        name: Printed name.
        rows: Notes and rests by `COLUMNS`, but with the staff (0 for none) in place of the part.
        unit: Ticks per quarter note.
        numbers: Printed number of each measure.
        measure_ticks: Length of each measure.
        firm_ticks: As in `Staff`.
        marks: Marks, each with its staff (0 for all).
        transpositions: Transpositions in order, each with its staff (0 for all).
        staves: Numbers of the staves that the part names; empty if it has one staff.
    """

    identity: str
    name: str
    rows: Integers
    unit: int
    numbers: tuple[str, ...]
    measure_ticks: list[int]
    firm_ticks: list[int]
    marks: list[tuple[int, Mark]]
    transpositions: list[tuple[int, Transposition]]
    staves: tuple[int, ...]

    def size(self) -> tuple[int, int]:
        """Return the number of staves, and of rows, marks and transpositions in all of them."""
        everything = len(self.rows) + len(self.marks) + len(self.transpositions)
        if not self.staves:
            return 1, everything
        staff_numbers = [staff for staff, _ in self.marks] + [staff for staff, _ in self.transpositions]
        shared = int((self.rows[:, 0] == 0).sum()) + staff_numbers.count(0)
        return len(self.staves), everything - shared + shared * len(self.staves)

    def split(self, unit: int) -> Iterator[Staff]:
        """Yield the staves in ticks of the score; rows and marks without a staff belong to each."""
        factor = unit // self.unit
        rows = self.rows.copy()
        rows[:, 2:4] *= factor  # onset and duration
        measure_ticks = [ticks * factor for ticks in self.measure_ticks]
        firm_ticks = [ticks if ticks < 0 else ticks * factor for ticks in self.firm_ticks]
        marks = self._marks_by_staff(factor)
        for staff in self.staves or (0,):
            identity = f"{self.identity}-Staff{staff}" if self.staves else self.identity
            own = rows[np.isin(rows[:, 0], (0, staff))] if self.staves else rows
            transpositions = tuple(
                each for number, each in self.transpositions if number in (0, staff) or not self.staves
            )
            part = Part(identity, self.name, staff, transpositions)
            yield Staff(part, own, measure_ticks, firm_ticks, marks[staff])

    def _marks_by_staff(self, factor: int) -> dict[int, list[Mark]]:
        if not self.staves:
            return {0: [scaled(mark, factor) for _, mark in self.marks]}
        marks: dict[int, list[Mark]] = {staff: [] for staff in self.staves}
        for staff, mark in self.marks:
            for staff_marks in [marks[staff]] if staff else marks.values():
                staff_marks.append(scaled(mark, factor))
        return marks


def fields_of(marks: Sequence[Mark]) -> dict[str, Any]:
    """Return the fields of a score for its marks."""
    return {name: tuple(mark for mark in marks if isinstance(mark, kind)) for name, kind in _FIELDS.items()}


def scaled(mark: Mark, factor: int) -> Mark:
    """Return a mark with its times multiplied by `factor`."""
    if factor == 1:
        return mark
    if isinstance(mark, TimeChange):
        return replace(mark, onset=mark.onset * factor, ticks=mark.ticks * factor)
    return replace(mark, onset=mark.onset * factor)
