"""Events of a Standard MIDI File, from its bytes.

Standard MIDI Files 1.0 (RP-001): a file is chunks of a name, a length and data; a track is a series of
events, each after a variable-length delta time; an event without a status byte has that of the one before.
Read here and not by a library, because bytes of strangers need bounds while they are read, and because
libraries make an object of each event, which takes five times as long.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from music21_server.errors import UnreadableScoreError
from music21_server.score.limits import Limits
from music21_server.score.table import Integers

_HEADER_BYTES: Final = 14
_CHUNK_BYTES: Final = 8
_NOTE_OFF, _NOTE_ON, _PROGRAM = 0x80, 0x90, 0xC0
_META, _SYSEX, _SYSEX_MORE = 0xFF, 0xF0, 0xF7
_ONE_BYTE_EVENTS: Final = (0xC0, 0xD0)
"""Program change and channel pressure; other channel events have two data bytes."""

_TRACK_NAME, _INSTRUMENT_NAME, _END_OF_TRACK = 0x03, 0x04, 0x2F
_TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x51, 0x58, 0x59

_LONGEST_NUMBER: Final = 4
"""Bytes of a variable-length number."""

_LONGEST_NAME: Final = 200
"""Characters kept of a name."""

_MOST_FIFTHS: Final = 7
_NOTE_FIELDS: Final = 5


@dataclass(frozen=True)
class MidiNotes:
    """Notes, one per row, in the order of the file.

    Attributes:
        track: Index of the track.
        channel: Channel from 0.
        key: Key; 60 is middle C.
        start: Time of the note on, in ticks.
        end: Time of its note off, in ticks.
    """

    track: Integers
    channel: Integers
    key: Integers
    start: Integers
    end: Integers

    def __len__(self) -> int:
        return len(self.track)


@dataclass(frozen=True)
class TimeSignature:
    """A time signature at a time in ticks."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class KeySignature:
    """A key signature at a time in ticks: sharps, negative for flats, and ``major`` or ``minor``."""

    tick: int
    fifths: int
    mode: str


@dataclass(frozen=True)
class Tempo:
    """A tempo at a time in ticks."""

    tick: int
    quarters_per_minute: float


@dataclass(frozen=True)
class MidiFile:
    """Content of a file, as far as a score needs it.

    Attributes:
        ticks_per_quarter: Ticks of a quarter note.
        notes: Notes of all tracks.
        time_signatures: Time signatures of all tracks, in order of time.
        key_signatures: Key signatures of all tracks, in order of time.
        tempos: Tempos of all tracks, in order of time.
        track_names: Names by track.
        instrument_names: Names of instruments by track.
        programs: General MIDI program from 0 by track and channel; the first one.
        end: Time of the last event, in ticks.
        unended: Notes without a note off, which end with their track.
    """

    ticks_per_quarter: int
    notes: MidiNotes
    time_signatures: tuple[TimeSignature, ...]
    key_signatures: tuple[KeySignature, ...]
    tempos: tuple[Tempo, ...]
    track_names: dict[int, str]
    instrument_names: dict[int, str]
    programs: dict[tuple[int, int], int]
    end: int
    unended: int


def read_events(source: bytes, limits: Limits) -> MidiFile:
    """Return the content of a file.

    Raises:
        UnreadableScoreError: The source is not a MIDI file, or broken.
        TooMuchScoreError: It has more notes or marks than a score may have.
    """
    collected = _Collected(limits)
    for track, (begin, end) in enumerate(_tracks(source)):
        _read_track(source, begin, end, track, collected)
    return collected.file(int.from_bytes(source[12:14], "big"))


@dataclass
class _Collected:
    limits: Limits
    values: array[int] = field(default_factory=lambda: array("q"))
    times: list[TimeSignature] = field(default_factory=list)
    keys: list[KeySignature] = field(default_factory=list)
    tempos: list[Tempo] = field(default_factory=list)
    track_names: dict[int, str] = field(default_factory=dict)
    instrument_names: dict[int, str] = field(default_factory=dict)
    programs: dict[tuple[int, int], int] = field(default_factory=dict)
    end: int = 0
    unended: int = 0

    def meta(self, kind: int, data: bytes, tick: int, track: int) -> None:
        if kind == _TRACK_NAME:
            self.track_names.setdefault(track, _text(data))
        elif kind == _INSTRUMENT_NAME:
            self.instrument_names.setdefault(track, _text(data))
        elif kind == _TEMPO and len(data) == 3 and any(data):
            self.tempos.append(Tempo(tick, 60_000_000 / int.from_bytes(data, "big")))
        elif kind == _TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] <= 7:
            self.times.append(TimeSignature(tick, data[0], 1 << data[1]))
        elif kind == _KEY_SIGNATURE and len(data) >= 2:
            fifths = data[0] - 256 if data[0] > 127 else data[0]
            if abs(fifths) <= _MOST_FIFTHS:
                self.keys.append(KeySignature(tick, fifths, "minor" if data[1] else "major"))
        else:
            return
        self.limits.check("max_notes", len(self.times) + len(self.keys) + len(self.tempos))

    def file(self, ticks_per_quarter: int) -> MidiFile:
        rows = np.frombuffer(self.values, dtype=np.int64).reshape(-1, _NOTE_FIELDS)
        columns = (np.ascontiguousarray(column) for column in rows.T)
        return MidiFile(
            ticks_per_quarter,
            MidiNotes(*columns),
            tuple(sorted(self.times, key=lambda each: each.tick)),
            tuple(sorted(self.keys, key=lambda each: each.tick)),
            tuple(sorted(self.tempos, key=lambda each: each.tick)),
            self.track_names,
            self.instrument_names,
            self.programs,
            self.end,
            self.unended,
        )


