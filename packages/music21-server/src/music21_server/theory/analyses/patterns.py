"""What comes again in a score: motifs, rhythms and melodic sequences; and the shape of each voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.melody.contours import Contour, contours
from music21_server.theory.melody.lines import ChordNote, Lines, melodic_lines, phrases
from music21_server.theory.melody.recurrences import Recurrence, recurrences
from music21_server.theory.melody.results import MelodicSequence, Motif, Occurrence, Place, RhythmicMotif
from music21_server.theory.melody.sequences import SequenceColumns, sequences
from music21_server.theory.melody.symbol_series import FORMS, Series, Wanted, rooms
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock

Measure = Literal["diatonic", "chromatic"]
"""How intervals are compared: in steps, a major third like a minor one, or in semitones."""

_LONGEST: Final = 64
_LEAST_NOTES: Final = 3
_LEAST_OCCURRENCES: Final = 2


@dataclass(frozen=True)
class Patterns:
    """What was found.

    Attributes:
        motifs: The most interesting first; what mostly lies under a more interesting one is left out.
        rhythms: Likewise.
        sequences_found: How many melodic sequences there are.
        sequences: Those with three statements and more, then those with two, each the longest first.
        contours: Of each voice.
        rules: By which rules this was found.
    """

    motifs: tuple[Motif, ...]
    rhythms: tuple[RhythmicMotif, ...]
    sequences_found: int
    sequences: tuple[MelodicSequence, ...]
    contours: tuple[Contour, ...]
    rules: tuple[str, ...]


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
    """Return what comes again in a score.

    Args:
        score: Of all parts.
        pitches: Of its rows, written or sounding.
        voices: Which voices: their names, names of parts, or numbers of parts from 1; None for all.
        measure: Whether intervals of motifs are compared in steps or in semitones.
        mirrored: Whether inversions and retrogrades belong to a motif.
        least_notes: Notes of a motif or rhythm, from 3.
        least_occurrences: Of a motif or rhythm, from 2.
        chord_note: Which note of a chord within a voice counts.
        most: How many motifs, rhythms and sequences to return, of each.
        most_occurrences: How many occurrences of each motif and rhythm to list; all are counted.

    Raises:
        ScoreError: A voice is unknown, or a number is too small or too large.
    """
    _check("least_notes", least_notes, _LEAST_NOTES, _LONGEST)
    _check("least_occurrences", least_occurrences, _LEAST_OCCURRENCES, None)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    finder = _Finder(score, lines, most_occurrences)
    found = sequences(lines, finder.phrase, score.notes.ticks_per_quarter)
    return Patterns(
        motifs=finder.motifs(measure, Wanted(least_notes - 1, _LONGEST, least_occurrences, mirrored, most)),
        rhythms=finder.rhythms(Wanted(least_notes, _LONGEST, least_occurrences, mirrored=False, most=most)),
        sequences_found=len(found.note),
        sequences=finder.sequences(found, most),
        contours=contours(lines, finder.clock),
        rules=_rules(lines, measure, chord_note),
    )


def _check(name: str, came: int, least: int, most: int | None) -> None:
    if came < least or (most is not None and came > most):
        upto = "" if most is None else f" to {most}"
        raise ScoreError(f"Expected {name} from {least}{upto}, got {came}.")


class _Finder:
    """Finds patterns in lines and tells them."""

    def __init__(self, score: Score, lines: Lines, most_occurrences: int) -> None:
        self._lines = lines
        self._most = most_occurrences
        self._unit = score.notes.ticks_per_quarter
        self.clock = Clock(score)
        self.phrase = phrases(lines, self._unit)
        # From each note to the next; of the last one of a phrase, its own length.
        self._time = lines.end - lines.start
        within = self.phrase[1:] == self.phrase[:-1]
        self._time[:-1] = np.where(within, lines.start[1:] - lines.start[:-1], self._time[:-1])

    def motifs(self, measure: Measure, wanted: Wanted) -> tuple[Motif, ...]:
        lines = self._lines
        heights = lines.place if measure == "diatonic" else lines.cents
        symbol = np.diff(heights, append=heights[-1:])
        series = Series(symbol, rooms(self.phrase, 1), lines.start)
        scale = 1 if measure == "diatonic" else 100
        return tuple(self._motif(each, symbol / scale) for each in recurrences(series, wanted))

    def _motif(self, found: Recurrence, intervals: npt.NDArray[np.float64]) -> Motif:
        lines, first = self._lines, int(found.at[0])
        time = self._time[found.at[:, np.newaxis] + np.arange(found.length)]
        # Backwards the time after a note was the one before it, so that the rhythm is that of the intervals.
        time = np.where((found.form >= 2)[:, np.newaxis], time[:, ::-1], time)
        same_rhythm = (time == time[0]).all(axis=1)
        forms = np.bincount(found.form, minlength=len(FORMS)).tolist()
        shown = slice(None, self._most)
        return Motif(
            notes=tuple(lines.name(note) for note in range(first, first + found.length + 1)),
            intervals=tuple(_plain(each) for each in intervals[first : first + found.length].tolist()),
            quarters=self._quarters(first, found.length),
            occurrences=len(found.at),
            prime=forms[0],
            inversions=forms[1],
            retrogrades=forms[2],
            retrograde_inversions=forms[3],
            same_rhythm=int(same_rhythm.sum()),
            voices=len(np.unique(lines.line[found.at])),
            interest=found.interest,
            first_occurrences=tuple(
                Occurrence(
                    voice=lines.names[lines.line[at]],
                    position=self.clock.at_tick(int(lines.start[at])),
                    first_note=lines.name(at),
                    form=FORMS[form],
                    same_rhythm=same,
                )
                for at, form, same in zip(
                    found.at[shown].tolist(),
                    found.form[shown].tolist(),
                    same_rhythm[shown].tolist(),
                    strict=True,
                )
            ),
        )

    def rhythms(self, wanted: Wanted) -> tuple[RhythmicMotif, ...]:
        lines = self._lines
        series = Series(self._time, rooms(self.phrase, 0), lines.start)
        return tuple(
            RhythmicMotif(
                quarters=self._quarters(int(found.at[0]), found.length),
                occurrences=len(found.at),
                voices=len(np.unique(lines.line[found.at])),
                interest=found.interest,
                first_occurrences=tuple(
                    Place(lines.names[lines.line[at]], self.clock.at_tick(int(lines.start[at])))
                    for at in found.at[: self._most].tolist()
                ),
            )
            for found in recurrences(series, wanted)
        )

    def sequences(self, found: SequenceColumns, most: int) -> tuple[MelodicSequence, ...]:
        lines = self._lines
        columns = (found.note, found.size, found.statements, found.shift, found.is_real, found.doubled)
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
    """Return by which rules the patterns were found."""
    size = "in steps, major and minor alike" if measure == "diatonic" else "in semitones"
    return (
        f"Of a chord within one voice the {chord_note} note counts; {lines.left_out} other notes do not. "
        "Tied notes are one note; grace notes and cues do not count.",
        "No pattern goes across a rest of more than four quarter notes; shorter ones count with their note.",
        f"Intervals of motifs are compared {size}; repeated notes, scales and even rhythms are left out.",
        "Several voices that have a pattern at the same time count as one occurrence, and occurrences in one "
        "voice do not lie over each other.",
        "A melodic sequence keeps its rhythm and its intervals in steps; a figure of two or three notes "
        "counts from three statements, a longer one from two.",
    )
