"""Harmonic rhythm, and the most common chord progressions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from music21_server.theory.time.positions import Position

_SECTION_BARS: Final = 8
_MOST_PROGRESSIONS: Final = 10
_MOST_POSITIONS: Final = 10


@dataclass(frozen=True)
class RhythmSection:
    """The harmonic rhythm of a few bars."""

    first_measure: str
    """Number of the first bar, as printed."""
    last_measure: str
    """Number of the last bar, as printed."""
    changes_per_measure: float
    """Mean number of chord changes per bar."""


@dataclass(frozen=True)
class HarmonicRhythm:
    """The rate at which harmonies change; inversions and added sevenths are not changes."""

    change_count: int
    """Number of chords that differ from the one before, including the first chord."""
    changes_per_measure: float
    """Mean number of chord changes per bar."""
    median_quarters: float
    """Median duration of a chord, in quarter notes."""
    sections: tuple[RhythmSection, ...]
    """Changes per bar in sections of eight bars."""


@dataclass(frozen=True)
class Progression:
    """A series of successive chords."""

    numerals: tuple[str, ...]
    """Numerals without figures, so sevenths and inversions do not differ from the plain chord."""
    count: int
    """Number of occurrences."""
    positions: tuple[Position, ...]
    """Beginnings of the first ten occurrences."""


def harmonic_rhythm(
    measures: Sequence[int], starts: Sequence[float], end: float, numbers: Sequence[str]
) -> HarmonicRhythm:
    """Return the rate at which harmonies change.

    Args:
        measures: Index of the bar of each change.
        starts: Time of each change, in quarter notes.
        end: End of the last harmony, in quarter notes.
        numbers: Numbers of all bars, as printed.
    """
    counts = [0] * max(len(numbers), 1)
    for measure in measures:
        counts[min(measure, len(counts) - 1)] += 1
    durations = [after - before for before, after in zip(starts, [*starts[1:], end], strict=True)]
    sections = []
    for first in range(0, len(numbers), _SECTION_BARS):
        own = counts[first : first + _SECTION_BARS]
        last = first + len(own) - 1
        sections.append(RhythmSection(numbers[first], numbers[last], round(sum(own) / len(own), 4)))
    return HarmonicRhythm(
        change_count=len(measures),
        changes_per_measure=round(len(measures) / len(counts), 4),
        median_quarters=round(median(durations), 4) if durations else 0.0,
        sections=tuple(sections),
    )


def progressions(
    numerals: Sequence[str], positions: Sequence[Position], length: int
) -> tuple[Progression, ...]:
    """Return the most common series of chords that occur more than once, the most common first.

    Args:
        numerals: Numerals of all chords in order of time, without figures.
        positions: Positions of all chords.
        length: Number of chords in a series.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for first in range(len(numerals) - length + 1):
        places[tuple(numerals[first : first + length])].append(first)
    repeated = [(series, at) for series, at in places.items() if len(at) > 1]
    repeated.sort(key=lambda each: (-len(each[1]), each[0]))
    return tuple(
        Progression(series, len(at), tuple(positions[each] for each in at[:_MOST_POSITIONS]))
        for series, at in repeated[:_MOST_PROGRESSIONS]
    )
