"""Melodic sequences: a figure that a voice repeats immediately, shifted by the same interval each time.

The figure keeps its rhythm. Its intervals keep their size in steps (a tonal sequence) or also in semitones (a
real one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.algorithms.rolling_hash import mix
from music21_server.theory.melody.lines import Lines

_LONGEST: Final = 32
"""Most notes of a figure."""

_SHORTEST_STATED_TWICE: Final = 4
"""Fewest notes of a figure with only two statements."""

_MOST_WITHIN: Final = 0.8
"""A stretch is not a new sequence if a larger share of it belongs to a scale, or to one sequence of a shorter
figure."""


@dataclass(frozen=True)
class SequenceColumns:
    """Melodic sequences of three or more statements, then those of two, each by their number of notes.

    Attributes:
        note: Index of the first note in the lines.
        size: Number of notes in the figure.
        statements: Number of statements, including the first.
        shift: Steps from each statement up to the next.
        is_real: Whether all intervals keep their size in semitones.
        doubled: Number of other voices with the sequence at the same time.
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
        lines: Lines of a score.
        phrase: Phrase of each note, from `lines.phrases`.
        ticks_per_quarter: Length of a quarter note; a figure begins on a quarter where possible.
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
        # Compare the whole stretch of intervals that are alike at this distance.
        is_separate = _is_separate(owner_begin, owner_end, begin, end + size)
        begin, end, statements = begin[is_separate], end[is_separate], statements[is_separate]
        _mark_owners(owner_begin, owner_end, begin, end + size)
        begin += _later(lines, begin, (end - begin + 1) % size, ticks_per_quarter)
        shift = reached[begin + size] - reached[begin]
        changed = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(cents[size:] != cents[:-size])])
        compared = (statements - 1) * size - 1
        is_real = changed[begin + compared] == changed[begin]
        columns = (begin, np.full(len(begin), size), statements, shift, is_real.astype(np.int64))
        # A shift by octaves is a repetition; a single interval (a scale) or repeated notes are not a figure.
        is_figure = (shift % 7 != 0) & (moved[begin + size - 1] > moved[begin])
        rows.append(np.stack(columns)[:, is_figure])
    all_rows = np.concatenate([np.zeros((5, 0), dtype=np.int64), *rows], axis=1)
    return _ranked(lines, all_rows)


def _runs(flags: Booleans) -> tuple[Integers, Integers]:
    """Return the beginnings and ends of runs of True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return edges[::2], edges[1::2]


def _is_separate(owner_begin: Integers, owner_end: Integers, begin: Integers, end: Integers) -> Booleans:
    """Return which stretches lie outside the stretch of a shorter figure that covers their middle."""
    middle = (begin + end) // 2
    shared = np.minimum(end, owner_end[middle]) - np.maximum(begin, owner_begin[middle])
    result: Booleans = shared <= _MOST_WITHIN * (end - begin)
    return result


def _mark_owners(owner_begin: Integers, owner_end: Integers, begin: Integers, end: Integers) -> None:
    """Mark the intervals of each stretch with its beginning and end, in place."""
    counts = end - begin
    where = np.repeat(begin, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    owner_begin[where] = np.repeat(begin, counts)
    owner_end[where] = np.repeat(end, counts)


def _later(lines: Lines, begin: Integers, spare: Integers, ticks_per_quarter: int) -> Integers:
    """Return by how many notes each sequence can begin later in order to begin on a quarter."""
    shift = np.zeros(len(begin), dtype=np.int64)
    for later in range(int(spare.max(initial=0)), -1, -1):
        on_beat = (later <= spare) & (lines.start[begin + np.minimum(later, spare)] % ticks_per_quarter == 0)
        shift[on_beat] = later
    return shift


def _ranked(lines: Lines, rows: Integers) -> SequenceColumns:
    """Return the sequences in the order of `SequenceColumns`, with those of doubling voices merged."""
    note, size, statements, shift, is_real = rows
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
