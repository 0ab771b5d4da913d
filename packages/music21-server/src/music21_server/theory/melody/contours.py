"""Contour of each voice: its range, its kinds of motion, and the outlines of its phrases.

The outline of a phrase is one of nine, from its first pitch to the mean of the middle ones to the last
(Huron, *The Melodic Arch in Western Folksongs*, 1996); the mean is rounded to a semitone here. Rests end
phrases. The opening is also given in Parsons code (*The Directory of Tunes and Musical Themes*, 1975).
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
    """The number of phrases with one outline."""

    outline: str
    """Outline, such as `convex`, an arch."""
    phrases: int
    """Number of phrases."""


@dataclass(frozen=True)
class Contour:
    """The contour of a voice."""

    voice: str
    """Name of the voice."""
    notes: int
    """Number of notes; tied notes are one."""
    lowest: str
    """Lowest pitch."""
    lowest_at: Position
    """Its first occurrence."""
    highest: str
    """Highest pitch."""
    highest_at: Position
    """Its first occurrence."""
    outline: str
    """Outline of the whole voice, from its first pitch to the mean of the others to its last: `convex` is an
    arch."""
    phrase_outlines: tuple[OutlineCount, ...]
    """Outlines of the phrases of three or more notes, the most frequent first; rests end phrases."""
    rising: float
    """Share of intervals that rise, 0 to 1."""
    falling: float
    """Share of intervals that fall."""
    repeating: float
    """Share of intervals that repeat a pitch."""
    stepwise: float
    """Share of steps among the rising and falling intervals."""
    opening: str
    """First 32 notes in Parsons code: `*` for the first one, then U up, D down, R repeat."""


def contours(lines: Lines, clock: Clock) -> tuple[Contour, ...]:
    """Return the contour of each voice."""
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
    """Return the outline of heights in cents; of fewer than three, from the first to the last."""
    semitones = np.rint(cents / 100)
    first, last = semitones[0], semitones[-1]
    middle = np.rint(semitones[1:-1].mean()) if len(semitones) >= _SHORTEST_PHRASE else last
    if len(semitones) < _SHORTEST_PHRASE:
        direction = int(np.sign(last - first))
        return _OUTLINES[(direction, direction)]
    return _OUTLINES[(int(np.sign(middle - first)), int(np.sign(last - middle)))]


def _share(part: np.integer[Any], whole: int) -> float:
    return round(float(part) / whole, 3)
