"""Formats that music21 reads: Humdrum, ABC, MIDI, MEI, tiny notation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from music21_server import notes
from music21_server.errors import UnreadableScore
from music21_server.limits import Limits
from music21_server.notes import (
    NOTE,
    REST,
    UNPITCHED,
    ChordSymbol,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)

FORMATS: Final = {
    "humdrum": "humdrum",
    "abc": "abc",
    "midi": "midi",
    "mei": "mei",
    "tinynotation": "tinyNotation",
}
"""Our names of formats, and music21's."""

_TIE: Final = {"start": notes.TIE_START, "stop": notes.TIE_STOP, "continue": notes.TIE_CONTINUE}
_FINEST: Final = 2**40
_MOST_DENOMINATOR: Final = 65535
"""music21 keeps no finer fractions."""


def read_through_music21(source: str | bytes, kind: str, limits: Limits) -> Score:
    """Read a document in one of `FORMATS`.

    Args:
        source: The document; bytes for MIDI, text for the others.
        kind: The format.
        limits: How large the score may be.

    Raises:
        UnreadableScore: music21 cannot read it.
        TooMuchScore: It is beyond a limit.
    """
    from music21 import converter, stream

    limits.check("max_source_bytes", len(source))
    try:
        parsed: Any = converter.parseData(source, format=FORMATS[kind])
    except Exception as error:
        raise UnreadableScore(f"Expected {kind}, got something that music21 cannot read: {error}.") from error
    if isinstance(parsed, stream.Opus):
        parsed = parsed.mergeScores()
    if not isinstance(parsed, stream.Score):
        score: Any = stream.Score()
        score.insert(0, parsed)
        parsed = score
    return score_of(parsed, limits)


def score_of(parsed: Any, limits: Limits) -> Score:
    """Return the columns of a score of music21.

    Raises:
        UnreadableScore: It has no part.
        TooMuchScore: It is beyond a limit.
    """
    parts = list(parsed.parts)
    if not parts:
        raise UnreadableScore("Expected a score with at least one part, got none.")
    limits.check("max_parts", len(parts))
    collected = _Collected(limits)
    for part in parts:
        collected.take(part)
    metadata = parsed.metadata
    return collected.score(
        title=str((metadata.title if metadata else None) or ""),
        composer=str((metadata.composer if metadata else None) or ""),
    )


