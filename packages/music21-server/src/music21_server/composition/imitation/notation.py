"""Writes beats as a score."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from music21_server.composition.imitation.pieces import REST, TICKS, Beat, Metre
from music21_server.composition.note_table import note_table
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    KeyChange,
    Part,
    Score,
    TimeChange,
)
from music21_server.score.table import REST as REST_ROW
from music21_server.theory.pitch.names import Key, name_at
from music21_server.writing.note_values import note_value

_MOST_DOTS: Final = 2
_SHARPEST: Final = 7


class Tone(NamedTuple):
    """A note or rest of a voice.

    Attributes:
        start: Ticks since the beginning.
        length: Ticks.
        pitch: MIDI number, or `REST`.
        fifths: Place of the name on the line of fifths.
    """

    start: int
    length: int
    pitch: int
    fifths: int


def tones(beats: Sequence[Beat], voice: int, beat_ticks: int, end: int | None = None) -> list[Tone]:
    """Return the notes and rests of a voice, joined where they continue over beats.

    Args:
        beats: Successive beats.
        voice: Index of the voice.
        beat_ticks: Length of a beat.
        end: End of the last note in ticks; None for the end of the last beat.
    """
    line: list[Tone] = []
    for index, beat in enumerate(beats):
        for event in beat[voice]:
            continues = line and (event.is_held or line[-1].pitch == event.pitch == REST)
            if not continues:
                line.append(Tone(index * beat_ticks + event.offset, 0, event.pitch, event.fifths))
    ends = [tone.start for tone in line[1:]] + [len(beats) * beat_ticks if end is None else end]
    return [tone._replace(length=until - tone.start) for tone, until in zip(line, ends, strict=True)]


def to_score(
    beats: Sequence[Beat], metre: Metre, key: Key, *, measures: int, voices: Sequence[str], title: str
) -> Score:
    """Return beats as a score; the last notes are held to the end of their bar.

    Args:
        beats: Beats from the first downbeat to the beat in which the last notes begin.
        metre: Metre of the beats.
        key: Key of the signature.
        measures: Number of bars.
        voices: Names of the parts.
    """
    bar_ticks = metre.beats * metre.beat_ticks
    rows = [
        row
        for part in range(len(voices))
        for tone in tones(beats, part, metre.beat_ticks, measures * bar_ticks)
        for row in _rows(part, tone, bar_ticks, metre.beat_ticks)
    ]
    parts = range(len(voices))
    signature = max(-_SHARPEST, min(_SHARPEST, key.tonic_fifths - (3 if key.mode == "minor" else 0)))
    return Score(
        title=title,
        composer="",
        parts=tuple(Part(f"P{index + 1}", name) for index, name in enumerate(voices)),
        notes=note_table(rows, TICKS),
        measure_numbers=tuple(str(number + 1) for number in range(measures)),
        measure_ticks=np.full(measures, bar_ticks, dtype=np.int64),
        own_ticks=np.full((len(voices), measures), bar_ticks, dtype=np.int64),
        keys=tuple(KeyChange(index, 0, 0, signature, key.mode) for index in parts),
        times=tuple(TimeChange(index, 0, 0, metre.text, bar_ticks) for index in parts),
    )


def _rows(part: int, tone: Tone, bar_ticks: int, beat_ticks: int) -> list[tuple[int, ...]]:
    """Return a note or rest as rows of a table, split at barlines and into tied notatable values."""
    cuts: list[tuple[int, int]] = []
    at, end = tone.start, tone.start + tone.length
    while at < end:
        until = min(end, (at // bar_ticks + 1) * bar_ticks)
        cuts += _values(at, until, bar_ticks, beat_ticks)
        at = until
    step, alter, octave = (0, 0, 0) if tone.pitch == REST else _spelled(tone.pitch, tone.fifths)
    rows: list[tuple[int, ...]] = []
    for index, (begin, until) in enumerate(cuts):
        ties = (NO_TIE, TIE_STOP, TIE_START, TIE_CONTINUE)
        tie = NO_TIE if tone.pitch == REST else ties[(index > 0) + 2 * (index + 1 < len(cuts))]
        kind = REST_ROW if tone.pitch == REST else NOTE
        rows.append(
            (part, begin // bar_ticks, begin % bar_ticks, until - begin, kind, step, alter, octave, tie)
        )
    return rows


def _values(begin: int, end: int, bar_ticks: int, beat_ticks: int) -> list[tuple[int, int]]:
    """Return a time span within a bar as spans of one note value each, split at beats if necessary."""
    if _is_value(end - begin):
        return [(begin, end)]
    offset = begin % bar_ticks
    beats = range((offset // beat_ticks + 1) * beat_ticks, offset + end - begin, beat_ticks)
    first = next((cut for cut in reversed(beats) if _is_value(cut - offset)), None)
    if first is None:
        return [(begin, end)]
    until = begin + first - offset
    return [(begin, until), *_values(until, end, bar_ticks, beat_ticks)]


def _is_value(ticks: int) -> bool:
    value = note_value(Fraction(ticks, TICKS))
    return value is not None and value.dots <= _MOST_DOTS and value.actual in (1, 3)


def _spelled(pitch: int, fifths: int) -> tuple[int, int, int]:
    """Return step, alteration in cents and octave; names with more than two accidentals are respelled."""
    while fifths > _MOST_FIFTHS:
        fifths -= 12
    while fifths < _LEAST_FIFTHS:
        fifths += 12
    step, cents = name_at(fifths)
    natural = pitch - cents // 100
    return step, cents, natural // 12 - 1


_MOST_FIFTHS: Final = 19
_LEAST_FIFTHS: Final = -15
"""Places of B double sharp and F double flat on the line of fifths."""
