"""Who says what of which stretch of a score, on the score's own clock.

Bars are found by their numbers, and places in them by the quarter notes since the bar began, so that scores
and analyses with other bars, or music21, which lets parts drift apart, still meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from labels import Label

from music21_server.score.table import Score


@dataclass(frozen=True)
class Said:
    """What somebody says of a chord.

    Attributes:
        label: As a degree of a key.
        root: Pitch class of its root; -1 where there is none.
        chord: Pitch classes that belong to it, where that is known.
    """

    label: Label
    root: int
    chord: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Place:
    """Where a writer put a label.

    Attributes:
        bar: Number of the bar; letters after it are left out, as 4a is the rest of 4.
        quarters: Since the beginning of the (full) bar.
    """

    bar: int
    quarters: float


@dataclass(frozen=True)
class Span:
    """A stretch of a score with what is said of it.

    Attributes:
        start: Ticks since the beginning of the score.
        end: Ticks.
        said: What is said.
    """

    start: int
    end: int
    said: Said


class Bars:
    """The bars of a score by their numbers.

    A bar that is divided (4 and 4a, where a phrase ends in its middle) is one, and a pickup is the end of a
    full one.
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
        """Return the tick where a bar ends."""
        return self._ends[bar]


def bar_number(text: str) -> int:
    """Return the number of a bar as printed, without letters; -1 without a number."""
    match = re.match(r"[Xx]?(\d+)", text)
    return int(match[1]) if match else -1


def spans(placed: Iterable[tuple[Place, Said]], bars: Bars) -> list[Span]:
    """Return stretches from each label to the next, and from the last one to the end of its bar.

    Args:
        placed: Labels; those in bars that the score does not have are left out.
        bars: Of the score.
    """
    known = sorted(
        ((bars.tick(place), place.bar, said) for place, said in placed if place.bar in bars),
        key=lambda each: each[0],
    )
    ends = [start for start, _, _ in known[1:]] + [bars.end(bar) for _, bar, _ in known[-1:]]
    return [Span(start, end, said) for (start, _, said), end in zip(known, ends, strict=True) if start < end]
