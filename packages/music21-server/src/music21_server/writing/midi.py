"""Columns become a standard MIDI file, format 1: a track of signatures and tempos, then one track per part.

Notes are at sounding pitch, tied ones joined; cues are left out, repeats are not played out. MIDI has no
place for some things, which `remarks` names.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.errors import TooMuchScoreError
from music21_server.notes import NOTE, UNPITCHED, Booleans, Integers, KeyChange, Part, Score
from music21_server.theory.sounding import sounding_pitches
from music21_server.writing.instruments import drum, program
from music21_server.writing.selection import part_name
from music21_server.writing.ties import absolute_onsets, joined_by_ties

_FINEST: Final = 32767
"""Ticks per quarter note that the header has room for."""

_USUAL: Final = 480
"""Ticks per quarter note below which some programs show odd values."""

_LONGEST: Final = 2**28 - 1
"""Ticks between two events that there is room for."""

_VELOCITY: Final = 80
_DRUM_CHANNEL: Final = 9
_CHANNELS: Final = tuple(channel for channel in range(16) if channel != _DRUM_CHANNEL)
_GRACES_PER_QUARTER: Final = 8
_MICROSECONDS: Final = 60_000_000
_SLOWEST: Final = 2**24 - 1
"""Microseconds per quarter note that there is room for."""


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file.

    Attributes:
        content: The file.
        remarks: What of the score is not in it as written, in sentences.
    """

    content: bytes
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Notes:
    """What is played, one row each, in ticks of the file."""

    part: Integers
    start: Integers
    end: Integers
    key: Integers
    channel: Integers


@dataclass(frozen=True)
class _Times:
    """How ticks of the score become ticks of the file: times `numerator`, divided by `denominator`."""

    division: int
    numerator: int
    denominator: int

    def of(self, ticks: Integers) -> Integers:
        whole, rest = np.divmod(ticks, self.denominator)  # apart, so that no product leaves 64 bits
        rounded: Integers = (rest * self.numerator + self.denominator // 2) // self.denominator
        return rounded + whole * self.numerator


def write_midi(score: Score) -> MidiFile:
    """Return a score as a MIDI file.

    Raises:
        TooMuchScoreError: It lasts longer than the format has room for.
    """
    remarks: list[str] = []
    times = _times(score, remarks)
    channels = _channels(score, remarks)
    notes = _notes(score, times, channels, remarks)
    _check_length(max(_tick(score, (-1, 0), times), int(notes.end.max(initial=0))), times)
    tracks = [_track(_conductor(score, times))]
    events = _note_events(notes, len(score.parts))
    for index, part in enumerate(score.parts):
        tracks.append(_track(_track_head(score, index, part, channels[index]) + events[index]))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), times.division)
    return MidiFile(header + b"".join(tracks), tuple(remarks))


def _track(events: bytes) -> bytes:
    body = events + b"\x00\xff\x2f\x00"
    return struct.pack(">4sI", b"MTrk", len(body)) + body


# Time


def _times(score: Score, remarks: list[str]) -> _Times:
    """Choose ticks in which every time of the score is exact, if there are any."""
    table = score.notes
    unit = table.ticks_per_quarter
    used = [table.onset, table.duration, score.measure_ticks]
    onsets = {mark.onset for marks in (score.keys, score.times, score.tempos) for mark in marks}
    common = math.gcd(unit, *onsets, *(int(np.gcd.reduce(column, initial=0)) for column in used))
    needed = unit // common
    if needed > _FINEST:
        remarks.append(
            f"Times are rounded to 1/10080 of a quarter note: the score divides it into {needed:,} parts, "
            "for which MIDI has no room."
        )
        return _Times(10080, 10080, unit)
    division = needed * math.ceil(_USUAL / needed)
    exact = Fraction(division, unit)
    return _Times(division, exact.numerator, exact.denominator)


def _check_length(ticks: int, times: _Times) -> None:
    if ticks > _LONGEST:
        raise TooMuchScoreError(
            f"Expected a score of at most {_LONGEST // times.division:,} quarter notes, as MIDI has no room for more, "
            f"got {ticks // times.division:,}: export fewer bars."
        )


# What is played


