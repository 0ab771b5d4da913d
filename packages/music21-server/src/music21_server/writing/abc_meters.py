"""Time signatures of ABC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from music21_server.score.table import Score, TimeChange
from music21_server.writing.marks import moved_to_barlines


@dataclass(frozen=True)
class Meters:
    """The time signatures of a part.

    Attributes:
        changes: What is written before each bar; empty for nothing.
        long_bars: Indices of bars that are longer than their time signature.
    """

    changes: tuple[str, ...]
    long_bars: frozenset[int]

    @property
    def first(self) -> str:
        """What the part begins with."""
        return (self.changes[0] if self.changes else "") or "none"


def meters(score: Score, times: Mapping[tuple[int, int], list[TimeChange]], part: int) -> Meters:
    """Return the time signatures of a part.

    A bar that is longer than its time signature gets one of its own: music21 would divide it.

    Args:
        score: Whose bars.
        times: Time signatures by part and bar.
        part: Index of the part.
    """
    changes: list[str] = []
    long_bars: set[int] = set()
    meter, written = "", ""
    most: Fraction | None = None
    for bar, ticks in enumerate(score.measure_ticks.tolist()):
        for time in moved_to_barlines(times, part, bar):
            meter = meter_field(time.text)
        wanted = meter
        # Readers keep to the last length that they know of.
        most = _quarters(meter) or most
        length = score.quarters(ticks)
        if most is not None and length > most:
            wanted, most = _of_length(length), length
            long_bars.add(bar)
        changes.append(wanted if wanted != written else "")
        written = wanted
    return Meters(tuple(changes), frozenset(long_bars))


def meter_field(text: str) -> str:
    """Return the value of an `M:` field; sums such as ``2+3/8`` and ``3/8+2/8`` are added up.

    music21 takes the digits of a sum for one number.

    Args:
        text: A time signature as in `TimeChange`.
    """
    beats: list[int] = []
    total = Fraction(0)
    finest = 1
    for term in text.split("+"):
        count, slash, kind = term.partition("/")
        if not count.isdecimal() or (slash and not (kind.isdecimal() and int(kind))):
            return "none"
        beats.append(int(count))
        if slash:
            total += Fraction(sum(beats), int(kind))
            finest = max(finest, int(kind))
            beats = []
    if beats or not total:
        return "none"
    return f"{math.ceil(total * finest)}/{finest}"


def _quarters(meter: str) -> Fraction | None:
    """Return the length of a bar in quarter notes; None without a fixed one."""
    beats, _, kind = meter.partition("/")
    return Fraction(int(beats) * 4, int(kind)) if kind else None


def _of_length(quarters: Fraction) -> str:
    """Return the value of an `M:` field for a bar of some length; rounded up to 64ths."""
    for kind in (4, 8, 16, 32):
        beats = quarters * kind / 4
        if beats.denominator == 1:
            return f"{beats}/{kind}"
    return f"{math.ceil(quarters * 16)}/64"
