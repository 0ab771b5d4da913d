"""Which notes of a bar stand under one tuplet sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from music21_server.writing.note_values import NoteValue


class Run(NamedTuple):
    """Notes and rests that follow each other.

    Attributes:
        begin: Index of the first.
        end: Index behind the last.
        actual: Notes of the tuplet; 1 without one.
        normal: How many of them its time has room for; 1 without a tuplet.
    """

    begin: int
    end: int
    actual: int
    normal: int


def tuplet_runs(values: Sequence[NoteValue | None], ticks: Sequence[int], unit: int) -> Iterator[Run]:
    """Yield what belongs together; a tuplet ends as soon as its notes last a whole number of 64ths.

    Args:
        values: How each note or rest is drawn; None where it takes several.
        ticks: How long each lasts.
        unit: Ticks in a quarter note.
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