def _notes(score: Score, times: _Times, channels: list[int], remarks: list[str]) -> _Notes:
    table = score.notes
    cents = sounding_pitches(score).cents
    struck, end = joined_by_ties(score)
    kept = np.flatnonzero(struck & ~table.cue & np.isin(table.kind, (NOTE, UNPITCHED)))
    drums = np.array([drum(part.name) for part in score.parts], dtype=np.int64)
    is_drum = table.kind[kept] == UNPITCHED
    keys = np.where(is_drum, drums[table.part[kept]], (cents[kept] + 50) // 100)
    between = int(((cents[kept] % 100 != 0) & ~is_drum).sum())
    if between:
        remarks.append(f"{between:,} notes between semitones are played on the nearest one.")
    outside = (keys < 0) | (keys > 127)
    if outside.any():
        remarks.append(f"{int(outside.sum()):,} notes outside of MIDI's range (C-1 to G9) are left out.")
        kept, keys, is_drum = kept[~outside], keys[~outside], is_drum[~outside]
    start = times.of(absolute_onsets(score)[kept])
    stop = np.maximum(times.of(end[kept]), start + 1)
    start, stop = _graces(score, kept, start, stop, times)
    channel = np.where(is_drum, _DRUM_CHANNEL, np.array(channels, dtype=np.int64)[table.part[kept]])
    return _Notes(table.part[kept], start, stop, keys, channel)


def _graces(
    score: Score, kept: Integers, start: Integers, end: Integers, times: _Times
) -> tuple[Integers, Integers]:
    """Place grace notes before the note that they belong to, one after another, each a 32nd long."""
    table = score.notes
    graces = np.flatnonzero(table.grace[kept])
    if not len(graces):
        return start, end
    rows = kept[graces]
    columns = np.stack([table.part[rows], table.measure[rows], table.onset[rows], table.voice[rows]])
    begins = np.ones(len(rows), dtype=np.bool_)
    begins[1:] = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    group = np.cumsum(begins) - 1
    sizes = np.bincount(group)
    until = sizes[group] - (np.arange(len(rows)) - np.flatnonzero(begins)[group])
    length = max(times.division // _GRACES_PER_QUARTER, 1)
    start, end = start.copy(), end.copy()
    # Before the beginning of the piece there is no time: there they begin together with it.
    start[graces] = np.maximum(start[graces] - until * length, 0)
    end[graces] = start[graces] + length
    return start, end


def _channels(score: Score, remarks: list[str]) -> list[int]:
    """Return a channel for each part: of its own while there are enough, else one for each sound."""
    programs = [program(part.name) for part in score.parts]
    if len(programs) <= len(_CHANNELS):
        return list(_CHANNELS[: len(programs)])
    sounds = list(dict.fromkeys(programs))
    if len(sounds) > len(_CHANNELS):
        remarks.append(
            f"{len(sounds)} sounds share the {len(_CHANNELS)} channels that MIDI has for them; some parts play "
            "with the sound of another."
        )
    return [_CHANNELS[sounds.index(each) % len(_CHANNELS)] for each in programs]


def _note_events(notes: _Notes, parts: int) -> list[bytes]:
    """Return the events of each part's notes."""
    count = len(notes.part)
    part = np.concatenate([notes.part, notes.part])
    tick = np.concatenate([notes.start, notes.end])
    is_on = np.repeat(np.array([1, 0], dtype=np.int64), count)
    # At the same time notes end before others begin, or a repeated note would be cut off.
    order = np.argsort((part << 40) | (tick << 1) | is_on, kind="stable")
    part, tick, is_on = part[order], tick[order], is_on[order]
    begins = np.ones(2 * count, dtype=np.bool_)
    begins[1:] = part[1:] != part[:-1]
    delta = np.diff(tick, prepend=0)
    delta[begins] = tick[begins]
    key = np.concatenate([notes.key, notes.key])[order]
    channel = np.concatenate([notes.channel, notes.channel])[order]
    status = np.where(is_on == 1, 0x90, 0x80) | channel
    buffer, ends = _encoded(delta, status, key, np.where(is_on == 1, _VELOCITY, 0))
    edges = np.searchsorted(part, np.arange(parts + 1))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends])[edges]
    return [buffer[offsets[index] : offsets[index + 1]].tobytes() for index in range(parts)]


def _encoded(
    delta: Integers, status: Integers, first: Integers, second: Integers
) -> tuple[npt.NDArray[np.uint8], Integers]:
    """Return events as bytes, and where each of them ends: the time since the last one, then three bytes."""
    sizes = 1 + (delta >= 1 << 7).astype(np.int64) + (delta >= 1 << 14) + (delta >= 1 << 21)
    ends = np.cumsum(sizes + 3)
    buffer = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    for back, column in ((1, second), (2, first), (3, status)):
        buffer[ends - back] = column
    for septet in range(4):
        has: Booleans = sizes > septet
        more = 0x80 if septet else 0  # all but the last byte of a time say that one follows
        buffer[ends[has] - 4 - septet] = ((delta[has] >> (7 * septet)) & 0x7F) | more
    return buffer, ends


