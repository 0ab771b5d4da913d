"""Limit on notes and marks in the measures of a picture or a PDF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import numpy as np

from music21_server.errors import TooMuchScoreError
from music21_server.reading.staves import Mark
from music21_server.score.table import Score
from music21_server.writing.selection import measure_number

MOST_SQUARED_NOTES: Final = 20_000_000
"""Most squares of the notes and marks in each measure of a staff, summed. Verovio compares the notes of a
measure with each other, which takes about a microsecond per square: half a minute for 6,000 notes."""


def check_density(score: Score, measures: range, parts: Sequence[int]) -> None:
    """Raise TooMuchScoreError if measures have so many notes and marks that Verovio would take very long."""
    marks: Iterable[Mark] = chain(score.keys, score.times, score.tempos, score.chord_symbols, score.fermatas)
    places_of_marks = np.array([(mark.part, mark.measure) for mark in marks], np.int64).reshape(-1, 2)
    part = np.concatenate((score.notes.part, places_of_marks[:, 0]))
    measure = np.concatenate((score.notes.measure, places_of_marks[:, 1]))
    drawn = np.isin(part, np.asarray(parts)) & (measure >= measures.start) & (measure < measures.stop)
    staff_measures = part[drawn] * len(score.measure_ticks) + measure[drawn]
    places, counts = np.unique(staff_measures, return_counts=True)
    if int((counts.astype(np.int64) ** 2).sum()) <= MOST_SQUARED_NOTES:
        return
    densest = int(np.argmax(counts))
    number = measure_number(score, int(places[densest]) % len(score.measure_ticks))
    most = round((MOST_SQUARED_NOTES / len(counts)) ** 0.5)
    raise TooMuchScoreError(
        f"Expected at most {most:,} notes and marks in each of {len(counts):,} measures to draw, got "
        f"{int(counts[densest]):,} in measure {number}: ask for fewer measures or parts, or for the format "
        "text."
    )
