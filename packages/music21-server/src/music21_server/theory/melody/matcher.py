"""Search for a query in melodic lines, from every note at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Final, Literal

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.melody.lines import Lines
from music21_server.theory.melody.queries import Query, QueryInterval

_STEP: Final = 1
_STEP_CENTS: Final = 200


@dataclass(frozen=True)
class Tolerance:
    """Deviations from the query that a match may have.

    Attributes:
        extra_notes: Most notes between one note of the query and the next.
        varied_intervals: Most intervals that are a step larger or smaller.
        any_speed: Whether all lengths may be multiplied by one factor.
    """

    extra_notes: int = 0
    varied_intervals: int = 0
    any_speed: bool = False


@dataclass(frozen=True)
class Matches:
    """Matches, or beginnings of matches.

    Attributes:
        first: Index of the first note in the lines.
        last: Index of the last note so far.
        extra: Number of extra notes skipped.
        varied: Number of intervals that differ by a step.
    """

    first: Integers
    last: Integers
    extra: Integers
    varied: Integers

    def select(self, which: Booleans | Integers) -> Matches:
        """Return some of the matches."""
        return Matches(self.first[which], self.last[which], self.extra[which], self.varied[which])

    @staticmethod
    def concatenate(several: Sequence[Matches]) -> Matches:
        """Return the matches of several sets in one."""
        return Matches(
            *(np.concatenate([getattr(each, field.name) for each in several]) for field in fields(Matches))
        )


class Matcher:
    """Searches lines for queries."""

    def __init__(
        self,
        lines: Lines,
        phrase: Integers,
        ticks_per_quarter: int,
        compare: Literal["semitones", "steps"],
        tolerance: Tolerance,
    ) -> None:
        self._lines = lines
        self._phrase = phrase
        self._unit = ticks_per_quarter
        self._compare = compare
        self._tolerance = tolerance
        self._length = lines.end - lines.start

    def matches(self, query: Query) -> Matches:
        """Return at most one match from each note, the one with the fewest deviations."""
        matches = self._start(query, np.arange(len(self._lines)))
        for index in range(1, query.size):
            matches, _ = self._extend(query, index, matches)
        return matches.select(_best(matches, matches.first))

    def path(self, query: Query, first: int, last: int) -> list[int]:
        """Return the notes of the match between two notes."""
        if last - first == query.size - 1:
            return list(range(first, last + 1))
        matches = self._start(query, np.array([first]))
        stages, origins = [matches], []
        for index in range(1, query.size):
            matches, origin = self._extend(query, index, matches)
            stages.append(matches)
            origins.append(origin)
        row = int(np.flatnonzero(matches.last == last)[0])
        path = [last]
        for matches, origin in zip(stages[-2::-1], origins[::-1], strict=True):
            row = int(origin[row])
            path.append(int(matches.last[row]))
        return path[::-1]

    def _start(self, query: Query, first: Integers) -> Matches:
        """Return matches of the first note of the query."""
        zeros = np.zeros(len(first), dtype=np.int64)
        matches = Matches(first, first, zeros, zeros)
        return matches.select(self._has_length(query, 0, first, first))

    def _extend(self, query: Query, index: int, matches: Matches) -> tuple[Matches, Integers]:
        """Return the matches extended by one note, and the index of the match that each one extends."""
        extensions, origins = [], []
        for extra in range(self._tolerance.extra_notes + 1):
            row = np.flatnonzero(matches.last + 1 + extra < len(self._lines))
            before, note = matches.last[row], matches.last[row] + 1 + extra
            is_same, is_near = self._compare_interval(query, index - 1, before, note)
            fits = is_same | (is_near & (matches.varied[row] < self._tolerance.varied_intervals))
            fits &= self._phrase[note] == self._phrase[before]
            fits &= self._has_length(query, index, note, matches.first[row])
            fits &= self._has_rest(query, index - 1, before, matches.first[row])
            row, note, is_same = row[fits], note[fits], is_same[fits]
            origins.append(row)
            extensions.append(
                Matches(matches.first[row], note, matches.extra[row] + extra, matches.varied[row] + ~is_same)
            )
        longer, origin = Matches.concatenate(extensions), np.concatenate(origins)
        if len(extensions) == 1:
            return longer, origin
        best = _best(longer, longer.first * len(self._lines) + longer.last)
        return longer.select(best), origin[best]

    def _compare_interval(
        self, query: Query, index: int, before: Integers, note: Integers
    ) -> tuple[Booleans, Booleans]:
        """Return which intervals are as in the query, and which are at most a step off."""
        anything = np.ones(len(note), dtype=np.bool_)
        if query.intervals is None:
            return anything, anything
        interval, lines = query.intervals[index], self._lines
        if interval.direction is not None:
            is_same = np.sign(lines.cents[note] - lines.cents[before]) == interval.direction
            return is_same, is_same
        if self._compares_steps(interval):
            heights, size, octave, step = lines.place, interval.steps or 0, 7, _STEP
        else:
            heights, size, octave, step = lines.cents, interval.cents or 0, 1200, _STEP_CENTS
        off = heights[note] - heights[before] - size
        if interval.any_octave:
            off = (off + octave // 2) % octave - octave // 2
        return off == 0, np.abs(off) <= step

    def _compares_steps(self, interval: QueryInterval) -> bool:
        return interval.cents is None or (self._compare == "steps" and interval.steps is not None)

    def _has_length(self, query: Query, index: int, note: Integers, first: Integers) -> Booleans:
        length = None if query.lengths is None else query.lengths[index]
        if length is None:
            return np.ones(len(note), dtype=np.bool_)
        return self._lasts(self._length[note], length, query, first)

    def _has_rest(self, query: Query, index: int, before: Integers, first: Integers) -> Booleans:
        if query.rests is None:
            return np.ones(len(before), dtype=np.bool_)
        after = np.minimum(before + 1, len(self._lines) - 1)
        return self._lasts(
            self._lines.start[after] - self._lines.end[before], query.rests[index], query, first
        )

    def _lasts(self, ticks: Integers, length: Fraction, query: Query, first: Integers) -> Booleans:
        """Return which times have a length, at the speed of the first note or of the score."""
        given = query.lengths[0] if query.lengths else None
        if self._tolerance.any_speed and given is not None:
            expected_ticks = self._length[first] * float(length)
            is_close: Booleans = np.isclose(ticks * float(given), expected_ticks, rtol=1e-9, atol=0)
            return is_close
        exact = length * self._unit
        if exact.denominator != 1:
            return np.zeros(len(ticks), dtype=np.bool_)
        lasts: Booleans = ticks == int(exact)
        return lasts


def _best(matches: Matches, like: Integers) -> Integers:
    """Return the best match of those with equal `like`: the one with the fewest deviations, then the
    shortest."""
    order = np.lexsort((matches.last, matches.extra + matches.varied, like))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = np.diff(like[order]) != 0
    return order[is_first]
