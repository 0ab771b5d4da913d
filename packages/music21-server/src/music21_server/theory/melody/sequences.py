"""Melodic sequences: a figure that a voice repeats at once, each time higher or lower by the same interval.

The figure keeps its rhythm; its intervals keep their size in steps (a tonal sequence) or also in semitones
(a real one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.algorithms.rolling_hash import mix
from music21_server.theory.melody.lines import Lines

_SHORTEST: Final = 2
_LONGEST: Final = 32
"""Notes of a figure."""

_SHORTEST_STATED_TWICE: Final = 4
"""A figure that comes only twice must have so many notes."""

_MOST_WITHIN: Final = 0.8
"""A stretch of which more than this is one scale, or one sequence of a shorter figure, is no other one."""


@dataclass(frozen=True)
class SequenceColumns:
    """Melodic sequences: those with three statements and more, then those with two, the ones with most notes
    first.

    Attributes:
        note: Index of the first note in the lines.
        size: Notes of the figure.
        statements: How often it comes, the first time included.
        shift: By how many steps each statement is higher than the one before.
        is_real: Whether all intervals keep their size in semitones.
        doubled: How many more voices have it at the same time.
    """

    note: Integers
    size: Integers
    statements: Integers
    shift: Integers
    is_real: Booleans
    doubled: Integers


def sequences(lines: Lines, phrase: Integers, ticks_per_quarter: int) -> SequenceColumns:
    """Return the melodic sequences of all lines.

    Args:
        lines: Of a score.
        phrase: Of each note, as `voices.phrases`.
        ticks_per_quarter: Length of a quarter note; a figure begins on a quarter where it can.
    """
    steps, cents, time = np.diff(lines.place), np.diff(lines.cents), np.diff(lines.start)
    reached = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(steps)])
    moved = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(cents != 0)])
    owner_begin = np.zeros(len(steps), dtype=np.int64)
    owner_end = np.zeros(len(steps), dtype=np.int64)
    rows = []
    for size in range(1, min(_LONGEST, len(steps) - 1) + 1):
        alike = (steps[size:] == steps[:-size]) & (time[size:] == time[:-size])
        alike &= phrase[size + 1 :] == phrase[: -size - 1]
        begin, end = _runs(alike)
        statements = (end - begin + 1) // size + 1
        enough = (statements > 2) | ((statements == 2) & (size >= _SHORTEST_STATED_TWICE))
        if not enough.any():
            continue
        begin, end, statements = begin[enough], end[enough], statements[enough]
        # The whole stretch of intervals that are alike at this distance.
        is_own = _is_own(owner_begin, owner_end, begin, end + size)
        begin, end, statements = begin[is_own], end[is_own], statements[is_own]
        _paint(owner_begin, owner_end, begin, end + size)
        if size < _SHORTEST:
            continue
        begin += _later(lines, begin, (end - begin + 1) % size, ticks_per_quarter)
        shift = reached[begin + size] - reached[begin]
        changed = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(cents[size:] != cents[:-size])])
        compared = (statements - 1) * size - 1
        is_real = changed[begin + compared] == changed[begin]
        columns = (begin, np.full(len(begin), size), statements, shift, is_real.astype(np.int64))
        # At the octave it is a repetition; and repeated notes that climb are no figure.
        is_figure = (shift % 7 != 0) & (moved[begin + size - 1] > moved[begin])
        rows.append(np.stack(columns)[:, is_figure])
    found = np.concatenate([np.zeros((5, 0), dtype=np.int64), *rows], axis=1)
    return _ranked(lines, found)


def _runs(flags: Booleans) -> tuple[Integers, Integers]:
    """Return where runs of True begin and end."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return edges[::2], edges[1::2]


def _is_own(owner_begin: Integers, owner_end: Integers, begin: Integers, end: Integers) -> Booleans:
    """Return which stretches do not lie in one of a shorter figure; that of their middle is compared."""
    middle = (begin + end) // 2
    shared = np.minimum(end, owner_end[middle]) - np.maximum(begin, owner_begin[middle])
    result: Booleans = shared <= _MOST_WITHIN * (end - begin)
    return result


def _paint(owner_begin: Integers, owner_end: Integers, begin: Integers, end: Integers) -> None:
    counts = end - begin
    where = np.repeat(begin, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    owner_begin[where] = np.repeat(begin, counts)
    owner_end[where] = np.repeat(end, counts)


def _later(lines: Lines, begin: Integers, spare: Integers, ticks_per_quarter: int) -> Integers:
    """Return by how many notes a sequence may as well begin later, to begin on a quarter."""
    shift = np.zeros(len(begin), dtype=np.int64)
    for later in range(int(spare.max(initial=0)), -1, -1):
        on_beat = (later <= spare) & (lines.start[begin + np.minimum(later, spare)] % ticks_per_quarter == 0)
        shift[on_beat] = later
    return shift


def _ranked(lines: Lines, found: Integers) -> SequenceColumns:
    """Return sequences without those of voices that double another, in the order of `SequenceColumns`."""
    note, size, statements, shift, is_real = found
    key = mix(lines.start[note])
    for column in (size, statements, shift, lines.place[note] % 7):
        key = mix(key ^ mix(column))
    order = np.argsort(note, kind="stable")
    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    kept, doubled = order[first], count - 1
    rank = np.lexsort((lines.start[note[kept]], -(size * statements)[kept], statements[kept] == 2))
    kept, doubled = kept[rank], doubled[rank]
    return SequenceColumns(
        note[kept], size[kept], statements[kept], shift[kept], is_real[kept].astype(np.bool_), doubled
    )
