"""Conversion of a music21 score to columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from music21_server.errors import UnreadableScoreError
from music21_server.reading.part_builder import FINEST
from music21_server.reading.staves import COLUMNS, Mark, fields_of
from music21_server.score import table
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NOTE,
    REST,
    UNPITCHED,
    ChordSymbol,
    Fermata,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)

_TIE: Final = {"start": table.TIE_START, "stop": table.TIE_STOP, "continue": table.TIE_CONTINUE}
_LONGEST_QUARTERS: Final = 2**22
_MOST_DENOMINATOR: Final = 65535
"""Largest denominator of the fractions that music21 keeps."""

_MOST_ALTER_CENTS: Final = 1200
_LOWEST_OCTAVE, _HIGHEST_OCTAVE = -5, 15
_MOST_SEMITONES: Final = 120

_FIELDS: Final = COLUMNS[:-1]
"""Columns of a row; `node` is the number of the row."""


def columns_of(parsed: Any, limits: Limits) -> Score:
    """Return a music21 score as columns.

    Raises:
        UnreadableScoreError: The score has no part, or a value out of range.
        TooMuchScoreError: The score exceeds a limit.
    """
    parts = list(parsed.parts)
    if not parts:
        raise UnreadableScoreError("Expected a score with at least one part, got none.")
    limits.check("max_parts", len(parts))
    collector = _Collector(limits)
    for part in parts:
        collector.take(part)
    metadata = parsed.metadata
    return collector.score(
        title=str((metadata.title if metadata else None) or ""),
        composer=str((metadata.composer if metadata else None) or ""),
    )


class _Collector:
    """Collects all parts, with times as fractions until their common denominator is certain."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows: list[tuple[Any, ...]] = []
        self._parts: list[Part] = []
        self._numbers: list[list[str]] = []
        self._lengths: list[list[Fraction]] = []
        self._marks: list[tuple[Fraction, Callable[[int, int], Mark]]] = []
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
        ends = [*starts[1:], starts[-1] + _exact(measures[-1].highestTime)] if measures else []
        self._lengths.append([self._checked(end - start) for start, end in zip(starts, ends, strict=True)])
        for number, measure in enumerate(measures):
            self._take_measure(index, number, measure)
        self._limits.check("max_notes", len(self._rows))

    def _take_measure(self, part: int, number: int, measure: Any) -> None:
        from music21 import expressions, harmony

        voices = {id(voice): index for index, voice in enumerate(measure.voices)}
        for element in measure.recurse().notesAndRests:
            onset = self._checked(_exact(element.getOffsetInHierarchy(measure)))
            if isinstance(element, harmony.Harmony):
                self._add_mark(onset, ChordSymbol, part, number, str(element.figure))
                continue
            duration = self._checked(_exact(element.quarterLength))
            voice = voices.get(id(element.activeSite), 0)
            for row in _rows_of(element):
                self._rows.append((part, number, onset, duration, *row, voice))
            if any(isinstance(each, expressions.Fermata) for each in element.expressions):
                self._add_mark(onset, Fermata, part, number)
        self._take_marks(part, number, measure)

    def _take_marks(self, part: int, number: int, measure: Any) -> None:
        from music21 import key, meter, tempo

        for element in measure.recurse().getElementsByClass(
            (key.KeySignature, meter.TimeSignature, tempo.MetronomeMark)
        ):
            onset = self._checked(_exact(element.getOffsetInHierarchy(measure)))
            if isinstance(element, key.KeySignature):
                mode = str(getattr(element, "mode", "") or "")
                self._add_mark(onset, KeyChange, part, number, int(element.sharps or 0), mode)
            elif isinstance(element, meter.TimeSignature):
                length = self._checked(_exact(element.barDuration.quarterLength))
                text = str(element.ratioString)
                self._marks.append((onset, _time_change(part, number, text, length)))
            else:
                quarters_per_minute = element.getQuarterBPM()
                if quarters_per_minute:
                    self._add_mark(onset, TempoChange, part, number, float(quarters_per_minute))

    def _add_mark(
        self, onset: Fraction, kind: Callable[..., Mark], part: int, number: int, *values: Any
    ) -> None:
        self._marks.append((onset, lambda ticks, _unit: kind(part, number, ticks, *values)))

    def _checked(self, quarters: Fraction) -> Fraction:
        """Return a time that is in range, and remember its denominator."""
        if not 0 <= quarters <= _LONGEST_QUARTERS:
            raise UnreadableScoreError(
                f"Expected times of at most {_LONGEST_QUARTERS:,} quarter notes, got {float(quarters):,}."
            )
        self._denominators.add(quarters.denominator)
        return quarters

    def score(self, *, title: str, composer: str) -> Score:
        """Return the score."""
        unit = math.lcm(*self._denominators)
        if unit > FINEST:
            raise UnreadableScoreError(
                f"Expected times with at most {FINEST:,} ticks per quarter note, got {unit:,}."
            )
        longest: list[str] = max(self._numbers, key=len)
        own = np.full((len(self._parts), len(longest)), -1, dtype=np.int64)
        for index, lengths in enumerate(self._lengths):
            own[index, : len(lengths)] = [int(length * unit) for length in lengths]
        marks = [make(int(onset * unit), unit) for onset, make in self._marks]
        return Score(
            title=title,
            composer=composer,
            parts=tuple(self._parts),
            notes=_table(self._rows, unit),
            measure_numbers=tuple(longest),
            measure_ticks=own.max(axis=0, initial=0),
            own_ticks=own,
            **fields_of(marks),
        )


