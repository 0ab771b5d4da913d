"""A MIDI file as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from music21_server.errors import UnreadableScoreError
from music21_server.reading.midi.events import KeySignature, MidiFile, read_events
from music21_server.reading.midi.grid import GridTimes, to_grid
from music21_server.reading.midi.instruments import DRUM_CHANNEL, drum_place, program_name
from music21_server.reading.midi.measures import Measures, measures_of
from music21_server.reading.midi.places import TickedNotes
from music21_server.reading.midi.voices import Piece, PlayedNote, in_voices
from music21_server.reading.staves import COLUMNS
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NOTE,
    REST,
    UNPITCHED,
    DrumSound,
    Integers,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
)
from music21_server.theory.pitch.ps13 import spell

_DRUM_NAME: Final = "Drumset"
_REST_COLUMNS: Final = (REST, 0, 0, 4)


def read_midi(source: bytes, limits: Limits) -> Score:
    """Return the score in a MIDI file.

    Time signatures hold for all tracks. Onsets become note values on the finest grid that the file itself
    needs; notes that programs shortened get their written length. Pitches are spelled by key signature and
    context. A channel of a track is a part; channel 10 is percussion.

    Raises:
        UnreadableScoreError: The file is broken, or a free performance without beats.
        TooMuchScoreError: The score exceeds a limit.
    """
    file = read_events(source, limits)
    if not len(file.notes):
        raise UnreadableScoreError("Expected a MIDI file with at least one note, got none.")
    voices = _parts(file)
    limits.check("max_parts", len(voices.parts))
    notes = file.notes
    measures = measures_of(file.time_signatures, int(notes.end.max()), file.ticks_per_quarter, limits)
    times = to_grid(
        TickedNotes(notes.start, notes.end, voices.part_of_note, measures, file.ticks_per_quarter)
    )
    spelled = _spelled(file, times, voices.is_drum)
    rows = _rows(file, voices, times, spelled, limits)
    marks = _Marks(file, measures, times, len(voices.parts))
    lengths = np.diff(times.measure_units)
    return Score(
        title=_title(file, voices),
        composer="",
        parts=voices.parts,
        notes=_table(rows, times.units_per_quarter),
        measure_numbers=tuple(str(index + 1) for index in range(len(lengths))),
        measure_ticks=lengths,
        own_ticks=np.tile(lengths, (len(voices.parts), 1)),
        keys=marks.keys(),
        times=marks.times(),
        tempos=marks.tempos(),
        remarks=_remarks(file, times, measures),
    )


@dataclass(frozen=True)
class _PartsOfFile:
    """Parts, the part of each note, which notes are drums, and the tracks that have notes."""

    parts: tuple[Part, ...]
    part_of_note: Integers
    is_drum: np.ndarray
    tracks: frozenset[int]


def _parts(file: MidiFile) -> _PartsOfFile:
    """Return the parts: channels of a track, together if they play the same program."""
    notes = file.notes
    pairs = np.unique(np.stack([notes.track, notes.channel], axis=1), axis=0).tolist()
    sounds = [
        (track, DRUM_CHANNEL, -1)
        if channel == DRUM_CHANNEL
        else (track, -1, file.programs.get((track, channel), _program_of_channel(file, channel)))
        for track, channel in pairs
    ]
    distinct = list(dict.fromkeys(sounds))
    several = {track for track, *_ in distinct if sum(each[0] == track for each in distinct) > 1}
    lookup = np.zeros((int(notes.track.max()) + 1, 16), dtype=np.int64)
    for (track, channel), sound in zip(pairs, sounds, strict=True):
        lookup[track, channel] = distinct.index(sound)
    part_of_note = lookup[notes.track, notes.channel]
    parts = []
    for index, (track, drums, program) in enumerate(distinct):
        is_drums = drums == DRUM_CHANNEL
        keys = sorted(set(notes.key[part_of_note == index].tolist())) if is_drums else []
        parts.append(
            Part(
                identity=f"P{index + 1}",
                name=_name(file, track, program, is_drums=is_drums, is_alone=track not in several),
                program=None if is_drums else program,
                drums=_drum_sounds(keys),
            )
        )
    return _PartsOfFile(
        tuple(parts),
        part_of_note,
        notes.channel == DRUM_CHANNEL,
        frozenset(int(track) for track, _ in pairs),
    )


def _program_of_channel(file: MidiFile, channel: int) -> int:
    """Return the program that another track sets for a channel; a piano if none does."""
    return next((program for (_, own), program in file.programs.items() if own == channel), 0)


def _name(file: MidiFile, track: int, program: int, *, is_drums: bool, is_alone: bool) -> str:
    instrument = _DRUM_NAME if is_drums else program_name(program)
    printed = file.track_names.get(track, "")
    if is_alone:
        return printed or file.instrument_names.get(track, "") or instrument
    return instrument


def _drum_sounds(keys: Sequence[int]) -> tuple[DrumSound, ...]:
    sounds = []
    for key in keys:
        step, octave = drum_place(key)
        sounds.append(DrumSound(octave * 7 + step, key))
    return tuple(sounds)


def _title(file: MidiFile, voices: _PartsOfFile) -> str:
    """Return the name of the first track if it names the piece: it has no notes, or it is not a part's."""
    name = file.track_names.get(0, "")
    is_part = 0 in voices.tracks and any(part.name == name for part in voices.parts)
    return "" if is_part else name


