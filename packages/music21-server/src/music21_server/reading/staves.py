"""Parts as they were read, and the staves that they are split into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

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


@dataclass(frozen=True)
class Staff:
    """One staff, in the units of the score.

    Attributes:
        part: Which.
        rows: By `COLUMNS`.
        bar_ticks: Lengths of its bars.
        firm_ticks: The same; -1 where it is a guess, as nothing but a rest for the whole bar says it.
        marks: What else stands in it.
    """

    part: Part
    rows: Integers
    bar_ticks: list[int]
    firm_ticks: list[int]
    marks: list[Mark]


@dataclass(frozen=True)
class ReadPart:
    """A part of the document, in units of its own.

    Attributes:
        identity: Its id.
        name: As printed.
        rows: By `COLUMNS`, with the staff (0 for none) in place of the part.
        unit: Ticks per quarter note.
        numbers: Of its bars, as printed.
        bar_ticks: Lengths of its bars.
        firm_ticks: As in `Staff`.
        marks: Each with its staff (0 for all).
        transpositions: Each with its staff (0 for all), in order.
        staves: Numbers of its staves that anything names; none where there is one.
    """

    identity: str
    name: str
    rows: Integers
    unit: int
    numbers: tuple[str, ...]
    bar_ticks: list[int]
    firm_ticks: list[int]
    marks: list[tuple[int, Mark]]
    transpositions: list[tuple[int, Transposition]]
    staves: tuple[int, ...]

    def size(self) -> tuple[int, int]:
        """Return how many staves it has, and how many rows, marks and transpositions they have together."""
        everything = len(self.rows) + len(self.marks) + len(self.transpositions)
        if not self.staves:
            return 1, everything
        of_staves = [staff for staff, _ in self.marks] + [staff for staff, _ in self.transpositions]
        shared = int((self.rows[:, 0] == 0).sum()) + of_staves.count(0)
        return len(self.staves), everything - shared + shared * len(self.staves)

    def split(self, unit: int) -> Iterator[Staff]:
        """Yield the staves with times in other units; what names no staff belongs to each."""
        factor = unit // self.unit
        rows = self.rows.copy()
        rows[:, 2:4] *= factor  # onset and duration
        bar_ticks = [ticks * factor for ticks in self.bar_ticks]
        firm_ticks = [ticks if ticks < 0 else ticks * factor for ticks in self.firm_ticks]
        marks = self._marks_of_staves(factor)
        for staff in self.staves or (0,):
            identity = f"{self.identity}-Staff{staff}" if self.staves else self.identity
            own = rows[np.isin(rows[:, 0], (0, staff))] if self.staves else rows
            transpositions = tuple(
                each for of, each in self.transpositions if of in (0, staff) or not self.staves
            )
            part = Part(identity, self.name, staff, transpositions)
            yield Staff(part, own, bar_ticks, firm_ticks, marks[staff])

    def _marks_of_staves(self, factor: int) -> dict[int, list[Mark]]:
        if not self.staves:
            return {0: [scaled(mark, factor) for _, mark in self.marks]}
        marks: dict[int, list[Mark]] = {staff: [] for staff in self.staves}
        for staff, mark in self.marks:
            for of_staff in [marks[staff]] if staff else marks.values():
                of_staff.append(scaled(mark, factor))
        return marks


def scaled(mark: Mark, factor: int) -> Mark:
    """Return a mark with its times in ticks so much finer."""
    if factor == 1:
        return mark
    if isinstance(mark, TimeChange):
        return replace(mark, onset=mark.onset * factor, ticks=mark.ticks * factor)
    return replace(mark, onset=mark.onset * factor)
