"""What is no note, as a voice of LilyPond that holds nothing else: keys, times, tempos, chord symbols."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Final

from music21_server.score.table import STEP_SEMITONES, STEPS, ChordSymbol, Score, Transposition
from music21_server.writing import lilypond_tokens as words
from music21_server.writing.marks import by_bar, is_pickup, moved_to_barlines, tempos_by_bar
from music21_server.writing.notation import clefs

_MIDDLE_C: Final = -6
"""Where LilyPond puts middle C on a staff of percussion, so that it reads as one with a treble clef."""

_CLEFS: Final = {
    "G": "\\clef treble",
    "F": "\\clef bass",
    "percussion": "\\clef percussion "
    + " ".join(f"\\set Staff.{name} = #{_MIDDLE_C}" for name in ("middleCClefPosition", "middleCPosition")),
}


class Signs:
    """Writes the signs of each part.

    Args:
        score: Whose signs.
    """

    def __init__(self, score: Score) -> None:
        self._score = score
        self._unit = score.notes.ticks_per_quarter
        self._lengths: list[int] = score.measure_ticks.tolist()
        self._clefs = clefs(score)
        self._keys = by_bar(score.keys)
        self._times = by_bar(score.times)
        self._tempos = tempos_by_bar(score)
        self._symbols = by_bar(score.chord_symbols)

    def lines(self, part: int) -> Iterator[str]:
        """Yield the signs of a part, bar by bar; bars without any are taken together."""
        waiting, ticks = 0, 0
        current = Fraction(4)
        for bar, length in enumerate(self._lengths):
            times = list(moved_to_barlines(self._times, part, bar))
            time = words.time(times[-1].text) if times else ""
            if time:
                current = Fraction(times[-1].ticks, self._unit)
            signs = [(0, time)] if time else []
            quarters = Fraction(length, self._unit)
            if bar == 0:
                signs.insert(0, (0, _CLEFS[self._clefs[part].sign]))
            if bar == 0 and is_pickup(self._score, part):
                signs.append((0, f"\\partial {words.span(quarters)}"))
            elif length and quarters != current:
                signs.append((0, f"\\set Timing.measureLength = #(ly:make-moment {quarters / 4})"))
                current = quarters
            signs += self._others(part, bar)
            if waiting and signs:  # a bar of another length has one
                yield f"s{words.span(Fraction(ticks, self._unit), waiting)} |"
                waiting = 0
            if signs:
                yield self._bar(sorted(signs, key=itemgetter(0)), length)
            elif length:
                waiting, ticks = waiting + 1, length
        if waiting:
            yield f"s{words.span(Fraction(ticks, self._unit), waiting)} |"
        yield '\\bar "|."'

    def _others(self, part: int, bar: int) -> Iterator[tuple[int, str]]:
        at = (part, bar)
        for key in self._keys.get(at, []):
            yield key.onset, words.key(key.fifths, key.mode)
        for each in self._score.parts[part].transpositions:
            if each.measure == bar and (each.chromatic or bar):
                yield 0, _transposition(each)
        if part == 0:
            for tempo in self._tempos.get(bar, []):
                yield tempo.onset, _tempo(tempo.quarters_per_minute)
        for symbol in self._symbols.get(at, []):
            yield symbol.onset, _symbol(symbol)

    def _bar(self, signs: list[tuple[int, str]], length: int) -> str:
        """Return a bar of signs with nothing between them."""
        found: list[str] = []
        now = 0
        moments = [(onset, [text for _, text in each]) for onset, each in groupby(signs, itemgetter(0))]
        for index, (moment, texts) in enumerate(moments):
            onset = min(moment, length)
            if onset > now:
                found.append(f"s{words.span(Fraction(onset - now, self._unit))}")
            until = min(moments[index + 1][0], length) if index + 1 < len(moments) else length
            found += [text for text in texts if not text.startswith("^")]
            attached = "".join(text for text in texts if text.startswith("^"))
            if until > onset:
                found.append(f"s{words.span(Fraction(until - onset, self._unit))}{attached}")
            elif attached:
                found.append(f"<>{attached}")
            now = until
        return " ".join([*found, "|"] if length else found)


def _transposition(each: Transposition) -> str:
    """Return a transposition by what a written middle C sounds as."""
    octaves, step = divmod(each.diatonic, len(STEPS))
    natural = int(STEP_SEMITONES[step]) + 12 * octaves
    return f"\\transposition {words.pitch(step, 100 * (each.chromatic - natural), 4 + octaves)}"


def _tempo(quarters_per_minute: float) -> str:
    """Return a tempo; LilyPond prints whole numbers alone, and plays fractions."""
    shown = f"\\tempo 4 = {max(1, round(quarters_per_minute))}"
    if quarters_per_minute == round(quarters_per_minute):
        return shown
    exact = Fraction(quarters_per_minute).limit_denominator(1000) / 4
    return f"{shown} \\set Score.tempoWholesPerMinute = #(ly:make-moment {exact})"


def _symbol(symbol: ChordSymbol) -> str:
    return f"^\\markup \\bold {words.string(symbol.text)}"
