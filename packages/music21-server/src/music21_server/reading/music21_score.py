"""Conversion of a music21 score to columns."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.exact_rows import ExactRows, PartMeasures
from music21_server.score import table
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NOTE,
    REST,
    UNPITCHED,
    ChordSymbol,
    Fermata,
    KeyChange,
    Part,
    Score,
    TempoChange,
    Transposition,
)

_TIE: Final = {"start": table.TIE_START, "stop": table.TIE_STOP, "continue": table.TIE_CONTINUE}
_MOST_DENOMINATOR: Final = 65535
"""Largest denominator of the fractions that music21 keeps."""

_MOST_ALTER_CENTS: Final = 1200
_LOWEST_OCTAVE, _HIGHEST_OCTAVE = -5, 15
_MOST_SEMITONES: Final = 120


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
    """Collects all parts."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows = ExactRows(limits)
        self._parts: list[PartMeasures] = []

    def take(self, part: Any) -> None:
        """Take a part."""
        from music21 import stream

        if not part.hasMeasures():
            part = part.makeMeasures()
        measures = list(part.getElementsByClass(stream.Measure))
        self._limits.check("max_measures", len(measures))
        for number, measure in enumerate(measures):
            self._take_measure(len(self._parts), number, measure)
        self._rows.check_notes()
        starts = [_exact(part.elementOffset(measure)) for measure in measures]
        ends = [*starts[1:], starts[-1] + _exact(measures[-1].highestTime)] if measures else []
        self._parts.append(
            PartMeasures(
                Part(str(part.id), str(part.partName or ""), 0, tuple(_transpositions(part))),
                [f"{measure.number}{measure.numberSuffix or ''}" for measure in measures],
                [end - start for start, end in zip(starts, ends, strict=True)],
            )
        )

    def _take_measure(self, part: int, number: int, measure: Any) -> None:
        from music21 import expressions, harmony

        voices = {id(voice): index for index, voice in enumerate(measure.voices)}
        for element in measure.recurse().notesAndRests:
            onset = _exact(element.getOffsetInHierarchy(measure))
            if isinstance(element, harmony.Harmony):
                self._rows.add_mark(part, number, onset, ChordSymbol, str(element.figure))
                continue
            duration = _exact(element.quarterLength)
            voice = voices.get(id(element.activeSite), 0)
            for row in _rows_of(element):
                self._rows.add(part, number, onset, duration, *row, voice)
            if any(isinstance(each, expressions.Fermata) for each in element.expressions):
                self._rows.add_mark(part, number, onset, Fermata)
        self._take_marks(part, number, measure)

    def _take_marks(self, part: int, number: int, measure: Any) -> None:
        from music21 import key, meter, tempo

        for element in measure.recurse().getElementsByClass(
            (key.KeySignature, meter.TimeSignature, tempo.MetronomeMark)
        ):
            onset = _exact(element.getOffsetInHierarchy(measure))
            if isinstance(element, key.KeySignature):
                mode = str(getattr(element, "mode", "") or "")
                self._rows.add_mark(part, number, onset, KeyChange, int(element.sharps or 0), mode)
            elif isinstance(element, meter.TimeSignature):
                length = _exact(element.barDuration.quarterLength)
                self._rows.add_time(part, number, onset, str(element.ratioString), length)
            else:
                quarters_per_minute = element.getQuarterBPM()
                if quarters_per_minute:
                    self._rows.add_mark(part, number, onset, TempoChange, float(quarters_per_minute))

    def score(self, *, title: str, composer: str) -> Score:
        """Return the score."""
        return self._rows.score(self._parts, title=title, composer=composer)


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
