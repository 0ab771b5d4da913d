"""Keys, time signatures, tempos and chord symbols as a LilyPond voice without notes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Final

from music21_server.score.table import STEP_SEMITONES, STEPS, ChordSymbol, Score, Transposition
from music21_server.writing import lilypond_tokens as tokens
from music21_server.writing.marks import by_measure, is_pickup, moved_to_barlines, tempos_by_measure
from music21_server.writing.notation import clefs

_MIDDLE_C: Final = -6
"""Position of middle C on a percussion staff, as in the treble clef."""

_CLEFS: Final = {
    "G": "\\clef treble",
    "F": "\\clef bass",
    "percussion": "\\clef percussion "
    + " ".join(f"\\set Staff.{name} = #{_MIDDLE_C}" for name in ("middleCClefPosition", "middleCPosition")),
}


class Marks:
    """Writes the marks of each part."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._unit = score.notes.ticks_per_quarter
        self._lengths: list[int] = score.measure_ticks.tolist()
        self._clefs = clefs(score)
        self._keys = by_measure(score.keys)
        self._times = by_measure(score.times)
        self._tempos = tempos_by_measure(score)
        self._symbols = by_measure(score.chord_symbols)

    def lines(self, part: int) -> Iterator[str]:
        """Yield the marks of a part, measure by measure; measures without marks are combined."""
        waiting, ticks = 0, 0
        current = Fraction(4)
        for measure, length in enumerate(self._lengths):
            times = list(moved_to_barlines(self._times, part, measure))
            time = tokens.time(times[-1].text) if times else ""
            if time:
                current = Fraction(times[-1].ticks, self._unit)
            marks = [(0, time)] if time else []
            quarters = Fraction(length, self._unit)
            if measure == 0:
                marks.insert(0, (0, _CLEFS[self._clefs[part].sign]))
            if measure == 0 and is_pickup(self._score, part):
                marks.append((0, f"\\partial {tokens.span(quarters)}"))
            elif length and quarters != current:
                marks.append((0, f"\\set Timing.measureLength = #(ly:make-moment {quarters / 4})"))
                current = quarters
            marks += self._others(part, measure)
            if waiting and marks:  # a change of length is a mark too
                yield f"s{tokens.span(Fraction(ticks, self._unit), waiting)} |"
                waiting = 0
            if marks:
                yield self._measure(sorted(marks, key=itemgetter(0)), length)
            elif length:
                waiting, ticks = waiting + 1, length
        if waiting:
            yield f"s{tokens.span(Fraction(ticks, self._unit), waiting)} |"
        yield '\\bar "|."'

    def _others(self, part: int, measure: int) -> Iterator[tuple[int, str]]:
        at = (part, measure)
        for key in self._keys.get(at, []):
            yield key.onset, tokens.key(key.fifths, key.mode)
        for each in self._score.parts[part].transpositions:
            if each.measure == measure and (each.chromatic or measure):
                yield 0, _transposition(each)
        if part == 0:
            for tempo in self._tempos.get(measure, []):
                yield tempo.onset, _tempo(tempo.quarters_per_minute)
        for symbol in self._symbols.get(at, []):
            yield symbol.onset, _symbol(symbol)

    def _measure(self, marks: list[tuple[int, str]], length: int) -> str:
        """Return a measure of marks, with skips between them."""
        parts: list[str] = []
        now = 0
        moments = [(onset, [text for _, text in each]) for onset, each in groupby(marks, itemgetter(0))]
        for index, (moment, texts) in enumerate(moments):
            onset = min(moment, length)
            if onset > now:
                parts.append(f"s{tokens.span(Fraction(onset - now, self._unit))}")
            until = min(moments[index + 1][0], length) if index + 1 < len(moments) else length
            parts += [text for text in texts if not text.startswith("^")]
            attached = "".join(text for text in texts if text.startswith("^"))
            if until > onset:
                parts.append(f"s{tokens.span(Fraction(until - onset, self._unit))}{attached}")
            elif attached:
                parts.append(f"<>{attached}")
            now = until
        return " ".join([*parts, "|"] if length else parts)


def _transposition(each: Transposition) -> str:
    """Return a transposition as the sounding pitch of a written middle C."""
    octaves, step = divmod(each.diatonic, len(STEPS))
    natural = int(STEP_SEMITONES[step]) + 12 * octaves
    return f"\\transposition {tokens.pitch(step, 100 * (each.chromatic - natural), 4 + octaves)}"


def _tempo(quarters_per_minute: float) -> str:
    """Return a tempo; LilyPond prints only whole numbers, but plays fractions."""
    shown = f"\\tempo 4 = {max(1, round(quarters_per_minute))}"
    if quarters_per_minute == round(quarters_per_minute):
        return shown
    exact = Fraction(quarters_per_minute).limit_denominator(1000) / 4
    return f"{shown} \\set Score.tempoWholesPerMinute = #(ly:make-moment {exact})"


def _symbol(symbol: ChordSymbol) -> str:
    return f"^\\markup \\bold {tokens.string(symbol.text)}"
