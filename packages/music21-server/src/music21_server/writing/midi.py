"""Writer of standard MIDI files, format 1: a track of signatures and tempos, then a track for each part.

Notes have their sounding pitch, and tied notes are joined; cues are omitted, and repeats are not unfolded.
`remarks` names content of the score that MIDI cannot hold.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.errors import TooMuchScoreError
from music21_server.score.table import NOTE, UNPITCHED, Booleans, Integers, Score
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.writing.general_midi import drum, program_of
from music21_server.writing.midi_marks import Times, conductor, tick_of, track_head
from music21_server.writing.output import Output
from music21_server.writing.ties import absolute_onsets, joined_by_ties

_FINEST: Final = 32767
"""Most ticks per quarter note in a MIDI header."""

_USUAL: Final = 480
"""Fewest ticks per quarter note that all programs display correctly."""

_LONGEST: Final = 2**28 - 1
"""Most ticks between two events."""

_VELOCITY: Final = 80
_DRUM_CHANNEL: Final = 9
_CHANNELS: Final = tuple(channel for channel in range(16) if channel != _DRUM_CHANNEL)
_GRACES_PER_QUARTER: Final = 8


@dataclass(frozen=True)
class _Notes:
    """Notes that are played, with times in ticks of the file."""

    part: Integers
    start: Integers
    end: Integers
    key: Integers
    channel: Integers


def write_midi(score: Score) -> Output:
    """Return a score as a MIDI file.

    Raises:
        TooMuchScoreError: The score is longer than the format allows.
    """
    remarks: list[str] = []
    times = _times(score, remarks)
    channels = _channels(score, remarks)
    notes = _notes(score, times, channels, remarks)
    _check_length(max(tick_of(score, (-1, 0), times), int(notes.end.max(initial=0))), times)
    tracks = [_track(conductor(score, times))]
    events = _note_events(notes, len(score.parts))
    for index, part in enumerate(score.parts):
        tracks.append(_track(track_head(score, index, part, channels[index]) + events[index]))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), times.division)
    return Output(header + b"".join(tracks), tuple(remarks))


def _track(events: bytes) -> bytes:
    body = events + b"\x00\xff\x2f\x00"
    return struct.pack(">4sI", b"MTrk", len(body)) + body


# Time


def _times(score: Score, remarks: list[str]) -> Times:
    """Return the conversion to ticks that represent every time of the score exactly, if possible."""
    table = score.notes
    unit = table.ticks_per_quarter
    used = [table.onset, table.duration, score.measure_ticks]
    onsets = {mark.onset for marks in (score.keys, score.times, score.tempos) for mark in marks}
    common = math.gcd(unit, *onsets, *(int(np.gcd.reduce(column, initial=0)) for column in used))
    needed = unit // common
    if needed > _FINEST:
        remarks.append(
            f"Times are rounded to 1/10080 of a quarter note: the score divides it into {needed:,} parts, "
            "more than MIDI allows."
        )
        return Times(10080, 10080, unit)
    division = needed * math.ceil(_USUAL / needed)
    exact = Fraction(division, unit)
    return Times(division, exact.numerator, exact.denominator)


def _check_length(ticks: int, times: Times) -> None:
    if ticks > _LONGEST:
        raise TooMuchScoreError(
            f"Expected a score of at most {_LONGEST // times.division:,} quarter notes, the most that MIDI "
            f"allows, got {ticks // times.division:,}: export fewer measures."
        )


# Notes


def _notes(score: Score, times: Times, channels: list[int], remarks: list[str]) -> _Notes:
    table = score.notes
    cents = sounding_pitches(score).cents
    struck, end = joined_by_ties(score)
    kept = np.flatnonzero(struck & ~table.cue & np.isin(table.kind, (NOTE, UNPITCHED)))
    is_drum = table.kind[kept] == UNPITCHED
    keys = (cents[kept] + 50) // 100
    keys[is_drum] = _drum_keys(score, kept[is_drum])
    between = int(((cents[kept] % 100 != 0) & ~is_drum).sum())
    if between:
        remarks.append(f"Notes between semitones, played on the nearest one: {between:,}.")
    outside = (keys < 0) | (keys > 127)
    if outside.any():
        remarks.append(f"Notes left out, outside MIDI's range (C-1 to G9): {int(outside.sum()):,}.")
        kept, keys, is_drum = kept[~outside], keys[~outside], is_drum[~outside]
    start = times.converted(absolute_onsets(score)[kept])
    stop = np.maximum(times.converted(end[kept]), start + 1)
    start, stop = _graces(score, kept, start, stop, times)
    channel = np.where(is_drum, _DRUM_CHANNEL, np.array(channels, dtype=np.int64)[table.part[kept]])
    return _Notes(table.part[kept], start, stop, keys, channel)


def _drum_keys(score: Score, rows: Integers) -> Integers:
    """Return the drum key of each unpitched row: by its place if the part has drums, or by its name."""
    table = score.notes
    place = table.octave[rows] * 7 + table.step[rows]
    named = np.array([drum(part.name) for part in score.parts], dtype=np.int64)
    keys: Integers = named[table.part[rows]]
    for index, part in enumerate(score.parts):
        for sound in part.drums:
            keys[(table.part[rows] == index) & (place == sound.place)] = sound.key
    return keys


def _graces(
    score: Score, kept: Integers, start: Integers, end: Integers, times: Times
) -> tuple[Integers, Integers]:
    """Return starts and ends with grace notes moved before their note, in sequence, each a 32nd long."""
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
    # There is no time before the beginning of the piece: grace notes begin with it.
    start[graces] = np.maximum(start[graces] - until * length, 0)
    end[graces] = start[graces] + length
    return start, end


def _channels(score: Score, remarks: list[str]) -> list[int]:
    """Return a channel for each part: a separate one if there are enough, otherwise one for each program."""
    programs = [program_of(part) for part in score.parts]
    if len(programs) <= len(_CHANNELS):
        return list(_CHANNELS[: len(programs)])
    sounds = list(dict.fromkeys(programs))
    if len(sounds) > len(_CHANNELS):
        remarks.append(
            f"{len(sounds)} sounds share the {len(_CHANNELS)} channels of MIDI; some parts play with the "
            "sound of another."
        )
    return [_CHANNELS[sounds.index(each) % len(_CHANNELS)] for each in programs]


def _note_events(notes: _Notes, parts: int) -> list[bytes]:
    """Return the events of each part's notes."""
    count = len(notes.part)
    part = np.concatenate([notes.part, notes.part])
    tick = np.concatenate([notes.start, notes.end])
    is_on = np.repeat(np.array([1, 0], dtype=np.int64), count)
    # At one tick, notes end before others begin; otherwise a repeated note would be cut off.
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
    """Return events as bytes (a delta time and three bytes each), and the end of each one."""
    sizes = 1 + (delta >= 1 << 7).astype(np.int64) + (delta >= 1 << 14) + (delta >= 1 << 21)
    ends = np.cumsum(sizes + 3)
    buffer = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    for back, column in ((1, second), (2, first), (3, status)):
        buffer[ends - back] = column
    for septet in range(4):
        has: Booleans = sizes > septet
        more = 0x80 if septet else 0  # set in all but the last byte of a delta time
        buffer[ends[has] - 4 - septet] = ((delta[has] >> (7 * septet)) & 0x7F) | more
    return buffer, ends
