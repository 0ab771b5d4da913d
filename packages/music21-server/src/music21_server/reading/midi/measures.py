"""Measures of a MIDI file, by the time signatures of all its tracks.

A time signature holds for every track, in whichever it stands (RP-001: tempo map).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from music21_server.reading.midi.events import TimeSignature
from music21_server.score.limits import Limits
from music21_server.score.table import Integers

_COMMON_TIME = TimeSignature(0, 4, 4)
"""The signature before the first one (RP-001)."""


@dataclass(frozen=True)
class Measures:
    """Measures one after the other.

    Attributes:
        starts: Time of each measure in ticks, and of the end of the last one.
        changes: Index of the measure and the signature of each change.
        cut: Measures that a signature in their midst ends early, by index.
    """

    starts: Integers
    changes: tuple[tuple[int, TimeSignature], ...]
    cut: tuple[int, ...]

    def at(self, ticks: Integers) -> Integers:
        """Return the index of the measure of each time; a barline belongs to the measure that it begins."""
        index = np.searchsorted(self.starts, ticks, side="right") - 1
        return np.clip(index, 0, len(self.starts) - 2)


def measures_of(
    signatures: tuple[TimeSignature, ...], end: int, ticks_per_quarter: int, limits: Limits
) -> Measures:
    """Return the measures up to a time; there is at least one.

    Args:
        signatures: Time signatures in order of time.
        end: Time that the last measure must reach, in ticks.
        ticks_per_quarter: Ticks of a quarter note.

    Raises:
        TooMuchScoreError: There are more measures than a score may have.
    """
    changes = _effective(signatures)
    until = max(end, changes[-1].tick + 1)
    starts: list[int] = []
    signature_at: list[tuple[int, TimeSignature]] = []
    cut: list[int] = []
    for signature, following in pairwise([*changes, TimeSignature(until, 1, 1)]):
        length = _ticks(signature, ticks_per_quarter)
        is_last = following.tick == until
        count = -(-(following.tick - signature.tick) // length)
        limits.check("max_measures", len(starts) + count)
        signature_at.append((len(starts), signature))
        starts += range(signature.tick, signature.tick + count * length, length)
        if not is_last and (following.tick - signature.tick) % length:
            cut.append(len(starts) - 1)
    last = _ticks(changes[-1], ticks_per_quarter)
    return Measures(np.array([*starts, starts[-1] + last], dtype=np.int64), tuple(signature_at), tuple(cut))


def _ticks(signature: TimeSignature, ticks_per_quarter: int) -> int:
    # With few ticks per quarter note, a measure of 1/64 may have none.
    return max(1, signature.numerator * ticks_per_quarter * 4 // signature.denominator)


def _effective(signatures: tuple[TimeSignature, ...]) -> list[TimeSignature]:
    """Return the signatures that change something: the last one at each time, and no repetitions.

    A repetition in the midst of a measure, as some programs write at each page, does not end the measure.
    """
    by_tick = {each.tick: each for each in signatures}
    changes = [] if 0 in by_tick else [_COMMON_TIME]
    for tick in sorted(by_tick):
        signature = by_tick[tick]
        if changes and _same(changes[-1], signature):
            continue
        changes.append(signature)
    return changes


def _same(a: TimeSignature, b: TimeSignature) -> bool:
    return (a.numerator, a.denominator) == (b.numerator, b.denominator)
