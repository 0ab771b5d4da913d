"""How often harmonies change, and which follow which."""

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
    """Harmonic rhythm of a few bars.

    Attributes:
        first_measure: Number of the first bar, as printed.
        last_measure: Number of the last bar.
        changes_per_measure: Mean number of new chords in a bar.
    """

    first_measure: str
    last_measure: str
    changes_per_measure: float


@dataclass(frozen=True)
class HarmonicRhythm:
    """How often harmonies change; inversions and added sevenths of a chord are no change.

    Attributes:
        change_count: Chords that differ from the one before, the first one included.
        changes_per_measure: Mean number of them in a bar.
        median_quarters: Median time that a chord lasts, in quarter notes.
        sections: The same of every eight bars.
    """

    change_count: int
    changes_per_measure: float
    median_quarters: float
    sections: tuple[RhythmSection, ...]


@dataclass(frozen=True)
class Progression:
    """Chords that follow each other.

    Attributes:
        numerals: Without figures: sevenths and inversions of a chord count as the chord.
        count: How often they follow each other.
        positions: Where the first of them begins, the first ten times.
    """

    numerals: tuple[str, ...]
    count: int
    positions: tuple[Position, ...]


def harmonic_rhythm(
    measures: Sequence[int], starts: Sequence[float], end: float, numbers: Sequence[str]
) -> HarmonicRhythm:
    """Return how often harmonies change.

    Args:
        measures: Index of the bar of each change.
        starts: Of each change, in quarter notes.
        end: Of the last harmony, in quarter notes.
        numbers: Of all bars, as printed.
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
        numerals: Of all chords in the order of time, without figures.
        positions: Of all chords.
        length: How many chords make a series.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for first in range(len(numerals) - length + 1):
        places[tuple(numerals[first : first + length])].append(first)
    found = [(series, at) for series, at in places.items() if len(at) > 1]
    found.sort(key=lambda each: (-len(each[1]), each[0]))
    return tuple(
        Progression(series, len(at), tuple(positions[each] for each in at[:_MOST_POSITIONS]))
        for series, at in found[:_MOST_PROGRESSIONS]
    )
