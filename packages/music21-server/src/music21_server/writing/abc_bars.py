"""What stands between two barlines of ABC: notes, chords, rests, tuplets, grace notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from music21_server.score.table import NOTE, REST, STEPS, UNPITCHED, Integers, Score
from music21_server.writing.abc_accidentals import BarAccidentals
from music21_server.writing.abc_fields import quoted
from music21_server.writing.notation import BEAM_CONTINUE, BEAM_END, beams
from music21_server.writing.note_values import NoteValue, note_value
from music21_server.writing.pitches import within_double_accidentals
from music21_server.writing.tuplets import tuplet_runs
from music21_server.writing.voice_lanes import GAP, Item, Lane, Lanes, Timed, with_graces

_UNIT: Final = Fraction(1, 2)
"""Length of a note without a number, in quarter notes: `L:1/8`."""

_MOST_TUPLET: Final = 9


@dataclass(frozen=True)
class Between:
    """What stands between the notes of a bar, by ticks since its beginning.

    Attributes:
        fields: Keys and tempos, in brackets.
        symbols: Chord symbols.
    """

    fields: Mapping[int, str]
    symbols: Mapping[int, list[str]]


class AbcBars:
    """Writes bars.

    Args:
        score: Whose bars.
        lanes: Of the score.
    """

    def __init__(self, score: Score, lanes: Lanes) -> None:
        table = score.notes
        self._unit = table.ticks_per_quarter
        self._tied = lanes.tied.tolist()
        self._step, self._octave = table.step.tolist(), table.octave.tolist()
        self._alter = (np.floor_divide(table.alter_cents + 50, 100) * 100).tolist()
        self._fermatas = {(each.part, each.measure, each.onset) for each in score.fermatas}
        self._value = cache(self._value_of)
        self._length = cache(self._length_of)
        joined = np.isin(beams(score, *_values(score)), (BEAM_CONTINUE, BEAM_END))
        self._is_beamed: list[bool] = np.asarray(joined.any(axis=1)).tolist()

    def notes(self, lane: Lane, bar: int, items: list[Item], of_key: list[int], between: Between) -> str:
        """Return the notes of a bar.

        Args:
            lane: In which they are.
            bar: Its index.
            items: What is in it.
            of_key: How the key alters each step, in cents.
            between: What else stands in it.
        """
        timed, last = with_graces(_split(items, set(between.symbols)))
        fields = sorted(between.fields.items())
        signs = BarAccidentals(of_key)
        words: list[str] = []
        for place, run in self._runs(timed):
            graces, item = timed[place]
            while fields and fields[0][0] <= item.onset:
                words.append(" " + fields.pop(0)[1])
                # music21 skips fields in brackets, and keeps to the key of the bar's beginning.
                signs = BarAccidentals(of_key, is_doubtful=True)
            before = self._graces(graces, signs) + run
            before += "".join(quoted(text) for text in between.symbols.get(item.onset, []))
            if item.kind != GAP and (lane.part, bar, item.onset) in self._fermatas:
                before += "!fermata!"
            is_beamed = item.kind != GAP and self._is_beamed[item.rows[0]]
            words.append(("" if is_beamed else " ") + before + self._chord(item, signs))
        if last:
            words.append(" " + self._graces(last, signs))
        # What stands within the last note can only follow it.
        words += [f" {field}" for _, field in fields]
        return "".join(words).lstrip()

    def _runs(self, timed: list[Timed]) -> Iterator[tuple[int, str]]:
        """Yield the places of a bar's items, and the tuplet that begins at each."""
        values = [self._value(each.item.ticks) for each in timed]
        for run in tuplet_runs(values, [each.item.ticks for each in timed], self._unit):
            left = 0
            for place in range(run.begin, run.end):
                sign = ""
                if run.actual > 1 and not left:
                    # Grace notes within a tuplet would be counted as its notes.
                    left = 1
                    while place + left < run.end and left < _MOST_TUPLET and not timed[place + left].graces:
                        left += 1
                    sign = f"({run.actual}:{run.normal}:{left}"
                left -= 1
                yield place, sign

    def _graces(self, graces: list[Item], signs: BarAccidentals) -> str:
        notes = "".join(
            self._pitch(row, signs, in_chord=False, grace=True)
            for item in graces
            if item.kind != REST
            for row in item.rows
        )
        return "{" + notes + "}" if notes else ""

    def _chord(self, item: Item, signs: BarAccidentals) -> str:
        length = self._length(item.ticks)
        if item.kind not in (NOTE, UNPITCHED):
            return "z" + length
        in_chord = len(item.rows) > 1
        pitches = [self._pitch(row, signs, in_chord=in_chord, grace=False) for row in item.rows]
        ties = ["-" if self._tied[row] else "" for row in item.rows]
        if not in_chord:
            return pitches[0] + length + ties[0]
        return "[" + "".join(map("".join, zip(pitches, ties, strict=True))) + "]" + length

    def _pitch(self, row: int, signs: BarAccidentals, *, in_chord: bool, grace: bool) -> str:
        step, alter, octave = within_double_accidentals(self._step[row], self._alter[row], self._octave[row])
        return signs.sign(step, alter, octave, in_chord=in_chord, grace=grace) + _letter(step, octave)

    def _value_of(self, ticks: int) -> NoteValue | None:
        """Return how a length is drawn; None without a tuplet that ABC can write."""
        value = note_value(Fraction(ticks, self._unit))
        return value if value is None or value.actual <= _MOST_TUPLET else None

    def _length_of(self, ticks: int) -> str:
        """Return a length as a multiple of `_UNIT`, a tuplet left aside."""
        length = Fraction(ticks, self._unit) / _UNIT
        if (value := self._value(ticks)) is not None:
            length = length * value.actual / value.normal
        if length.denominator == 1:
            return "" if length == 1 else str(length)
        return f"{length.numerator if length.numerator > 1 else ''}/{length.denominator}"


def _values(score: Score) -> tuple[list[NoteValue | None], Integers]:
    """Return how lengths are drawn, and which of them each row has."""
    table = score.notes
    lengths, of_row = np.unique(table.duration, return_inverse=True)
    drawn = [note_value(Fraction(int(ticks), table.ticks_per_quarter)) for ticks in lengths]
    return drawn, of_row.reshape(-1)


def _split(items: list[Item], moments: set[int]) -> list[Item]:
    """Return items with rests and gaps divided where chord symbols stand."""
    found: list[Item] = []
    for item in items:
        if item.kind in (NOTE, UNPITCHED):
            found.append(item)
            continue
        edges = sorted({item.onset, *(at for at in moments if item.onset < at < item.onset + item.ticks)})
        ends = [*edges[1:], item.onset + item.ticks]
        found += [item._replace(onset=at, ticks=end - at) for at, end in zip(edges, ends, strict=True)]
    return found


@cache
def _letter(step: int, octave: int) -> str:
    """Return a pitch; ``C`` is middle C."""
    if octave >= 5:
        return STEPS[step].lower() + "'" * (octave - 5)
    return STEPS[step] + "," * (4 - octave)
