"""MIDI events other than notes: names, signatures and tempos."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Integers, KeyChange, Part, Score
from music21_server.writing.general_midi import program_of
from music21_server.writing.selection import part_name
from music21_server.writing.time_signatures import as_fraction

_MICROSECONDS: Final = 60_000_000
_SLOWEST: Final = 2**24 - 1
"""Most microseconds per quarter note."""


@dataclass(frozen=True)
class Times:
    """Conversion from ticks of the score to ticks of the file.

    Attributes:
        division: Ticks of the file per quarter note.
        numerator: Factor of the conversion.
        denominator: Divisor of the conversion.
    """

    division: int
    numerator: int
    denominator: int

    def converted(self, ticks: Integers) -> Integers:
        """Return times of the score in ticks of the file, rounded if necessary."""
        whole, rest = np.divmod(ticks, self.denominator)  # separately, so that no product overflows 64 bits
        rounded = (rest * self.numerator + self.denominator // 2) // self.denominator
        converted: Integers = rounded + whole * self.numerator
        return converted


def track_head(score: Score, index: int, part: Part, channel: int) -> bytes:
    """Return the events for the name of a part and the program of its channel."""
    name = _text(0x03, part_name(score, index))
    return b"\x00" + name + b"\x00" + bytes((0xC0 | channel, program_of(part)))


def conductor(score: Score, times: Times) -> bytes:
    """Return the events for the title, time signatures, key signatures and tempos."""
    events: list[tuple[int, bytes]] = []
    if score.title:
        events.append((0, _text(0x03, score.title)))
    meters = {(each.measure, each.onset): each.text for each in reversed(score.times)}
    tempos = {(each.measure, each.onset): each.quarters_per_minute for each in reversed(score.tempos)}
    for meter_at, text in meters.items():
        events += [(tick_of(score, meter_at, times), event) for event in _time_signature(text)]
    for tempo_at, tempo in tempos.items():
        microseconds = max(round(min(_MICROSECONDS / tempo, _SLOWEST)), 1)
        events.append((tick_of(score, tempo_at, times), b"\xff\x51\x03" + microseconds.to_bytes(3, "big")))
    for key_at, fifths, is_minor in _concert_keys(score):
        event = b"\xff\x59\x02" + struct.pack(">bB", fifths, is_minor)
        events.append((tick_of(score, key_at, times), event))
    events.sort(key=lambda event: event[0])
    written, now = [], 0
    for tick, event in events:
        written.append(_length(tick - now) + event)
        now = tick
    return b"".join(written)


def tick_of(score: Score, at: tuple[int, int], times: Times) -> int:
    """Return the tick in the file of a measure index and the ticks into that measure."""
    return int(times.converted(score.measure_starts[at[0]] + at[1]))


def _time_signature(text: str) -> Iterable[bytes]:
    """Yield a time signature event; numerators of an additive signature are summed."""
    numerator, kind = as_fraction(text)
    power = kind.bit_length() - 1
    if kind != 1 << power or numerator.denominator != 1 or not 0 < numerator < 256:
        return  # such as 4/3, which MIDI cannot express
    clocks = 36 if kind >= 8 and numerator % 3 == 0 else max(96 >> power, 1)
    yield b"\xff\x58\x04" + bytes((int(numerator), power, clocks, 8))


def _concert_keys(score: Score) -> list[tuple[tuple[int, int], int, bool]]:
    """Return the changes of the concert key of most parts.

    Some instruments are written without key signatures, so that no single part can decide.
    """
    changes: dict[tuple[int, int], list[KeyChange]] = {}
    for key in score.keys:
        changes.setdefault((key.measure, key.onset), []).append(key)
    now: dict[int, tuple[int, bool]] = {}
    concert_keys: list[tuple[tuple[int, int], int, bool]] = []
    for at in sorted(changes):
        for key in changes[at]:
            now[key.part] = (_concert(key, score.parts[key.part]), key.mode == "minor")
        fifths, is_minor = Counter(now.values()).most_common(1)[0][0]
        if not concert_keys or concert_keys[-1][1:] != (fifths, is_minor):
            concert_keys.append((at, fifths, is_minor))
    return concert_keys


def _concert(key: KeyChange, part: Part) -> int:
    """Return the concert key signature of a part."""
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
    """Return a variable-length number: seven bits in each byte."""
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(value & 0x7F | 0x80)
    return bytes(reversed(septets))
