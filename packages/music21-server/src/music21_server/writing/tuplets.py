"""Division of a measure into tuplets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from music21_server.writing.note_values import NoteValue


class Run(NamedTuple):
    """Consecutive notes and rests in one tuplet, or in none.

    Attributes:
        begin: Index of the first.
        end: Index after the last.
        actual: Notes of the tuplet; 1 without a tuplet.
        normal: Notes that usually fill its time; 1 without a tuplet.
    """

    begin: int
    end: int
    actual: int
    normal: int


def tuplet_runs(values: Sequence[NoteValue | None], ticks: Sequence[int], unit: int) -> Iterator[Run]:
    """Yield the runs of a measure; a tuplet ends as soon as its length is a whole number of 64ths.

    Args:
        values: Value of each note or rest; None if it takes several notes.
        ticks: Length of each.
        unit: Ticks per quarter note.
    """
    if values and all(value is None or value.actual == 1 for value in values):
        yield Run(0, len(values), 1, 1)
        return
    begin, total, ratio = 0, 0, (1, 1)
    for index, (value, length) in enumerate(zip(values, ticks, strict=True)):
        own = (value.actual, value.normal) if value is not None else (1, 1)
        if begin < index and own != ratio:
            yield Run(begin, index, *ratio)
            begin = index
        if begin == index:
            total, ratio = 0, own
        total += length
        if ratio != (1, 1) and total * 16 % unit == 0:
            yield Run(begin, index + 1, *ratio)
            begin = index + 1
    if begin < len(values):
        yield Run(begin, len(values), *ratio)
