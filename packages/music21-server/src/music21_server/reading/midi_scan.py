"""Amount of music in a MIDI file, counted in its bytes before a parser allocates memory for each event.

Standard MIDI Files 1.0 (RP-001): a file is chunks of a name, a length and data; a track is a series of
events, each after a variable-length delta time; an event without a status byte has that of the one before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.conversion_cost import Workload

_HEADER_BYTES: Final = 14
_CHUNK_BYTES: Final = 8
_NOTE_OFF, _NOTE_ON, _PROGRAM = 0x80, 0x90, 0xC0
_META, _SYSEX, _SYSEX_MORE = 0xFF, 0xF0, 0xF7
_ONE_BYTE_EVENTS: Final = (0xC0, 0xD0)
"""Program change and channel pressure; other channel events have two data bytes."""

_TIME_SIGNATURE: Final = 0x58
_MARKS: Final = (0x51, _TIME_SIGNATURE, 0x59)
"""Meta events that set a tempo, a time signature or a key."""

_NAMES: Final = (0x03, 0x04)
"""Meta events that name a track or an instrument; music21 makes instruments of both."""

_COMMON_TIME_QUARTERS: Final = 4.0
"""Length of a measure before the first time signature."""

_LONGEST_NUMBER: Final = 4
"""Bytes of a variable-length number."""


@dataclass(frozen=True)
class MidiTrack:
    """Amounts in one track.

    Attributes:
        events: Events of all kinds.
        notes: Notes that begin.
        marks: Tempos, time and key signatures.
        instruments: Names and program changes.
        same_time_pairs: Pairs of marks and instruments at the same time.
        end_ticks: Time of the last note, mark or instrument.
        note_ticks: Sum of the lengths of all notes.
        meters: Time signatures: time and length of a measure in quarter notes.
    """

    events: int
    notes: int
    marks: int
    instruments: int
    same_time_pairs: int
    end_ticks: int
    note_ticks: int
    meters: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class MidiContent:
    """Amounts in a MIDI file.

    Attributes:
        ticks_per_quarter: Ticks of a quarter note.
        tracks: All tracks.
    """

    ticks_per_quarter: int
    tracks: tuple[MidiTrack, ...]

    @property
    def notes(self) -> int:
        """Notes of all tracks."""
        return sum(track.notes for track in self.tracks)

    @property
    def staves(self) -> int:
        """Tracks with notes, which become parts."""
        return sum(track.notes > 0 for track in self.tracks)

    @property
    def measures(self) -> int:
        """Measures until the last note or mark of any track."""
        end_ticks = max(track.end_ticks for track in self.tracks)
        meters = sorted({meter for track in self.tracks for meter in track.meters if meter[1] > 0})
        starts = [(0, _COMMON_TIME_QUARTERS), *meters, (end_ticks, 0.0)]
        measures = sum(
            math.ceil((min(end, end_ticks) - start) / (quarters * self.ticks_per_quarter))
            for (start, quarters), (end, _) in pairwise(starts)
            if start < min(end, end_ticks)
        )
        return max(1, measures)


def midi_workload(source: bytes) -> Workload:
    """Return what music21 has to make of a MIDI file; errors as in `scan_midi`."""
    content = scan_midi(source)
    staves, measures = content.staves, content.measures
    end_ticks = max(1, *(track.end_ticks for track in content.tracks))
    is_conductor = [track.notes == 0 for track in content.tracks]
    conductors = [track for track in content.tracks if track.notes == 0]
    # The marks of tracks without notes are copied to each of the others, whose measures reach as far.
    conductor_ticks = max((track.end_ticks for track in conductors), default=0)
    lengths = [
        math.ceil(measures * max(track.end_ticks, conductor_ticks) / end_ticks)
        for track in content.tracks
        if track.notes
    ]
    copies = [1 + staves * each for each in is_conductor]
    return Workload(
        notes=content.notes,
        staves=staves,
        measures=sum(lengths),
        measure_pairs=sum(each**2 for each in lengths),
        pieces=sum(
            max(0.0, measures * track.note_ticks / end_ticks - track.notes) for track in content.tracks
        ),
        marks=sum(n * each.marks + each.instruments for n, each in zip(copies, content.tracks, strict=True)),
        mark_pairs=sum(n * each.same_time_pairs for n, each in zip(copies, content.tracks, strict=True)),
        events=sum(track.events for track in content.tracks),
    )


def scan_midi(source: bytes) -> MidiContent:
    """Return the amounts in a MIDI file.

    Raises:
        UnreadableScoreError: The source is not a MIDI file, or broken.
    """
    tracks = tuple(_scan_track(source, begin, end) for begin, end in _tracks(source))
    return MidiContent(int.from_bytes(source[12:14], "big"), tracks)


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


def _scan_track(source: bytes, position: int, end: int) -> MidiTrack:
    status = ticks = events = notes = note_ticks = marks = instruments = end_ticks = 0
    crowd = pairs = 0
    crowd_ticks = -1
    open_notes: dict[tuple[int, int], tuple[int, int]] = {}  # number of notes, and the sum of their starts
    meters = []
    try:
        while position < end:
            delta, position = _number(source, position)
            ticks += delta
            events += 1
            if source[position] >= 0x80:
                status = source[position]
                position += 1
            is_mark = is_instrument = False
            if status in (_META, _SYSEX, _SYSEX_MORE):
                kind = source[position] if status == _META else -1
                length, position = _number(source, position + (status == _META))
                if kind == _TIME_SIGNATURE and length >= 2:
                    meters.append((ticks, _measure_quarters(source[position], source[position + 1])))
                is_mark, is_instrument = kind in _MARKS, kind in _NAMES
                position += length
                status = 0  # running status is for channel events only
            elif status >= 0x80:
                kind = status & 0xF0
                if kind in (_NOTE_ON, _NOTE_OFF):
                    end_ticks = ticks
                    key = (status & 0x0F, source[position])
                    if kind == _NOTE_ON and source[position + 1] > 0:
                        notes += 1
                        count, starts = open_notes.get(key, (0, 0))
                        open_notes[key] = (count + 1, starts + ticks)
                    elif key in open_notes:
                        # All that are open: music21 ends each note at the next note off of its pitch.
                        count, starts = open_notes.pop(key)
                        note_ticks += count * ticks - starts
                is_instrument = kind == _PROGRAM
                position += 1 if kind in _ONE_BYTE_EVENTS else 2
            else:
                raise _broken(position)
            if is_mark or is_instrument:
                marks += is_mark
                instruments += is_instrument
                end_ticks = ticks
                crowd = crowd + 1 if ticks == crowd_ticks else 0
                crowd_ticks = ticks
                pairs += crowd
    except IndexError:
        raise _broken(position) from None
    if position != end:
        raise _broken(position)
    return MidiTrack(events, notes, marks, instruments, pairs, end_ticks, note_ticks, tuple(meters))


def _measure_quarters(numerator: int, denominator_power: int) -> float:
    return 4.0 * numerator / 2.0**denominator_power


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
