"""Writer of text for people and language models: measure by measure, a line for each part.

For example::

    Title: Chorale
    Parts: 1 Soprano; 2 Clarinet in A (sounds 3 semitones lower)
    Bars: 1 to 2 of 1 to 20
    m1 | key: 3 sharps (Clarinet in A: no sharps or flats)
    m1 | time: 4/4
    m1 | Soprano: C#5 q, B4 e, A4 e, [E4~ A4] h
    m1 | Clarinet in A: v1: r q, C5 h. // v2: R
    m2 | rest: Clarinet in A

`LEGEND` explains the signs, and is part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from music21_server.errors import TooMuchScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import REST, TIE_CONTINUE, TIE_START, UNPITCHED, NoteTable, Score
from music21_server.writing.notation import joins_chord
from music21_server.writing.note_values import note_value
from music21_server.writing.selection import extract, measure_number, part_name, select_measures, select_parts

LEGEND: Final = (
    "Signs: pitches are as written; C4 is middle C, F# sharp, B- flat; ~ after a letter is a quarter tone "
    "up, ` a quarter tone down; w h q e s t x are whole, half, quarter, eighth, 16th, 32nd and 64th notes, "
    "followed by dots; e(3:2) is an eighth of a triplet, (5/4) a length in quarter notes; r is a rest, R a "
    "rest for the whole measure; ~ after a pitch ties it to the next; [C4 E4] is a chord; voices of one "
    "staff are v1: and v2:, separated by //; @3/2 begins 3/2 quarter notes after the barline; perc precedes "
    "the staff position of an unpitched note."
)

_LETTERS: Final = {
    "whole": "w", "half": "h", "quarter": "q", "eighth": "e", "16th": "s", "32nd": "t", "64th": "x",
}  # fmt: skip


@dataclass(frozen=True)
class TextLimits:
    """Limit of a text, with a setting of the same name.

    Attributes:
        max_text_notes: Notes and rests.
    """

    max_text_notes: int = 20_000


def write_text(
    score: Score,
    first_measure: str | None = None,
    last_measure: str | None = None,
    parts: Sequence[str] | None = None,
    *,
    limits: TextLimits,
) -> str:
    """Return measures of a score as text.

    Args:
        first_measure: Printed number of the first, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Printed number of the last; None for the end.
        parts: Names, ids or positions from 1; None for all.
        limits: Limit of the text.

    Raises:
        ScoreError: There is no such measure or part.
        TooMuchScoreError: The measures have more notes than the limit.
    """
    measures, chosen = select_measures(score, first_measure, last_measure), select_parts(score, parts)
    selected = extract(score, measures, chosen)
    if len(selected.notes) > limits.max_text_notes:
        raise TooMuchScoreError(
            f"Expected at most {limits.max_text_notes:,} notes and rests (setting max_text_notes), got "
            f"{len(selected.notes):,} (measures: {len(measures)}, parts: {len(chosen)}): ask for fewer of "
            "either."
        )
    last = measure_number(score, len(score.measure_ticks) - 1)
    lines = [
        *([f"Title: {score.title}"] if score.title else []),
        *([f"Composer: {score.composer}"] if score.composer else []),
        "Parts: " + "; ".join(_part(score, index) for index in chosen),
        f"Bars: {measure_number(score, measures[0])} to {measure_number(score, measures[-1])} of "
        f"{measure_number(score, 0)} to {last}",
        LEGEND,
        "",
    ]
    return "\n".join(lines) + "\n" + "".join(line + "\n" for line in _Measures(selected).lines())


def _part(score: Score, index: int) -> str:
    transpositions = score.parts[index].transpositions
    semitones = transpositions[0].chromatic if transpositions else 0
    sounds = ""
    if semitones:
        direction = "higher" if semitones > 0 else "lower"
        sounds = f" (sounds {abs(semitones)} semitone{'s' * (abs(semitones) != 1)} {direction})"
    return f"{index + 1} {part_name(score, index)}{sounds}"


class _Measures:
    """Writes the measures of a score."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._names = [part_name(score, index) for index in range(len(score.parts))]
        table, measures = score.notes, len(score.measure_ticks)
        self._value = cache(_value)
        places = np.arange(len(score.parts) * measures + 1)
        self._edges = np.searchsorted(table.part * measures + table.measure, places).tolist()
        self._joins = joins_chord(table).tolist()

    def lines(self) -> Iterator[str]:
        """Yield the lines of all measures."""
        measures = len(self._score.measure_ticks)
        signs = self._signs()
        for measure in range(measures):
            number = measure_number(self._score, measure)
            yield from (f"m{number} | {sign}" for sign in signs.get(measure, []))
            resting: list[str] = []
            for part, name in enumerate(self._names):
                rows = range(
                    self._edges[part * measures + measure], self._edges[part * measures + measure + 1]
                )
                if not rows or (len(rows) == 1 and self._is_whole_rest(rows[0])):
                    resting.append(name)
                else:
                    yield f"m{number} | {name}: {self._line(rows)}"
            if resting:
                yield f"m{number} | rest: " + (
                    "all" if len(resting) == len(self._names) else ", ".join(resting)
                )

    def _is_whole_rest(self, row: int) -> bool:
        table = self._score.notes
        fills = table.onset[row] == 0 and (
            table.duration[row] == self._score.own_ticks[table.part[row], table.measure[row]]
        )
        return bool(table.kind[row] == REST and fills)

    def _line(self, rows: range) -> str:
        voices: dict[int, list[int]] = {}
        for row in rows:
            voices.setdefault(int(self._score.notes.voice[row]), []).append(row)
        if len(voices) == 1:
            return self._voice(list(rows))
        return " // ".join(
            f"v{number}: {self._voice(own)}" for number, own in enumerate(voices.values(), start=1)
        )

    def _voice(self, rows: list[int]) -> str:
        table, unit = self._score.notes, self._score.notes.ticks_per_quarter
        words: list[str] = []
        now = 0
        chords = _chords(rows, self._joins)
        for chord in chords:
            row = chord[0]
            onset, duration = int(table.onset[row]), int(table.duration[row])
            at = f"@{Fraction(onset, unit)} " if onset != now else ""
            length = "" if table.grace[row] else " " + self._value(duration, unit)
            if table.kind[row] == REST:
                word = "R" if self._is_whole_rest(row) else f"r{length}"
            else:
                pitches = [_pitch(table, each) for each in chord]
                word = (f"[{' '.join(pitches)}]" if len(pitches) > 1 else pitches[0]) + length
            before = ("grace " if table.grace[row] else "") + ("cue " if table.cue[row] else "")
            words.append(at + before + word)
            now = onset + duration
        return ", ".join(words)

    def _signs(self) -> dict[int, list[str]]:
        """Return lines for keys, time signatures, tempos and chord symbols, by measure."""
        score = self._score
        keys = ((key.measure, key.onset, key.part, _key(key.fifths, key.mode)) for key in score.keys)
        times = ((time.measure, time.onset, time.part, time.text) for time in score.times)
        tempos = sorted(
            {(each.measure, each.onset, f"quarter = {each.quarters_per_minute:.4g}") for each in score.tempos}
        )
        lines: dict[int, list[str]] = {}
        for kind, changes in (("key", keys), ("time", times)):
            for measure, text in self._agreed(changes):
                lines.setdefault(measure, []).append(f"{kind}: {text}")
        for measure, onset, text in tempos:
            lines.setdefault(measure, []).append(f"tempo: {self._at(onset)}{text}")
        symbols: dict[int, list[str]] = {}
        for symbol in sorted(score.chord_symbols, key=lambda each: (each.measure, each.onset, each.part)):
            symbols.setdefault(symbol.measure, []).append(f"{self._at(symbol.onset)}{symbol.text}")
        for measure, texts in symbols.items():
            lines.setdefault(measure, []).append("chord symbols: " + ", ".join(dict.fromkeys(texts)))
        return lines

    def _agreed(self, changes: Iterable[tuple[int, int, int, str]]) -> Iterator[tuple[int, str]]:
        """Yield changes by measure: the most common one, with the parts that differ in parentheses."""
        moments: dict[tuple[int, int], dict[int, str]] = {}
        for measure, onset, part, text in changes:
            moments.setdefault((measure, onset), {})[part] = text
        for (measure, onset), texts in sorted(moments.items()):
            counted = list(texts.values())
            usual = max(dict.fromkeys(counted), key=counted.count)
            others = [f"{self._names[part]}: {text}" for part, text in sorted(texts.items()) if text != usual]
            missing = [name for part, name in enumerate(self._names) if part not in texts]
            others += [f"not {name}" for name in missing] if 0 < len(missing) < len(texts) else []
            if len(missing) >= len(texts):
                others.append("only " + ", ".join(self._names[part] for part in sorted(texts)))
            yield measure, self._at(onset) + usual + (f" ({'; '.join(others)})" if others else "")

    def _at(self, onset: int) -> str:
        return f"@{Fraction(onset, self._score.notes.ticks_per_quarter)} " if onset else ""


def _chords(rows: list[int], joins: list[bool]) -> list[list[int]]:
    chords: list[list[int]] = []
    for row in rows:
        if joins[row] and chords:
            chords[-1].append(row)
        else:
            chords.append([row])
    return chords


def _pitch(table: NoteTable, row: int) -> str:
    name = pitch_name(int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
    if table.kind[row] == UNPITCHED:
        name = f"perc {name}"
    return name + "~" * (table.tie[row] in (TIE_START, TIE_CONTINUE))


def _value(ticks: int, unit: int) -> str:
    """Return a duration: letter, dots and tuplet, or else the number of quarter notes."""
    quarters = Fraction(ticks, unit)
    value = note_value(quarters)
    if value is None or value.kind not in _LETTERS:
        return f"({quarters})"
    tuplet = f"({value.actual}:{value.normal})" if value.actual > 1 else ""
    return _LETTERS[value.kind] + "." * value.dots + tuplet


def _key(fifths: int, mode: str) -> str:
    kind = "sharp" if fifths > 0 else "flat"
    count = f"{abs(fifths)} {kind}{'s' * (abs(fifths) > 1)}" if fifths else "no sharps or flats"
    return f"{count}, {mode}" if mode else count
