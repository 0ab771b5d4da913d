"""Positions in a score as bar and beat."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Score

_COMPOUND: Final = 3
"""Units of the signature in one beat of a compound metre: 6/8, 9/8 or 12/8."""


@dataclass(frozen=True)
class Position:
    """A moment in a score."""

    measure: str
    """Number of the bar, as printed."""
    beat: float
    """Beat within the bar, from 1; a pickup bar counts as the end of a full one."""
    offset: float
    """Quarter notes since the beginning of the score."""


class Clock:
    """Converts ticks of one score to positions."""

    def __init__(self, score: Score) -> None:
        self._unit = score.notes.ticks_per_quarter
        self._starts = score.measure_starts
        self._numbers = score.measure_numbers
        self._beat_ticks, self._pickup_ticks = _beats(score)

    @property
    def beat_ticks(self) -> tuple[int, ...]:
        """Length of a beat in each bar, in ticks."""
        return tuple(self._beat_ticks)

    def at(self, measure: int, onset: int) -> Position:
        """Return the position `onset` ticks after the beginning of bar `measure`, given by its index."""
        # A bar beyond the last printed number is numbered by its place.
        number = self._numbers[measure] if measure < len(self._numbers) else str(measure + 1)
        into = onset + (self._pickup_ticks if measure == 0 else 0)
        return Position(
            number,
            round(1 + into / self._beat_ticks[measure], 4),
            round((int(self._starts[measure]) + onset) / self._unit, 4),
        )

    def at_tick(self, tick: int) -> Position:
        """Return the position of a tick, counted from the beginning of the score."""
        measure = int(np.searchsorted(self._starts, tick, side="right")) - 1
        measure = min(max(measure, 0), len(self._starts) - 2)
        return self.at(measure, int(tick - self._starts[measure]))


def _beats(score: Score) -> tuple[list[int], int]:
    """Return the length of a beat in each bar, and how much a pickup bar lacks at its beginning, in ticks."""
    unit = score.notes.ticks_per_quarter
    changes = sorted({(time.measure, time.text, time.ticks) for time in score.times})
    measures = [change[0] for change in changes]
    beats = []
    for measure in range(len(score.measure_ticks)):
        index = bisect.bisect_right(measures, measure) - 1
        beats.append(_beat_ticks(changes[index][1], unit) if index >= 0 else unit)
    full = changes[0][2] if changes and changes[0][0] == 0 else 0
    first = int(score.measure_ticks[0]) if len(score.measure_ticks) else 0
    return beats, full - first if 0 < first < full else 0


def _beat_ticks(signature: str, unit: int) -> int:
    """Return the length of a beat in ticks; a quarter note if the signature is not a plain fraction."""
    match = re.fullmatch(r"(\d+)/(\d+)", signature)
    if match is None:
        return unit
    count, kind = int(match[1]), int(match[2])
    ticks = unit * 4 // kind if kind else 0
    is_compound = count > _COMPOUND and count % _COMPOUND == 0 and kind >= 8
    return max(1, ticks * _COMPOUND if is_compound else ticks)
