"""Annotations of stretches of a score, on the score's own clock.

Bars are matched by number, and places within them by quarter notes since the beginning of the bar. Scores and
analyses that number their bars differently can then be aligned, as can music21, which lets parts drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from labels import Label

from music21_server.score.table import Score


@dataclass(frozen=True)
class Annotation:
    """One writer's reading of a chord.

    Attributes:
        label: The chord as a degree of a key.
        root: Pitch class of the root; -1 without one.
        chord: Pitch classes of the chord, if known.
    """

    label: Label
    root: int
    chord: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Place:
    """The position of a label.

    Attributes:
        bar: Number of the bar, without a letter: 4a is the rest of 4.
        quarters: Quarter notes since the beginning of the (full) bar.
    """

    bar: int
    quarters: float


@dataclass(frozen=True)
class Span:
    """An annotated stretch of a score.

    Attributes:
        start: Beginning in ticks since the beginning of the score.
        end: End in ticks.
        annotation: Annotation of the stretch.
    """

    start: int
    end: int
    annotation: Annotation


class Bars:
    """The bars of a score by number.

    A divided bar (4 and 4a, where a phrase ends in the middle) is one bar, and a pickup is the end of a full
    bar.
    """

    def __init__(self, score: Score) -> None:
        self._ticks_per_quarter = score.notes.ticks_per_quarter
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        for text, start, ticks in zip(
            score.measure_numbers,
            score.measure_starts.tolist(),
            score.measure_ticks.tolist(),
            strict=False,
        ):
            number = bar_number(text)
            self._starts.setdefault(number, start)
            self._ends[number] = start + ticks
        full = max((time.ticks for time in score.times if time.measure == 0), default=0)
        opening = bar_number(score.measure_numbers[0])
        length = self._ends[opening] - self._starts[opening]
        if 0 < length < full:
            self._starts[opening] -= full - length

    def __contains__(self, bar: int) -> bool:
        return bar in self._starts

    def tick(self, place: Place) -> int:
        """Return the tick of a place."""
        return self._starts[place.bar] + round(place.quarters * self._ticks_per_quarter)

    def end(self, bar: int) -> int:
        """Return the tick at the end of a bar."""
        return self._ends[bar]


def bar_number(text: str) -> int:
    """Return the number of a bar as printed, without letters; -1 without a number."""
    match = re.match(r"[Xx]?(\d+)", text)
    return int(match[1]) if match else -1


def spans(placed: Iterable[tuple[Place, Annotation]], bars: Bars) -> list[Span]:
    """Return the stretch from each label to the next, and from the last one to the end of its bar.

    Args:
        placed: Labels; those in bars that the score does not have are left out.
        bars: Bars of the score.
    """
    ordered = sorted(
        ((bars.tick(place), place.bar, annotation) for place, annotation in placed if place.bar in bars),
        key=lambda each: each[0],
    )
    ends = [start for start, _, _ in ordered[1:]] + [bars.end(bar) for _, bar, _ in ordered[-1:]]
    return [
        Span(start, end, annotation)
        for (start, _, annotation), end in zip(ordered, ends, strict=True)
        if start < end
    ]
