"""The shape of each voice: its range, how it moves, and the outlines of its phrases.

The outline of a phrase is one of nine, from its first pitch to the mean of those between to the last one
(Huron, *The Melodic Arch in Western Folksongs*, 1996); the mean is rounded to a semitone here. Phrases end
with rests. The beginning is also told in the code of Parsons (*The Directory of Tunes and Musical Themes*,
1975).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from music21_server.score.table import Integers
from music21_server.theory.melody.lines import Lines
from music21_server.theory.time.positions import Clock, Position

_OUTLINES: Final = {
    (1, -1): "convex",
    (-1, 1): "concave",
    (1, 1): "ascending",
    (-1, -1): "descending",
    (0, 0): "horizontal",
    (0, 1): "horizontal-ascending",
    (0, -1): "horizontal-descending",
    (1, 0): "ascending-horizontal",
    (-1, 0): "descending-horizontal",
}

_SHORTEST_PHRASE: Final = 3
_OPENING: Final = 32


@dataclass(frozen=True)
class OutlineCount:
    """How many phrases have an outline.

    Attributes:
        outline: Such as ``convex``, an arch.
        phrases: How many.
    """

    outline: str
    phrases: int


@dataclass(frozen=True)
class Contour:
    """The shape of a voice.

    Attributes:
        voice: Its name.
        notes: How many it has, tied ones counted once.
        lowest: Lowest pitch.
        lowest_at: Where it comes first.
        highest: Highest pitch.
        highest_at: Where it comes first.
        outline: Of the whole voice, from its first pitch to the mean of the others to its last one:
            ``convex`` is an arch.
        phrase_outlines: Of its phrases of three notes and more, as ended by rests, the most frequent first.
        rising: Part of the intervals that go up, 0 to 1.
        falling: Part of the intervals that go down.
        repeating: Part of the intervals that repeat a pitch.
        stepwise: Part of the rising and falling ones that are steps.
        opening: The first 32 notes: ``*`` for the first one, then U up, D down, R repeat.
    """

    voice: str
    notes: int
    lowest: str
    lowest_at: Position
    highest: str
    highest_at: Position
    outline: str
    phrase_outlines: tuple[OutlineCount, ...]
    rising: float
    falling: float
    repeating: float
    stepwise: float
    opening: str


def contours(lines: Lines, clock: Clock) -> tuple[Contour, ...]:
    """Return the shape of each voice."""
    return tuple(
        _contour(lines, clock, slice(int(lines.first[line]), int(lines.first[line + 1])))
        for line in range(len(lines.names))
    )


def _contour(lines: Lines, clock: Clock, notes: slice) -> Contour:
    cents = lines.cents[notes]
    lowest, highest = notes.start + int(cents.argmin()), notes.start + int(cents.argmax())
    ups = np.sign(np.diff(cents))
    steps = np.abs(np.diff(lines.place[notes]))
    moving = max(1, int(np.count_nonzero(ups)))
    intervals = max(1, len(ups))
    begins = np.append(np.flatnonzero(~lines.follows[notes]), len(cents))
    outlines = Counter(
        outline_of(cents[begin:end])
        for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True)
        if end - begin >= _SHORTEST_PHRASE
    )
    return Contour(
        voice=lines.names[lines.line[notes.start]],
        notes=len(cents),
        lowest=lines.name(lowest),
        lowest_at=clock.at_tick(int(lines.start[lowest])),
        highest=lines.name(highest),
        highest_at=clock.at_tick(int(lines.start[highest])),
        outline=outline_of(cents),
        phrase_outlines=tuple(OutlineCount(outline, count) for outline, count in outlines.most_common()),
        rising=_share(np.count_nonzero(ups > 0), intervals),
        falling=_share(np.count_nonzero(ups < 0), intervals),
        repeating=_share(np.count_nonzero(ups == 0), intervals),
        stepwise=_share(np.count_nonzero((ups != 0) & (steps <= 1)), moving),
        opening="*" + "".join("RUD"[up] for up in ups[: _OPENING - 1].tolist()),
    )


def outline_of(cents: Integers) -> str:
    """Return the outline of a succession of heights, in cents; of fewer than three, from first to last."""
    semitones = np.rint(cents / 100)
    first, last = semitones[0], semitones[-1]
    middle = np.rint(semitones[1:-1].mean()) if len(semitones) >= _SHORTEST_PHRASE else last
    if len(semitones) < _SHORTEST_PHRASE:
        way = int(np.sign(last - first))
        return _OUTLINES[(way, way)]
    return _OUTLINES[(int(np.sign(middle - first)), int(np.sign(last - middle)))]


def _share(part: np.integer[Any], whole: int) -> float:
    return round(float(part) / whole, 3)