def _tracks(source: bytes) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each track."""
    if len(source) < _HEADER_BYTES or not source.startswith(b"MThd"):
        raise UnreadableScoreError(
            f"Expected a MIDI file, which begins with MThd and 10 more bytes, got {source[:_HEADER_BYTES]!r}."
        )
    if source[12] >= 0x80:
        raise UnreadableScoreError(
            "Expected a MIDI file with ticks per quarter note, got one in SMPTE time, which has no "
            "beats: export it again with ticks per quarter note."
        )
    if source[12:14] == b"\x00\x00":
        raise UnreadableScoreError("Expected at least 1 tick per quarter note in the MIDI file, got 0.")
    if source[8:10] == b"\x00\x02":
        raise UnreadableScoreError(
            "Expected a MIDI file of format 0 or 1, got format 2, whose tracks are pieces of their own: "
            "export each as a file."
        )
    position = _CHUNK_BYTES + int.from_bytes(source[4:8], "big")
    tracks = 0
    while position + _CHUNK_BYTES <= len(source):
        name = source[position : position + 4]
        begin = position + _CHUNK_BYTES
        end = begin + int.from_bytes(source[position + 4 : begin], "big")
        if end > len(source):
            raise UnreadableScoreError(
                f"Expected {end - begin:,} bytes of a track at byte {begin:,} of the MIDI file, got "
                f"{len(source) - begin:,}: the file is cut off."
            )
        if name == b"MTrk":
            tracks += 1
            yield begin, end
        position = end
    if tracks == 0:
        raise UnreadableScoreError("Expected a MIDI file with at least one track, got none.")


def _read_track(  # noqa: PLR0912 - one loop without calls: it runs for each event
    source: bytes, position: int, end: int, track: int, collected: _Collected
) -> None:
    status = tick = 0
    most = collected.limits.max_notes * _NOTE_FIELDS
    values = collected.values
    sounding: dict[
        int, deque[int]
    ] = {}  # starts of the notes of a channel and key that sound, first in first out
    try:
        while position < end:
            delta, position = _number(source, position)
            tick += delta
            if source[position] >= 0x80:
                status = source[position]
                position += 1
            if status in (_META, _SYSEX, _SYSEX_MORE):
                kind = source[position] if status == _META else -1
                length, position = _number(source, position + (status == _META))
                if position + length > end:
                    raise _broken(position)
                if kind == _END_OF_TRACK:
                    break
                collected.meta(kind, source[position : position + length], tick, track)
                position += length
                status = 0  # running status is for channel events only
                continue
            if status < 0x80:
                raise _broken(position)
            kind, channel, data = status & 0xF0, status & 0x0F, source[position]
            if kind in (_NOTE_ON, _NOTE_OFF):
                at = channel << 8 | data
                if kind == _NOTE_ON and source[position + 1]:
                    sounding.setdefault(at, deque()).append(tick)
                elif starts := sounding.get(at):
                    values.extend((track, channel, data, starts.popleft(), tick))
                    if len(values) > most:
                        collected.limits.check("max_notes", len(values) // _NOTE_FIELDS)
            elif kind == _PROGRAM:
                collected.programs.setdefault((track, channel), data & 0x7F)
            position += 1 if kind in _ONE_BYTE_EVENTS else 2
            if position > end:
                raise _broken(position)
    except IndexError:
        raise _broken(position) from None
    for at, starts in sounding.items():
        for start in starts:
            values.extend((track, at >> 8, at & 0xFF, start, tick))
            collected.unended += 1
    collected.limits.check("max_notes", len(values) // _NOTE_FIELDS)
    collected.end = max(collected.end, tick)


def _text(data: bytes) -> str:
    """Return a text on one line: UTF-8, or Latin-1, which the standard names."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_NAME]


def _number(source: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length number and the position after it."""
    value = 0
    for after in range(position + 1, position + 1 + _LONGEST_NUMBER):
        byte = source[after - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, after
    raise _broken(position)


def _broken(position: int) -> UnreadableScoreError:
    return UnreadableScoreError(
        f"Expected a MIDI event at byte {position:,}, got something else: the file is broken."
    )