def _spelled(file: MidiFile, times: GridTimes, is_drum: np.ndarray) -> np.ndarray:
    """Return step, alteration in cents and octave of each note."""
    keys = file.notes.key
    spelled = np.zeros((3, len(keys)), dtype=np.int64)
    for key in np.unique(keys[is_drum]).tolist():
        step, octave = drum_place(key)
        spelled[:, is_drum & (keys == key)] = np.array([[step], [0], [octave]])
    pitched = np.flatnonzero(~is_drum)
    order = pitched[np.lexsort((keys[pitched], times.start[pitched]))]
    steps, alterations, octaves = spell(keys[order], _signatures(file, order))
    spelled[:, order] = np.stack([steps, alterations * 100, octaves])
    return spelled


def _signatures(file: MidiFile, order: Integers) -> Integers | None:
    if not file.key_signatures:
        return None
    ticks = np.array([each.tick for each in file.key_signatures], dtype=np.int64)
    fifths = np.array([each.fifths for each in file.key_signatures], dtype=np.int64)
    in_force = np.searchsorted(ticks, file.notes.start[order], side="right") - 1
    return fifths[np.maximum(in_force, 0)]


def _rows(
    file: MidiFile, voices: _PartsOfFile, times: GridTimes, spelled: np.ndarray, limits: Limits
) -> list[tuple[int, ...]]:
    measure_units = times.measure_units.tolist()
    starts, ends, keys = times.start.tolist(), times.end.tolist(), file.notes.key.tolist()
    step, alteration, octave = (column.tolist() for column in spelled)
    rows: list[tuple[int, ...]] = []
    for part in range(len(voices.parts)):
        own = np.flatnonzero(voices.part_of_note == part).tolist()
        played = [PlayedNote(index, starts[index], ends[index], keys[index]) for index in own]
        kind = UNPITCHED if voices.parts[part].drums else NOTE
        for piece in in_voices(played, measure_units, times.units_per_quarter):
            note = piece.note
            pitch = _REST_COLUMNS if note < 0 else (kind, step[note], alteration[note], octave[note])
            rows.append(_row(part, piece, pitch))
        limits.check("max_notes", len(rows))
    return rows


def _row(part: int, piece: Piece, pitch: tuple[int, ...]) -> tuple[int, ...]:
    return (part, piece.measure, piece.onset, piece.length, *pitch, piece.tie, 0, 0, piece.voice)


def _table(rows: list[tuple[int, ...]], ticks_per_quarter: int) -> NoteTable:
    names = COLUMNS[:-1]
    values = np.array(rows, dtype=np.int64).reshape(-1, len(names))
    columns: dict[str, Any] = {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}
    for flag in ("grace", "cue"):
        columns[flag] = columns[flag].astype(np.bool_)
    return NoteTable(
        **columns, node=np.arange(len(values), dtype=np.int64), ticks_per_quarter=ticks_per_quarter
    )


@dataclass(frozen=True)
class _Marks:
    """Signatures and tempos at their places in the score."""

    file: MidiFile
    measures: Measures
    units: GridTimes
    parts: int

    def keys(self) -> tuple[KeyChange, ...]:
        changes: list[KeySignature] = []
        for each in self.file.key_signatures:
            if not changes or (changes[-1].fifths, changes[-1].mode) != (each.fifths, each.mode):
                changes.append(each)
        return tuple(
            KeyChange(part, *self._place(each.tick), each.fifths, each.mode)
            for part in range(self.parts)
            for each in changes
            if self._is_inside(each.tick)
        )

    def times(self) -> tuple[TimeChange, ...]:
        quarter = self.units.units_per_quarter
        return tuple(
            TimeChange(
                part,
                measure,
                0,
                f"{each.numerator}/{each.denominator}",
                each.numerator * 4 * quarter // each.denominator,
            )
            for part in range(self.parts)
            for measure, each in self.measures.changes
        )

    def tempos(self) -> tuple[TempoChange, ...]:
        return tuple(
            TempoChange(0, *self._place(each.tick), each.quarters_per_minute)
            for each in self.file.tempos
            if self._is_inside(each.tick)
        )

    def _is_inside(self, tick: int) -> bool:
        return tick < int(self.measures.starts[-1])

    def _place(self, tick: int) -> tuple[int, int]:
        measure = int(self.measures.at(np.array([tick]))[0])
        length = int(self.units.measure_units[measure + 1] - self.units.measure_units[measure])
        ticks = tick - int(self.measures.starts[measure])
        units = round(ticks * self.units.units_per_quarter / self.file.ticks_per_quarter)
        return measure, min(units, length - 1)


def _remarks(file: MidiFile, times: GridTimes, measures: Measures) -> tuple[str, ...]:
    remarks = []
    if times.is_played:
        remarks.append(
            "The MIDI file was played, not written: onsets were moved to the nearest note values, by up to "
            f"{times.largest_move_quarters:.2f} quarter notes, so rhythms are an estimate."
        )
    elif times.moved:
        remarks.append(
            f"Notes whose onset lay between note values, moved to the nearest one: {times.moved:,}, by up to "
            f"{times.largest_move_quarters:.3f} quarter notes."
        )
    if file.unended:
        remarks.append(f"Notes without an end, held to the end of their track: {file.unended:,}.")
    if measures.cut:
        numbers = ", ".join(str(index + 1) for index in measures.cut[:5])
        remarks.append(f"Time signatures in the midst of a measure ended it early: measure {numbers}.")
    if not file.key_signatures:
        remarks.append("The MIDI file has no key signature: notes are spelled by their context.")
    return tuple(remarks)
