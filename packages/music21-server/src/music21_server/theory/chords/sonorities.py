"""Sonorities: the pitches that sound together, from moment to moment.

A sonority lasts until any note or rest begins or ends, or a bar does. Grace notes and unpitched notes do not
count. The result is that of music21's `chordify` after `toSoundingPitch()`, without grace notes and chord
symbols.
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
"""Limits on the number of moments times distinct pitches, and on the pitches of all sonorities. An orchestra
of 150 parts over 500 bars has about 20 and 3 million; scores far beyond that would take minutes and
gigabytes."""

_BLOCK_CELLS: Final = 4_000_000


@dataclass(frozen=True)
class Sonorities:
    """Sonorities in order of time, without the rests between them.

    Attributes:
        start: Ticks since the beginning of the score.
        duration: Duration in ticks.
        measure: Index of the bar.
        first: Index of each sonority's first pitch in the columns below; one entry more than sonorities.
        step: Step of each pitch, from the lowest within a sonority; no pitch occurs twice in one.
        alter_cents: Alteration of each pitch.
        octave: Octave of each pitch.
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
        pitches: Pitches of its rows, written or sounding.

    Raises:
        TooMuchScoreError: The score exceeds one of the limits above.
    """
    table = score.notes
    bars = score.measure_starts
    rows = np.flatnonzero((~table.grace) & (table.duration > 0) & (table.kind != UNPITCHED))
    bar_begin, bar_end = bars[table.measure[rows]], bars[table.measure[rows] + 1]
    # A voice that is longer than its bar is cut at the barline, where the next bar begins.
    start = np.minimum(bar_begin + table.onset[rows], bar_end)
    end = np.minimum(start + table.duration[rows], bar_end)
    edges = np.unique(np.concatenate([start, end, bars]))

    sounds = (table.kind[rows] == NOTE) & (end > start)
    pitch_representatives, code_of_row = _coded(pitches, rows[sounds])
    slice_of, code_of = _sounding(
        np.searchsorted(edges, start[sounds]),
        np.searchsorted(edges, end[sounds]),
        code_of_row,
        len(pitch_representatives),
        len(edges),
    )
    is_first = np.ones(len(slice_of), dtype=np.bool_)
    is_first[1:] = slice_of[1:] != slice_of[:-1]
    first = np.flatnonzero(is_first)
    slices = slice_of[first]
    pitch_rows = pitch_representatives[code_of]
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
    """Return a row for each distinct pitch, from the lowest, and the index of each row's pitch among them."""
    # Height, step and alteration packed into one number sort far faster than three columns.
    height = pitches.cents[rows] + (1 << 24)
    number = (((height << 3) + pitches.step[rows]) << 20) + pitches.alter_cents[rows] + (1 << 19)
    _, representatives, code = np.unique(number, return_index=True, return_inverse=True)
    return rows[representatives], code


def _sounding(
    from_slice: Integers, to_slice: Integers, code: Integers, codes: int, slices: int
) -> tuple[Integers, Integers]:
    """Return the slices and pitches that sound, ordered by slice and pitch.

    Every slice has a cell for every pitch, which counts the notes that have begun and not ended. The cost
    depends neither on how many notes double each other nor on how long they last.
    """
    if slices * codes > _MOST_CELLS:
        raise TooMuchScoreError(
            f"Expected moments times distinct pitches to be at most {_MOST_CELLS:,}, got {slices:,} times "
            f"{codes:,}: send a part of the score."
        )
    begins, ends = np.sort(from_slice * codes + code), np.sort(to_slice * codes + code)
    blocks = [np.zeros(0, dtype=np.int64)]
    for cells in _blocks(begins, ends, codes, slices):
        blocks.append(cells)
        if sum(map(len, blocks)) > _MOST_PITCHES:
            raise TooMuchScoreError(
                f"Expected at most {_MOST_PITCHES:,} pitches in all sonorities, got more: send a part of the "
                "score."
            )
    slice_of, code_of = np.divmod(np.concatenate(blocks), max(codes, 1))
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
    """Return how often each cell from `low` to `high` occurs."""
    first, last = np.searchsorted(cells, (low, high))
    return np.bincount(cells[first:last] - low, minlength=high - low)