def _time_change(part: int, number: int, text: str, length: Fraction) -> Callable[[int, int], TimeChange]:
    return lambda ticks, unit: TimeChange(part, number, ticks, text, int(length * unit))


def _table(rows: list[tuple[Any, ...]], unit: int) -> NoteTable:
    ticks = [(*row[:2], int(row[2] * unit), int(row[3] * unit), *row[4:]) for row in rows]
    values = np.array(ticks, dtype=np.int64).reshape(-1, len(_FIELDS))
    columns: dict[str, Any] = {name: values[:, index] for index, name in enumerate(_FIELDS)}
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(**columns, node=np.arange(len(values), dtype=np.int64), ticks_per_quarter=unit)


def _rows_of(element: Any) -> Iterator[tuple[int, int, int, int, int, bool, bool]]:
    """Yield kind, step, alteration, octave, tie, grace and cue of a rest or of each note."""
    grace = bool(element.duration.isGrace)
    if element.isRest:
        yield REST, 0, 0, 4, table.NO_TIE, grace, False
        return
    for note in getattr(element, "notes", [element]):
        tie = _TIE.get(note.tie.type, table.TIE_OTHER) if note.tie is not None else table.NO_TIE
        if not hasattr(note, "pitch"):
            step = table.STEPS.index(note.displayStep)
            yield UNPITCHED, step, 0, int(note.displayOctave), tie, grace, False
            continue
        yield NOTE, *_pitch(note.pitch), tie, grace, False


def _pitch(pitch: Any) -> tuple[int, int, int]:
    """Return step, alteration and octave."""
    cents, octave = round(pitch.alter * 100), int(pitch.implicitOctave)
    if abs(cents) > _MOST_ALTER_CENTS or not _LOWEST_OCTAVE <= octave <= _HIGHEST_OCTAVE:
        raise UnreadableScoreError(
            f"Expected pitches of octaves {_LOWEST_OCTAVE} to {_HIGHEST_OCTAVE}, altered by at most "
            f"{_MOST_ALTER_CENTS // 100} semitones, got {pitch.nameWithOctave[:40]}."
        )
    return table.STEPS.index(pitch.step), cents, octave


def _transpositions(part: Any) -> Iterator[Transposition]:
    # Only these parts are transposed: kern and MIDI name instruments, but their notes are in concert pitch.
    if part.atSoundingPitch is not False:
        return
    for instrument in part.recurse().getElementsByClass("Instrument"):
        interval = instrument.transposition
        if interval is not None:
            diatonic, chromatic = int(interval.generic.staffDistance), int(interval.semitones)
            if abs(chromatic) > _MOST_SEMITONES:
                raise UnreadableScoreError(
                    f"Expected an instrument that transposes by at most {_MOST_SEMITONES} semitones, got "
                    f"{chromatic}."
                )
            yield Transposition(0, diatonic, chromatic)
            return


def _exact(quarters: Any) -> Fraction:
    return Fraction(quarters).limit_denominator(_MOST_DENOMINATOR)