# What stands around the notes


def _track_head(score: Score, index: int, part: Part, channel: int) -> bytes:
    name = _text(0x03, part_name(score, index))
    return b"\x00" + name + b"\x00" + bytes((0xC0 | channel, program(part.name)))


def _conductor(score: Score, times: _Times) -> bytes:
    """Return the title, and time signatures, key signatures and tempos at their times."""
    events: list[tuple[int, bytes]] = []
    if score.title:
        events.append((0, _text(0x03, score.title)))
    meters = {(each.measure, each.onset): each.text for each in reversed(score.times)}
    tempos = {(each.measure, each.onset): each.quarters_per_minute for each in reversed(score.tempos)}
    for meter_at, text in meters.items():
        events += [(_tick(score, meter_at, times), event) for event in _time_signature(text)]
    for tempo_at, tempo in tempos.items():
        microseconds = max(round(min(_MICROSECONDS / tempo, _SLOWEST)), 1)
        events.append((_tick(score, tempo_at, times), b"\xff\x51\x03" + microseconds.to_bytes(3, "big")))
    for key_at, fifths, is_minor in _concert_keys(score):
        event = b"\xff\x59\x02" + struct.pack(">bB", fifths, is_minor)
        events.append((_tick(score, key_at, times), event))
    events.sort(key=lambda event: event[0])
    written, now = [], 0
    for tick, event in events:
        written.append(_length(tick - now) + event)
        now = tick
    return b"".join(written)


def _tick(score: Score, at: tuple[int, int], times: _Times) -> int:
    """Return the tick of a bar's index and ticks into it."""
    return int(times.of(score.measure_starts[at[0]] + at[1]))


def _time_signature(text: str) -> Iterable[bytes]:
    """Yield a time signature; the numerators of an additive one are added up."""
    total = Fraction(0)
    smallest = 1
    for term in text.split("+"):
        _, _, kind = term.partition("/")
        smallest = max(smallest, int(kind)) if kind.isdecimal() else smallest
    beats = Fraction(0)
    for term in text.split("+"):
        count, _, kind = term.partition("/")
        if not count.isdecimal():
            return
        beats += int(count)
        if kind.isdecimal() and int(kind):
            total += beats / int(kind)
            beats = Fraction(0)
    numerator, power = total * smallest, smallest.bit_length() - 1
    if smallest != 1 << power or numerator.denominator != 1 or not 0 < numerator < 256:
        return  # such as 4/3, which MIDI has no sign for
    clocks = 36 if smallest >= 8 and numerator % 3 == 0 else max(96 >> power, 1)
    yield b"\xff\x58\x04" + bytes((int(numerator), power, clocks, 8))


def _concert_keys(score: Score) -> list[tuple[tuple[int, int], int, bool]]:
    """Return changes of the key signature that most parts have, as they sound.

    Some instruments are written without signatures, so that no single part can speak for all.
    """
    changes: dict[tuple[int, int], list[KeyChange]] = {}
    for key in score.keys:
        changes.setdefault((key.measure, key.onset), []).append(key)
    now: dict[int, tuple[int, bool]] = {}
    found: list[tuple[tuple[int, int], int, bool]] = []
    for at in sorted(changes):
        for key in changes[at]:
            now[key.part] = (_concert(key, score.parts[key.part]), key.mode == "minor")
        fifths, is_minor = Counter(now.values()).most_common(1)[0][0]
        if not found or found[-1][1:] != (fifths, is_minor):
            found.append((at, fifths, is_minor))
    return found


def _concert(key: KeyChange, part: Part) -> int:
    """Return a part's key signature as it sounds."""
    fifths = key.fifths
    for transposition in part.transpositions:
        if transposition.measure <= key.measure:
            fifths = key.fifths + 7 * transposition.chromatic - 12 * transposition.diatonic
    while fifths > 7:
        fifths -= 12
    while fifths < -7:
        fifths += 12
    return fifths


def _text(kind: int, text: str) -> bytes:
    content = text.encode()
    return bytes((0xFF, kind)) + _length(len(content)) + content


def _length(value: int) -> bytes:
    """Return a number as MIDI writes lengths and times: seven bits a byte."""
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(value & 0x7F | 0x80)
    return bytes(reversed(septets))
