"""Pattern analysis: motifs, rhythms and melodic sequences, and the contour of each voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.melody.contours import Contour, contours
from music21_server.theory.melody.lines import ChordNote, Lines, chord_rule, melodic_lines, phrases
from music21_server.theory.melody.recurrences import Recurrence, recurrences
from music21_server.theory.melody.results import MelodicSequence, Motif, Occurrence, Place, RhythmicMotif
from music21_server.theory.melody.sequences import SequenceColumns, sequences
from music21_server.theory.melody.symbol_series import FORMS, PatternCriteria, Series, remaining_symbols
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock

Measure = Literal["diatonic", "chromatic"]
"""Unit of intervals: diatonic steps, where a major third equals a minor one, or semitones."""

_LONGEST: Final = 64
_LEAST_NOTES: Final = 3
_LEAST_OCCURRENCES: Final = 2


@dataclass(frozen=True)
class Patterns:
    """The recurring patterns of a score."""

    motifs: tuple[Motif, ...]
    """Motifs, the most interesting first; a motif mostly covered by more interesting ones is left out."""
    rhythms: tuple[RhythmicMotif, ...]
    """Rhythms, in the same order."""
    sequences_found: int
    """Number of melodic sequences."""
    sequences: tuple[MelodicSequence, ...]
    """Melodic sequences of three or more statements, then those of two, each the longest first."""
    contours: tuple[Contour, ...]
    """Contour of each voice."""
    rules: tuple[str, ...]
    """Rules of the analysis."""


def find_patterns(
    score: Score,
    pitches: SpelledPitches,
    *,
    voices: Sequence[str] | None = None,
    measure: Measure = "diatonic",
    mirrored: bool = True,
    least_notes: int = 4,
    least_occurrences: int = 3,
    chord_note: ChordNote = "highest",
    most: int = 20,
    most_occurrences: int = 20,
) -> Patterns:
    """Return the recurring patterns of a score.

    Args:
        pitches: Pitches of its rows, written or sounding.
        voices: Names of voices or parts, or numbers of parts from 1; None for all.
        measure: Whether intervals of motifs are compared in steps or in semitones.
        mirrored: Whether inversions and retrogrades belong to a motif.
        least_notes: Fewest notes of a motif or rhythm, from 3.
        least_occurrences: Fewest occurrences of a motif or rhythm, from 2.
        chord_note: Note that counts of a chord within one voice.
        most: Most motifs, rhythms and sequences to return, of each.
        most_occurrences: Most occurrences of each motif and rhythm to list; all are counted.

    Raises:
        ScoreError: A voice is unknown, or a number is too small or too large.
    """
    _check("least_notes", least_notes, _LEAST_NOTES, _LONGEST)
    _check("least_occurrences", least_occurrences, _LEAST_OCCURRENCES, None)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    finder = _PatternFinder(score, lines, most_occurrences)
    melodic_sequences = sequences(lines, finder.phrase, score.notes.ticks_per_quarter)
    return Patterns(
        motifs=finder.motifs(
            measure, PatternCriteria(least_notes - 1, _LONGEST, least_occurrences, mirrored, most)
        ),
        rhythms=finder.rhythms(
            PatternCriteria(least_notes, _LONGEST, least_occurrences, mirrored=False, most=most)
        ),
        sequences_found=len(melodic_sequences.note),
        sequences=finder.sequences(melodic_sequences, most),
        contours=contours(lines, finder.clock),
        rules=_rules(lines, measure, chord_note),
    )


def _check(name: str, number: int, least: int, most: int | None) -> None:
    if number < least or (most is not None and number > most):
        range_end = "" if most is None else f" to {most}"
        raise ScoreError(f"Expected {name} from {least}{range_end}, got {number}.")


class _PatternFinder:
    """Finds patterns in lines and builds their results."""

    def __init__(self, score: Score, lines: Lines, most_occurrences: int) -> None:
        self._lines = lines
        self._most = most_occurrences
        self._unit = score.notes.ticks_per_quarter
        self.clock = Clock(score)
        self.phrase = phrases(lines, self._unit)
        # Time from each note to the next; the last note of a phrase counts its own length.
        self._time = lines.end - lines.start
        within = self.phrase[1:] == self.phrase[:-1]
        self._time[:-1] = np.where(within, lines.start[1:] - lines.start[:-1], self._time[:-1])

    def motifs(self, measure: Measure, criteria: PatternCriteria) -> tuple[Motif, ...]:
        lines = self._lines
        heights = lines.place if measure == "diatonic" else lines.cents
        symbol = np.diff(heights, append=heights[-1:])
        series = Series(symbol, remaining_symbols(self.phrase, 1), lines.start)
        scale = 1 if measure == "diatonic" else 100
        return tuple(self._motif(each, symbol / scale) for each in recurrences(series, criteria))

    def _motif(self, recurrence: Recurrence, intervals: npt.NDArray[np.float64]) -> Motif:
        lines, first = self._lines, int(recurrence.at[0])
        time = self._time[recurrence.at[:, np.newaxis] + np.arange(recurrence.length)]
        # Read backwards, the time after a note is the one before it, so rhythms are compared by interval.
        time = np.where((recurrence.form >= 2)[:, np.newaxis], time[:, ::-1], time)
        same_rhythm = (time == time[0]).all(axis=1)
        forms = np.bincount(recurrence.form, minlength=len(FORMS)).tolist()
        shown = slice(None, self._most)
        return Motif(
            notes=tuple(lines.name(note) for note in range(first, first + recurrence.length + 1)),
            intervals=tuple(_plain(each) for each in intervals[first : first + recurrence.length].tolist()),
            quarters=self._quarters(first, recurrence.length),
            occurrences=len(recurrence.at),
            prime=forms[0],
            inversions=forms[1],
            retrogrades=forms[2],
            retrograde_inversions=forms[3],
            same_rhythm=int(same_rhythm.sum()),
            voices=len(np.unique(lines.line[recurrence.at])),
            interest=recurrence.interest,
            first_occurrences=tuple(
                Occurrence(
                    voice=lines.names[lines.line[at]],
                    position=self.clock.at_tick(int(lines.start[at])),
                    first_note=lines.name(at),
                    form=FORMS[form],
                    same_rhythm=same,
                )
                for at, form, same in zip(
                    recurrence.at[shown].tolist(),
                    recurrence.form[shown].tolist(),
                    same_rhythm[shown].tolist(),
                    strict=True,
                )
            ),
        )

    def rhythms(self, criteria: PatternCriteria) -> tuple[RhythmicMotif, ...]:
        lines = self._lines
        series = Series(self._time, remaining_symbols(self.phrase, 0), lines.start)
        return tuple(
            RhythmicMotif(
                quarters=self._quarters(int(recurrence.at[0]), recurrence.length),
                occurrences=len(recurrence.at),
                voices=len(np.unique(lines.line[recurrence.at])),
                interest=recurrence.interest,
                first_occurrences=tuple(
                    Place(lines.names[lines.line[at]], self.clock.at_tick(int(lines.start[at])))
                    for at in recurrence.at[: self._most].tolist()
                ),
            )
            for recurrence in recurrences(series, criteria)
        )

    def sequences(self, melodic_sequences: SequenceColumns, most: int) -> tuple[MelodicSequence, ...]:
        lines = self._lines
        columns = (
            melodic_sequences.note,
            melodic_sequences.size,
            melodic_sequences.statements,
            melodic_sequences.shift,
            melodic_sequences.is_real,
            melodic_sequences.doubled,
        )
        rows = zip(*(column[:most].tolist() for column in columns), strict=True)
        return tuple(
            MelodicSequence(
                voice=lines.names[lines.line[note]],
                begins=self.clock.at_tick(int(lines.start[note])),
                ends=self.clock.at_tick(int(lines.start[note + size * statements - 1])),
                figure=tuple(lines.name(each) for each in range(note, note + size)),
                statements=statements,
                shift_steps=shift,
                kind="real" if is_real else "tonal",
                doubled_by=doubled,
            )
            for note, size, statements, shift, is_real, doubled in rows
        )

    def _quarters(self, first: int, count: int) -> tuple[float, ...]:
        return tuple(round(ticks / self._unit, 4) for ticks in self._time[first : first + count].tolist())


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else round(number, 2)


def _rules(lines: Lines, measure: Measure, chord_note: ChordNote) -> tuple[str, ...]:
    """Return the rules of the analysis, for the reader of the result."""
    size = "in steps, major and minor alike" if measure == "diatonic" else "in semitones"
    return (
        chord_rule(lines, chord_note),
        "No pattern crosses a rest of more than four quarter notes; shorter rests belong to the note before.",
        f"Intervals of motifs are compared {size}; repeated notes, scales and even rhythms are left out.",
        "A pattern in several voices at the same time counts as one occurrence, and occurrences in one voice "
        "do not overlap.",
        "A melodic sequence keeps its rhythm and its intervals in steps; a figure of two or three notes "
        "needs three statements, a longer one two.",
    )