class _Collected:
    """Rows of all parts, with times as fractions until the finest is known."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows: list[tuple[Any, ...]] = []
        self._parts: list[Part] = []
        self._numbers: list[list[str]] = []
        self._lengths: list[list[Fraction]] = []
        self._marks: list[tuple[Fraction, Callable[[int, int], _Mark]]] = []
        self._denominators: set[int] = {1}

    def take(self, part: Any) -> None:
        """Take a part."""
        from music21 import stream

        index = len(self._parts)
        if not part.hasMeasures():
            part = part.makeMeasures()
        measures = list(part.getElementsByClass(stream.Measure))
        self._limits.check("max_measures", len(measures))
        self._parts.append(Part(str(part.id), str(part.partName or ""), 0, tuple(_transpositions(part))))
        self._numbers.append([f"{measure.number}{measure.numberSuffix or ''}" for measure in measures])
        starts = [_exact(part.elementOffset(measure)) for measure in measures]
        ends = [*starts[1:], starts[-1] + _exact(measures[-1].highestTime) if measures else Fraction(0)]
        self._lengths.append([self._fraction(end - start) for start, end in zip(starts, ends, strict=False)])
        for number, measure in enumerate(measures):
            self._take_measure(index, number, measure)
        self._limits.check("max_notes", len(self._rows))

    def _take_measure(self, part: int, number: int, measure: Any) -> None:
        voices = {voice: index for index, voice in enumerate(measure.voices)}
        for element in measure.recurse().notesAndRests:
            onset = self._fraction(_exact(element.getOffsetInHierarchy(measure)))
            if "ChordSymbol" in element.classes:
                figure = str(element.figure)
                self._mark(onset, lambda ticks, unit, f=figure: ChordSymbol(part, number, ticks, f))
                continue
            duration = self._fraction(_exact(element.quarterLength))
            voice = voices.get(element.activeSite, 0)
            for row in _rows_of(element):
                self._rows.append((part, number, onset, duration, *row, voice))
        self._take_marks(part, number, measure)

    def _take_marks(self, part: int, number: int, measure: Any) -> None:
        for element in measure.recurse().getElementsByClass(
            ["KeySignature", "TimeSignature", "MetronomeMark"]
        ):
            onset = self._fraction(_exact(element.getOffsetInHierarchy(measure)))
            if "KeySignature" in element.classes:
                fifths, mode = int(element.sharps or 0), str(getattr(element, "mode", "") or "")
                self._mark(onset, lambda ticks, unit, f=fifths, m=mode: KeyChange(part, number, ticks, f, m))
            elif "TimeSignature" in element.classes:
                bar = self._fraction(_exact(element.barDuration.quarterLength))
                text = str(element.ratioString)
                self._mark(
                    onset,
                    lambda ticks, unit, t=text, b=bar: TimeChange(part, number, ticks, t, int(b * unit)),
                )
            else:
                beats = element.getQuarterBPM()
                if beats:
                    self._mark(onset, lambda ticks, unit, b=float(beats): TempoChange(part, number, ticks, b))

    def _mark(self, onset: Fraction, make: Callable[[int, int], _Mark]) -> None:
        self._marks.append((onset, make))

    def _fraction(self, quarters: Fraction) -> Fraction:
        self._denominators.add(quarters.denominator)
        return quarters

    def score(self, *, title: str, composer: str) -> Score:
        """Return the score."""
        unit = math.lcm(*self._denominators)
        if unit > _FINEST:
            raise UnreadableScore(
                f"Expected times that fit a common grid, got one of 1/{unit:,} quarter notes."
            )
        table = _table(self._rows, unit)
        most = max(len(lengths) for lengths in self._lengths)
        own = np.full((len(self._parts), most), -1, dtype=np.int64)
        for index, lengths in enumerate(self._lengths):
            own[index, : len(lengths)] = [int(length * unit) for length in lengths]
        marks = [make(int(onset * unit), unit) for onset, make in self._marks]
        return Score(
            title=title,
            composer=composer,
            parts=tuple(self._parts),
            notes=table,
            measure_numbers=tuple(max(self._numbers, key=len)),
            measure_ticks=own.max(axis=0, initial=0),
            own_ticks=own,
            keys=tuple(mark for mark in marks if isinstance(mark, KeyChange)),
            times=tuple(mark for mark in marks if isinstance(mark, TimeChange)),
            tempos=tuple(mark for mark in marks if isinstance(mark, TempoChange)),
            chord_symbols=tuple(mark for mark in marks if isinstance(mark, ChordSymbol)),
        )


_Mark = KeyChange | TimeChange | TempoChange | ChordSymbol

_FIELDS: Final = (
    "part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie", "grace", "cue",
    "voice",
)  # fmt: skip


def _table(rows: list[tuple[Any, ...]], unit: int) -> NoteTable:
    ticks = [(*row[:2], int(row[2] * unit), int(row[3] * unit), *row[4:]) for row in rows]
    values = np.array(ticks, dtype=np.int64).reshape(-1, len(_FIELDS))
    columns: dict[str, Any] = {name: values[:, index] for index, name in enumerate(_FIELDS)}
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(**columns, node=np.arange(len(values), dtype=np.int64), ticks_per_quarter=unit)


def _rows_of(element: Any) -> Iterator[tuple[int, int, int, int, int, bool, bool]]:
    """Yield kind, step, alteration, octave, tie, grace and cue of what sounds in a note, chord or rest."""
    grace = bool(element.duration.isGrace)
    if element.isRest:
        yield REST, 0, 0, 4, notes.NO_TIE, grace, False
        return
    for note in element.notes if element.isChord else [element]:
        tie = _TIE.get(note.tie.type, notes.TIE_OTHER) if note.tie is not None else notes.NO_TIE
        if not hasattr(note, "pitch"):
            yield (
                UNPITCHED,
                notes.STEPS.index(note.displayStep),
                0,
                int(note.displayOctave),
                tie,
                grace,
                False,
            )
            continue
        pitch = note.pitch
        cents = round(pitch.alter * 100)
        yield NOTE, notes.STEPS.index(pitch.step), cents, int(pitch.implicitOctave), tie, grace, False


def _transpositions(part: Any) -> Iterator[Transposition]:
    if part.atSoundingPitch is True:
        return
    for instrument in part.recurse().getElementsByClass("Instrument"):
        interval = instrument.transposition
        if interval is not None:
            diatonic = interval.generic.staffDistance
            yield Transposition(0, int(diatonic), int(interval.semitones))
            return


def _exact(quarters: Any) -> Fraction:
    return Fraction(quarters).limit_denominator(_MOST_DENOMINATOR)
