"""What sounds together, from moment to moment.

A sonority lasts until any note or rest begins or ends, or a bar does. Grace notes and unpitched ones do not
count. As `chordify` of music21 after `toSoundingPitch()` and without graces and chord symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.errors import TooMuchScoreError
from music21_server.score.table import NOTE, UNPITCHED, Integers, Score
from music21_server.theory.pitch.transposition import SpelledPitches

_MOST_CELLS: Final = 500_000_000
_MOST_PITCHES: Final = 30_000_000
"""Moments times different pitches that are looked at, and pitches that are found. An orchestra of 150 parts
over 500 bars has some 20 and 3 million; more is no music, and would take minutes and gigabytes."""

_BLOCK_CELLS: Final = 4_000_000


@dataclass(frozen=True)
class Sonorities:
    """Sonorities in the order of time, rests between them left out.

    Attributes:
        start: Ticks since the beginning of the score.
        duration: In ticks.
        measure: Index of the bar.
        first: Where the pitches of each begin in the columns below; one more than there are sonorities.
        step: Of each pitch, the lowest first within its sonority; no pitch comes twice.
        alter_cents: Of each pitch.
        octave: Of each pitch.
    """

    start: Integers
    duration: Integers
    measure: Integers
    first: Integers
    step: Integers
    alter_cents: Integers
    octave: Integers

    def __len__(self) -> int:
        return len(self.start)


def sonorities(score: Score, pitches: SpelledPitches) -> Sonorities:
    """Return the sonorities of a score.

    Args:
        score: Of all parts.
        pitches: Of its rows, written or sounding.

    Raises:
        TooMuchScoreError: There are more moments and pitches than any music has.
    """
    table = score.notes
    bars = score.measure_starts
    lasts = np.flatnonzero((~table.grace) & (table.duration > 0) & (table.kind != UNPITCHED))
    bar_begin, bar_end = bars[table.measure[lasts]], bars[table.measure[lasts] + 1]
    # A voice that is longer than its bar ends with it here: the next one has begun.
    start = np.minimum(bar_begin + table.onset[lasts], bar_end)
    end = np.minimum(start + table.duration[lasts], bar_end)
    edges = np.unique(np.concatenate([start, end, bars]))

    sounds = (table.kind[lasts] == NOTE) & (end > start)
    rows, code_of_row = _coded(pitches, lasts[sounds])
    slice_of, code_of = _sounding(
        np.searchsorted(edges, start[sounds]),
        np.searchsorted(edges, end[sounds]),
        code_of_row,
        len(rows),
        len(edges),
    )
    is_first = np.ones(len(slice_of), dtype=np.bool_)
    is_first[1:] = slice_of[1:] != slice_of[:-1]
    first = np.flatnonzero(is_first)
    slices = slice_of[first]
    pitch_rows = rows[code_of]
    return Sonorities(
        start=edges[slices],
        duration=edges[slices + 1] - edges[slices],
        measure=np.searchsorted(bars, edges[slices], side="right") - 1,
        first=np.append(first, len(slice_of)),
        step=pitches.step[pitch_rows],
        alter_cents=pitches.alter_cents[pitch_rows],
        octave=pitches.octave[pitch_rows],
    )


def _coded(pitches: SpelledPitches, rows: Integers) -> tuple[Integers, Integers]:
    """Return a row for each different pitch, from the lowest, and the index of that pitch for each row."""
    # One number in the order of height, step and alteration: far faster to sort than three.
    height = pitches.cents[rows] + (1 << 24)
    number = (((height << 3) + pitches.step[rows]) << 20) + pitches.alter_cents[rows] + (1 << 19)
    _, representatives, code = np.unique(number, return_index=True, return_inverse=True)
    return rows[representatives], code


def _sounding(
    from_slice: Integers, to_slice: Integers, code: Integers, codes: int, slices: int
) -> tuple[Integers, Integers]:
    """Return which pitches sound in which slices, in the order of slices and pitches.

    Every slice has a cell for every pitch, in which is counted how many notes have begun and not ended; so it
    does not matter how many notes double each other, or how long they last.
    """
    if slices * codes > _MOST_CELLS:
        raise TooMuchScoreError(
            f"The score has {slices:,} moments and {codes:,} different pitches, expected at most "
            f"{_MOST_CELLS:,} of both multiplied: send a part of it."
        )
    begins, ends = np.sort(from_slice * codes + code), np.sort(to_slice * codes + code)
    found = [np.zeros(0, dtype=np.int64)]
    for cells in _blocks(begins, ends, codes, slices):
        found.append(cells)
        if sum(map(len, found)) > _MOST_PITCHES:
            raise TooMuchScoreError(
                f"The score has more than {_MOST_PITCHES:,} pitches in its sonorities together: send a part "
                "of it."
            )
    all_found = np.concatenate(found)
    slice_of, code_of = np.divmod(all_found, max(codes, 1))
    return slice_of, code_of


def _blocks(begins: Integers, ends: Integers, codes: int, slices: int) -> Iterator[Integers]:
    """Yield the cells that sound, block by block."""
    if codes == 0:
        return
    sounding = np.zeros(codes, dtype=np.int64)
    size = max(1, _BLOCK_CELLS // codes) * codes
    for low in range(0, slices * codes, size):
        high = min(low + size, slices * codes)
        change = _counted(begins, low, high) - _counted(ends, low, high)
        level = change.reshape(-1, codes).cumsum(axis=0) + sounding
        sounding = level[-1]
        yield np.flatnonzero(level) + low


def _counted(cells: Integers, low: int, high: int) -> Integers:
    """Return how often each cell from one to another occurs."""
    first, last = np.searchsorted(cells, (low, high))
    return np.bincount(cells[first:last] - low, minlength=high - low)
