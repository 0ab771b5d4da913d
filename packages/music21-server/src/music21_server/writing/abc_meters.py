"""Time signatures in ABC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from music21_server.score.table import Score, TimeChange
from music21_server.writing.marks import moved_to_barlines
from music21_server.writing.time_signatures import as_fraction


@dataclass(frozen=True)
class Meters:
    """The time signatures of a part.

    Attributes:
        changes: Value of the `M:` field before each measure; empty for none.
        long_measures: Indices of measures that are longer than their time signature.
    """

    changes: tuple[str, ...]
    long_measures: frozenset[int]

    @property
    def first(self) -> str:
        """First time signature of the part; ``none`` without one."""
        return (self.changes[0] if self.changes else "") or "none"


def meters(score: Score, times: Mapping[tuple[int, int], list[TimeChange]], part: int) -> Meters:
    """Return the time signatures of a part.

    A measure that is longer than its time signature gets a different one, because music21 would divide it.

    Args:
        times: Time signatures by part and measure.
        part: Index of the part.
    """
    changes: list[str] = []
    long_measures: set[int] = set()
    meter, written = "", ""
    most: Fraction | None = None
    for measure, ticks in enumerate(score.measure_ticks.tolist()):
        for time in moved_to_barlines(times, part, measure):
            meter = meter_field(time.text)
        field = meter
        # Readers assume the last length they have read.
        most = _quarters(meter) or most
        length = score.quarters(ticks)
        if most is not None and length > most:
            field, most = _of_length(length), length
            long_measures.add(measure)
        changes.append(field if field != written else "")
        written = field
    return Meters(tuple(changes), frozenset(long_measures))


def meter_field(text: str) -> str:
    """Return the value of an `M:` field for a time signature as in `TimeChange`.

    Sums such as ``2+3/8`` and ``3/8+2/8`` are evaluated, because music21 reads their digits as one number.
    """
    beats, kind = as_fraction(text)
    return f"{math.ceil(beats)}/{kind}" if beats else "none"


def _quarters(meter: str) -> Fraction | None:
    """Return the length of a measure in quarter notes; None if it is not fixed."""
    beats, _, kind = meter.partition("/")
    return Fraction(int(beats) * 4, int(kind)) if kind else None


def _of_length(quarters: Fraction) -> str:
    """Return the value of an `M:` field for the length of a measure, rounded up to 64ths."""
    for kind in (4, 8, 16, 32):
        beats = quarters * kind / 4
        if beats.denominator == 1:
            return f"{beats}/{kind}"
    return f"{math.ceil(quarters * 16)}/64"
