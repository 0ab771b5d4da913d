"""Recurring patterns in a series of numbers, including mirrored and reversed ones.

All windows of growing lengths are grouped. A group is closed if no longer one has as many members; only
closed groups are patterns of their own (Lartillot, *Efficient extraction of closed motivic patterns in
multi-dimensional symbolic representations of music*, 2005). Of overlapping patterns the most interesting one
is kept; see `information_content`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Integers
from music21_server.theory.melody.frequent_windows import Level, counts_of_longer, levels
from music21_server.theory.melody.information_content import Bits, Information, information_of, saved_bits
from music21_server.theory.melody.symbol_series import PatternCriteria, Series

_MOST_PER_LENGTH: Final = 150
"""Most candidates of each length, the most interesting ones."""

_MOST_COVERED: Final = 0.5
"""A pattern with a larger share covered by more interesting ones is left out."""


@dataclass(frozen=True)
class Recurrence:
    """A recurring pattern.

    Attributes:
        length: Length in symbols.
        at: Beginnings of its occurrences in the series, in order of time; the first is in prime form.
        form: Form of each occurrence, as an index into `FORMS`.
        interest: Bits that it saves; at or below 0 it may be chance.
    """

    length: int
    at: Integers
    form: Integers
    interest: float


def recurrences(series: Series, criteria: PatternCriteria) -> list[Recurrence]:
    """Return the patterns of a series, the most interesting first."""
    if not len(series.symbol):
        return []
    information = information_of(series)
    candidates = sorted(
        _candidates(series, information, criteria), key=lambda each: (-each[0], each[1], each[2][0])
    )
    covered = np.zeros(len(series.symbol), dtype=np.bool_)
    patterns: list[Recurrence] = []
    for _, length, members in candidates:
        if len(patterns) == criteria.most:
            break
        if covered[members[:, np.newaxis] + np.arange(length)].mean() > _MOST_COVERED:
            continue
        pattern = _refined(series, information, criteria, members, length)
        if pattern is not None:
            covered[pattern.at[:, np.newaxis] + np.arange(pattern.length)] = True
            patterns.append(pattern)
    return sorted(patterns, key=lambda each: (-each.interest, int(each.at[0])))


def _candidates(
    series: Series, information: Information, criteria: PatternCriteria
) -> Iterator[tuple[float, int, Integers]]:
    """Yield closed groups: approximate interest, length in symbols, and beginnings of the members."""
    changes = np.cumsum(np.diff(series.symbol, prepend=series.symbol[:1]) != 0)
    levels_by_length = levels(series, criteria)
    level = next(levels_by_length, None)
    while level is not None:
        longer = next(levels_by_length, None)
        if len(level.at):
            exemplar = np.zeros(len(level.count), dtype=np.int64)
            exemplar[level.group[::-1]] = level.at[::-1]
            interest = saved_bits(
                series, information, exemplar, level.length, count=level.count, mirrored=criteria.mirrored
            )
            # Repeated notes, scales and even rhythms are not patterns.
            varied = changes[exemplar + level.length - 1] > changes[exemplar]
            chosen = varied & (level.count >= criteria.occurrences)
            chosen &= level.count > counts_of_longer(level, longer, len(series.symbol))
            best = np.flatnonzero(chosen)
            best = best[np.argsort(-interest[best], kind="stable")[:_MOST_PER_LENGTH]]
            yield from _with_members(level, best, interest)
        level = longer


def _with_members(level: Level, best: Integers, interest: Bits) -> Iterator[tuple[float, int, Integers]]:
    rank = np.full(len(level.count), -1)
    rank[best] = np.arange(len(best))
    kept = level.is_new & (rank[level.group] >= 0)
    of_member, at = rank[level.group[kept]], level.at[kept]
    order = np.argsort(of_member, kind="stable")
    first = np.searchsorted(of_member[order], np.arange(len(best) + 1))
    for index, group in enumerate(best):
        members = at[order[first[index] : first[index + 1]]]
        yield float(interest[group]), level.length, members


def _refined(
    series: Series, information: Information, criteria: PatternCriteria, members: Integers, length: int
) -> Recurrence | None:
    """Return a group's pattern, its members compared in full, not overlapping and fully extended."""
    at = members[np.argsort(series.start[members], kind="stable")]
    at, form = _matching_forms(series.symbol, at, length, mirrored=criteria.mirrored)
    order = np.argsort(at, kind="stable")
    apart = order[_not_overlapping(at[order], length)]
    apart = apart[np.argsort(series.start[at[apart]], kind="stable")]
    at, form = at[apart], form[apart]
    if len(at) < criteria.occurrences:
        return None
    at, length = _extended(series, at, form, length)
    # The first occurrence defines the prime form, not the exemplar that was compared before.
    at, form = _matching_forms(series.symbol, at, length, mirrored=criteria.mirrored)
    interest = saved_bits(
        series, information, at[:1], length, count=np.array([len(at)]), mirrored=criteria.mirrored
    )
    return Recurrence(length, at, form, round(float(interest[0]), 1))


def _matching_forms(
    symbol: Integers, at: Integers, length: int, *, mirrored: bool
) -> tuple[Integers, Integers]:
    """Return the windows that are a form of the first one, and their forms."""
    windows = symbol[at[:, np.newaxis] + np.arange(length)]
    first = windows[0]
    form = np.full(len(at), -1)
    shapes = (first, -first, -first[::-1], first[::-1]) if mirrored else (first,)
    for index in range(len(shapes) - 1, -1, -1):
        form[(windows == shapes[index]).all(axis=1)] = index
    return at[form >= 0], form[form >= 0]


def _not_overlapping(at: Integers, length: int) -> Integers:
    """Return indices of windows, from the first on, that do not overlap."""
    if len(at) < 2 or int(np.diff(at).min()) >= length:
        return np.arange(len(at))
    kept, end = [], -1
    for index, begin in enumerate(at.tolist()):
        if begin >= end:
            kept.append(index)
            end = begin + length
    return np.array(kept)


def _extended(series: Series, at: Integers, form: Integers, length: int) -> tuple[Integers, int]:
    """Return windows extended at both ends as far as all of them agree, and their length."""
    sign = np.where((form == 0) | (form == 3), 1, -1)
    forwards = form < 2
    for is_end in (True, False):
        while True:
            grows_right = forwards == is_end
            new = np.where(grows_right, at + length, at - 1)
            if (new < 0).any() or (new >= len(series.symbol)).any() or (series.remaining[new] < 1).any():
                break
            begin = np.where(grows_right, at, new)
            if (series.remaining[begin] < length + 1).any() or len(np.unique(sign * series.symbol[new])) > 1:
                break
            if len(at) > 1 and int(np.diff(np.sort(begin)).min()) <= length:
                break
            at, length = begin, length + 1
    return at, length
