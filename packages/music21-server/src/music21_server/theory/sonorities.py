"""What sounds together, from moment to moment.

A sonority lasts until any note or rest begins or ends, or a bar does. Grace notes and unpitched ones do not
count. As `chordify` of music21 after `toSoundingPitch()` and without graces and chord symbols.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music21_server.notes import NOTE, UNPITCHED, Integers, Score
from music21_server.theory.sounding import SpelledPitches


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
    """
    table = score.notes
    bars = score.measure_starts
    lasts = (~table.grace) & (table.duration > 0) & (table.kind != UNPITCHED)
    start = bars[table.measure[lasts]] + table.onset[lasts]
    # A voice that is longer than its bar ends with it here: the next one has begun.
    end = np.minimum(start + table.duration[lasts], bars[-1])
    edges = np.unique(np.concatenate([start, end, bars]))
    pitched = table.kind[lasts] == NOTE
    rows = np.flatnonzero(lasts)[pitched]
    from_slice = np.searchsorted(edges, start[pitched])
    to_slice = np.searchsorted(edges, end[pitched])
    counts = np.maximum(to_slice - from_slice, 0)
    row_of = np.repeat(rows, counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    slice_of = np.repeat(from_slice, counts) + within
    columns = (slice_of, pitches.cents[row_of], pitches.step[row_of], pitches.alter_cents[row_of])
    order = np.lexsort((columns[3], columns[2], columns[1], columns[0]))
    sorted_columns = np.stack([column[order] for column in columns], axis=1)
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (sorted_columns[1:] != sorted_columns[:-1]).any(axis=1)
    kept = order[is_new]
    slices, first = np.unique(slice_of[kept], return_index=True)
    return Sonorities(
        start=edges[slices],
        duration=edges[slices + 1] - edges[slices],
        measure=np.searchsorted(bars, edges[slices], side="right") - 1,
        first=np.append(first, len(kept)),
        step=pitches.step[row_of][kept],
        alter_cents=pitches.alter_cents[row_of][kept],
        octave=pitches.octave[row_of][kept],
    )
