"""Lays out melody and voices as a score: up to four voices on two staves, more on one staff each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.segments import Segment
from music21_server.composition.harmonization.tonality import Tonality
from music21_server.composition.harmonization.voicings import VoiceRange
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    ChordSymbol,
    Integers,
    KeyChange,
    NoteTable,
    Part,
    Score,
)
from music21_server.theory.time.positions import Clock
from music21_server.writing.note_values import note_value

_STAVES: Final = {2: ((0,), (1,)), 3: ((0, 1), (2,)), 4: ((0, 1), (2, 3))}
"""Voices of each staff, by the number of voices."""

_COLUMNS: Final = (
    "part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie", "grace", "cue",
    "voice",
)  # fmt: skip

Row = dict[str, int]


@dataclass(frozen=True)
class Span:
    """A chord in one voicing, over one or more segments.

    Attributes:
        start: Ticks since the beginning of the score.
        end: Ticks since the beginning of the score.
        segment: Index of its first segment.
        chord: The chord.
        pitches: MIDI numbers of the voices below the melody, the highest first.
    """

    start: int
    end: int
    segment: int
    chord: Chord
    pitches: tuple[int, ...]


def chord_spans(segments: Sequence[Segment], chords: Sequence[Chord], pitches: Integers) -> tuple[Span, ...]:
    """Return the spans of the chords; segments with the same chord and voicing are merged.

    Args:
        segments: Segments of the melody.
        chords: Chord of each segment.
        pitches: MIDI numbers, segments by voices below the melody.
    """
    spans: list[Span] = []
    for index, (segment, chord, row) in enumerate(zip(segments, chords, pitches.tolist(), strict=True)):
        last = spans[-1] if spans else None
        notes = tuple(row)
        if last and last.end == segment.start and (last.chord, last.pitches) == (chord, notes):
            spans[-1] = replace(last, end=segment.end)
        else:
            spans.append(Span(segment.start, segment.end, index, chord, notes))
    return tuple(spans)


def lay_out(
    melody: Melody,
    key: Tonality,
    spans: Sequence[Span],
    below: tuple[VoiceRange, ...],
    *,
    title: str,
    symbols: Sequence[str] = (),
) -> Score:
    """Return the score; the rows of the melody are copied unchanged.

    Args:
        melody: Melody on top.
        key: Key whose signature is written if the melody has none.
        spans: Chords with their voices, in order.
        below: Voices below the melody.
        symbols: Chord symbol of each span; empty if none are written.
    """
    score = melody.score
    names = ["Melody", *(voice.name for voice in below)]
    staves = _STAVES.get(len(names), tuple((voice,) for voice in range(len(names))))
    rows: list[Row] = []
    for part, voices in enumerate(staves):
        own: list[Row] = []
        for place, voice in enumerate(voices):
            at = {"part": part, "voice": place}
            new_rows = _melody_rows(score) if voice == 0 else _voice_rows(score, spans, voice - 1)
            own.extend({**row, **at} for row in new_rows)
        rows.extend(sorted(own, key=lambda row: (row["measure"], row["voice"])))
    keys = score.keys or (KeyChange(0, 0, 0, key.signature, key.mode),)
    parts = range(len(staves))
    return replace(
        score,
        title=title,
        parts=tuple(
            Part(f"P{part + 1}", ", ".join(names[voice] for voice in voices))
            for part, voices in enumerate(staves)
        ),
        notes=_table(rows, score.notes.ticks_per_quarter),
        own_ticks=np.tile(score.measure_ticks, (len(staves), 1)),
        keys=tuple(replace(change, part=part) for part in parts for change in keys),
        times=tuple(replace(change, part=part) for part in parts for change in score.times),
        chord_symbols=tuple(_symbols(score, spans, symbols)),
    )


def _melody_rows(score: Score) -> Iterator[Row]:
    columns = [name for name in _COLUMNS if name not in ("part", "voice")]
    for values in zip(*(getattr(score.notes, name).tolist() for name in columns), strict=True):
        yield dict(zip(columns, map(int, values), strict=True))


def _voice_rows(score: Score, spans: Sequence[Span], voice: int) -> Iterator[Row]:
    """Yield the notes and rests of a voice, split at barlines and into notatable values."""
    splitter = _NoteSplitter(score)
    now = 0
    for span in spans:
        for place in splitter.pieces(now, span.start):
            yield _row(place, kind=REST)
        pieces = list(splitter.pieces(span.start, span.end))
        name = span.chord.name_of(span.pitches[voice] % 12)
        # C flat is in the octave above the B that it sounds as.
        octave = (span.pitches[voice] - name[1] // 100) // 12 - 1
        for index, place in enumerate(pieces):
            is_first, is_last = index == 0, index == len(pieces) - 1
            tie = (NO_TIE if is_last else TIE_START) if is_first else (TIE_STOP if is_last else TIE_CONTINUE)
            yield _row(place, kind=NOTE, step=name[0], alter_cents=name[1], octave=octave, tie=tie)
        now = span.end
    for place in splitter.pieces(now, int(score.measure_starts[-1])):
        yield _row(place, kind=REST)


def _row(place: tuple[int, int, int], **others: int) -> Row:
    measure, onset, duration = place
    defaults = {"step": 0, "alter_cents": 0, "octave": 4, "tie": NO_TIE, "grace": 0, "cue": 0}
    return {**defaults, "measure": measure, "onset": onset, "duration": duration, **others}


class _NoteSplitter:
    """Splits a time span into notatable values."""

    def __init__(self, score: Score) -> None:
        self._starts = score.measure_starts.tolist()
        self._beats = Clock(score).beat_ticks
        self._unit = score.notes.ticks_per_quarter

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield bar, onset and duration of each piece."""
        bar = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < end:
            stop = min(end, self._starts[bar + 1])
            for length in self._values(bar, stop - start):
                yield bar, start - self._starts[bar], length
                start += length
            bar += 1

    def _values(self, bar: int, ticks: int) -> Iterator[int]:
        while ticks:
            length = ticks if self._is_notatable(ticks) else self._largest(self._beats[bar], ticks)
            yield length
            ticks -= length

    def _largest(self, beat: int, ticks: int) -> int:
        """Return the longest value of whole beats that fits; all ticks if there is none."""
        for beats in range(ticks // beat, 0, -1):
            if self._is_notatable(beats * beat):
                return beats * beat
        return ticks

    def _is_notatable(self, ticks: int) -> bool:
        value = note_value(Fraction(ticks, self._unit))
        return value is not None and value.dots <= 1 and value.actual == 1


def _table(rows: list[Row], ticks_per_quarter: int) -> NoteTable:
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows], dtype=np.int64) for name in _COLUMNS
    }
    columns |= {name: columns[name].astype(np.bool_) for name in ("grace", "cue")}
    return NoteTable(**columns, node=np.arange(len(rows)), ticks_per_quarter=ticks_per_quarter)


def _symbols(score: Score, spans: Sequence[Span], symbols: Sequence[str]) -> Iterator[ChordSymbol]:
    before: Chord | None = None
    for span, text in zip(spans, symbols, strict=False):
        if span.chord != before:
            measure = int(np.searchsorted(score.measure_starts, span.start, side="right")) - 1
            yield ChordSymbol(0, measure, span.start - int(score.measure_starts[measure]), text)
        before = span.chord
