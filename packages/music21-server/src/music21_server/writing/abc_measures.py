"""Measures of ABC: notes, chords, rests, tuplets and grace notes between two barlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from music21_server.score.table import NOTE, REST, STEPS, UNPITCHED, Integers, Score
from music21_server.writing.abc_accidentals import MeasureAccidentals
from music21_server.writing.abc_fields import quoted
from music21_server.writing.layers import GAP, Event, Layer, Layers, Timed, with_graces
from music21_server.writing.notation import BEAM_CONTINUE, BEAM_END, beams
from music21_server.writing.note_values import NoteValue, note_value
from music21_server.writing.pitches import within_double_accidentals
from music21_server.writing.tuplets import tuplet_runs

_UNIT: Final = Fraction(1, 2)
"""Unit note length (`L:1/8`) in quarter notes."""

_MOST_TUPLET: Final = 9


@dataclass(frozen=True)
class Marks:
    """Marks between the notes of a measure, by ticks from its beginning.

    Attributes:
        fields: Keys and tempos, as fields in brackets.
        symbols: Chord symbols.
    """

    fields: Mapping[int, str]
    symbols: Mapping[int, list[str]]


class AbcMeasures:
    """Writes measures."""

    def __init__(self, score: Score, layers: Layers) -> None:
        table = score.notes
        self._unit = table.ticks_per_quarter
        self._tied = layers.tied.tolist()
        self._step, self._octave = table.step.tolist(), table.octave.tolist()
        self._alter = (np.floor_divide(table.alter_cents + 50, 100) * 100).tolist()
        self._fermatas = {(each.part, each.measure, each.onset) for each in score.fermatas}
        self._value = cache(self._value_of)
        self._length = cache(self._length_of)
        joined = np.isin(beams(score, *_values(score)), (BEAM_CONTINUE, BEAM_END))
        self._is_beamed: list[bool] = np.asarray(joined.any(axis=1)).tolist()

    def notes(
        self, layer: Layer, measure: int, events: list[Event], key_alters: list[int], marks: Marks
    ) -> str:
        """Return the notes of a measure.

        Args:
            layer: Layer of the notes.
            measure: Index of the measure.
            events: Events of the layer in the measure.
            key_alters: Alteration of each step by the key, in cents.
            marks: Marks of the layer in the measure.
        """
        timed, last = with_graces(_split(events, set(marks.symbols)))
        fields = sorted(marks.fields.items())
        accidentals = MeasureAccidentals(key_alters)
        texts: list[str] = []
        for index, tuplet in self._tuplets(timed):
            graces, event = timed[index]
            while fields and fields[0][0] <= event.onset:
                texts.append(" " + fields.pop(0)[1])
                # music21 ignores fields in brackets, and keeps the key from the beginning of the measure.
                accidentals = MeasureAccidentals(key_alters, is_doubtful=True)
            before = self._graces(graces, accidentals) + tuplet
            before += "".join(quoted(text) for text in marks.symbols.get(event.onset, []))
            if event.kind != GAP and (layer.part, measure, event.onset) in self._fermatas:
                before += "!fermata!"
            is_beamed = event.kind != GAP and self._is_beamed[event.rows[0]]
            texts.append(("" if is_beamed else " ") + before + self._chord(event, accidentals))
        if last:
            texts.append(" " + self._graces(last, accidentals))
        # Fields within the last note can only follow it.
        texts += [f" {field}" for _, field in fields]
        return "".join(texts).lstrip()

    def _tuplets(self, timed: list[Timed]) -> Iterator[tuple[int, str]]:
        """Yield the index of each event, and the start of the tuplet that begins there."""
        values = [self._value(each.event.ticks) for each in timed]
        for run in tuplet_runs(values, [each.event.ticks for each in timed], self._unit):
            left = 0
            for index in range(run.begin, run.end):
                start = ""
                if run.actual > 1 and not left:
                    # Readers count grace notes within a tuplet as its notes.
                    left = 1
                    while index + left < run.end and left < _MOST_TUPLET and not timed[index + left].graces:
                        left += 1
                    start = f"({run.actual}:{run.normal}:{left}"
                left -= 1
                yield index, start

    def _graces(self, graces: list[Event], accidentals: MeasureAccidentals) -> str:
        notes = "".join(
            self._pitch(row, accidentals, in_chord=False, grace=True)
            for event in graces
            if event.kind != REST
            for row in event.rows
        )
        return "{" + notes + "}" if notes else ""

    def _chord(self, event: Event, accidentals: MeasureAccidentals) -> str:
        length = self._length(event.ticks)
        if event.kind not in (NOTE, UNPITCHED):
            return "z" + length
        in_chord = len(event.rows) > 1
        pitches = [self._pitch(row, accidentals, in_chord=in_chord, grace=False) for row in event.rows]
        ties = ["-" if self._tied[row] else "" for row in event.rows]
        if not in_chord:
            return pitches[0] + length + ties[0]
        return "[" + "".join(map("".join, zip(pitches, ties, strict=True))) + "]" + length

    def _pitch(self, row: int, accidentals: MeasureAccidentals, *, in_chord: bool, grace: bool) -> str:
        step, alter, octave = within_double_accidentals(self._step[row], self._alter[row], self._octave[row])
        return accidentals.sign(step, alter, octave, in_chord=in_chord, grace=grace) + _letter(step, octave)

    def _value_of(self, ticks: int) -> NoteValue | None:
        """Return the note value of a length; None if ABC cannot write its tuplet."""
        value = note_value(Fraction(ticks, self._unit))
        return value if value is None or value.actual <= _MOST_TUPLET else None

    def _length_of(self, ticks: int) -> str:
        """Return a length as a multiple of `_UNIT`, without the factor of its tuplet."""
        length = Fraction(ticks, self._unit) / _UNIT
        if (value := self._value(ticks)) is not None:
            length = length * value.actual / value.normal
        if length.denominator == 1:
            return "" if length == 1 else str(length)
        return f"{length.numerator if length.numerator > 1 else ''}/{length.denominator}"


def _values(score: Score) -> tuple[list[NoteValue | None], Integers]:
    """Return the distinct note values, and the index of each row's value."""
    table = score.notes
    lengths, value_of = np.unique(table.duration, return_inverse=True)
    values = [note_value(Fraction(int(ticks), table.ticks_per_quarter)) for ticks in lengths]
    return values, value_of.reshape(-1)


def _split(events: list[Event], onsets: set[int]) -> list[Event]:
    """Return events with rests and gaps divided at the onsets of chord symbols."""
    divided: list[Event] = []
    for event in events:
        if event.kind in (NOTE, UNPITCHED):
            divided.append(event)
            continue
        edges = sorted({event.onset, *(at for at in onsets if event.onset < at < event.onset + event.ticks)})
        ends = [*edges[1:], event.onset + event.ticks]
        divided += [event._replace(onset=at, ticks=end - at) for at, end in zip(edges, ends, strict=True)]
    return divided


@cache
def _letter(step: int, octave: int) -> str:
    """Return a pitch without its accidental; ``C`` is middle C."""
    if octave >= 5:
        return STEPS[step].lower() + "'" * (octave - 5)
    return STEPS[step] + "," * (4 - octave)
