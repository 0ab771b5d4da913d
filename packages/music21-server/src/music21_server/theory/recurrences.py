"""Patterns that come again in a sequence of numbers, also mirrored and backwards.

All windows of growing lengths are grouped by hashes; only windows that come often enough are looked at with one
more symbol. A group is closed when no longer one has as many members: only closed groups are patterns of their
own (Lartillot, *Efficient extraction of closed motivic patterns in multi-dimensional symbolic representations
of music*, 2005). A pattern is interesting by as many bits as are saved when it is written out once, and for each
occurrence only the place (Rissanen's minimum description length, 1978; on patterns in music Meredith, *COSIATEC
and SIATECCompress*, 2013): what comes again by chance saves nothing. Of patterns that lie over each other the
most interesting one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.notes import Booleans, Integers
from music21_server.theory.windows import Hashes, WindowHashes, mix

Form = Literal["prime", "inversion", "retrograde", "retrograde inversion"]
FORMS: Final[tuple[Form, ...]] = ("prime", "inversion", "retrograde", "retrograde inversion")

_ALL_LENGTHS: Final = 16
"""Up to so many symbols every length is looked at; beyond, the next one is a quarter longer."""

_MOST_PER_LENGTH: Final = 150
"""Of each length, so many of the most interesting groups are candidates."""

_LEAST_NEW: Final = 0.5
"""A pattern of which more than this lies under more interesting ones is left out."""


@dataclass(frozen=True)
class Series:
    """What patterns are looked for in: symbols of many phrases, one after the other.

    Attributes:
        symbol: Numbers.
        room: How many symbols of a phrase there are from each on, itself included; 0 for one of no phrase.
        start: When each begins; the same window at the same time, in another voice, is no other occurrence.
    """

    symbol: Integers
    room: Integers
    start: Integers


@dataclass(frozen=True)
class Recurrence:
    """A pattern.

    Attributes:
        length: In symbols.
        at: Where its occurrences begin in the series, in the order of time, the first in its prime form.
        form: Of each occurrence, index in `FORMS`.
        interest: Bits that it saves; at or below 0 it may be chance.
    """

    length: int
    at: Integers
    form: Integers
    interest: float


@dataclass(frozen=True)
class Wanted:
    """What counts as a pattern.

    Attributes:
        shortest: Symbols.
        longest: Symbols that are compared; a pattern that goes on is followed further.
        occurrences: At least so many, none over another in the same voice.
        mirrored: Whether inversion, retrograde and retrograde inversion are the same pattern.
        most: How many patterns to return.
    """

    shortest: int
    longest: int
    occurrences: int
    mirrored: bool
    most: int


def rooms(phrase: Integers, symbols_less: int) -> Integers:
    """Return the column `room` of a series.

    Args:
        phrase: Of each note.
        symbols_less: How many symbols a phrase has less than notes: 1 for intervals between them.
    """
    last = np.flatnonzero(np.diff(phrase, append=-1) != 0)
    index = np.arange(len(phrase))
    return last[np.searchsorted(last, index)] + 1 - symbols_less - index


def recurrences(series: Series, wanted: Wanted) -> list[Recurrence]:
    """Return patterns, the most interesting first."""
    if not len(series.symbol):
        return []
    information = _information(series)
    candidates = sorted(
        _candidates(series, information, wanted), key=lambda each: (-each[0], each[1], each[2][0])
    )
    covered = np.zeros(len(series.symbol), dtype=np.bool_)
    found: list[Recurrence] = []
    for _, length, members in candidates:
        if len(found) == wanted.most:
            break
        if covered[members[:, np.newaxis] + np.arange(length)].mean() > _LEAST_NEW:
            continue
        pattern = _refined(series, information, wanted, members, length)
        if pattern is None:
            continue
        under = pattern.at[:, np.newaxis] + np.arange(pattern.length)
        if covered[under].mean() <= _LEAST_NEW:
            covered[under] = True
            found.append(pattern)
    return sorted(found, key=lambda each: (-each.interest, int(each.at[0])))


def _lengths(wanted: Wanted) -> list[int]:
    lengths = [wanted.shortest]
    while lengths[-1] < wanted.longest:
        last = lengths[-1]
        lengths.append(last + 1 if last < _ALL_LENGTHS else min(last + last // 4, wanted.longest))
    return lengths


@dataclass(frozen=True)
class _Level:
    """Windows of one length that come often enough.

    Attributes:
        length: In symbols.
        at: Where each begins.
        group: Which are alike.
        is_new: Whether no earlier voice has the same at the same time.
        count: Members of each group that are new.
    """

    length: int
    at: Integers
    group: Integers
    is_new: Booleans
    count: Integers


def _levels(series: Series, wanted: Wanted) -> Iterator[_Level]:
    plain = WindowHashes(mix(series.symbol))
    mirrored = WindowHashes(mix(-series.symbol)) if wanted.mirrored else None
    at = np.flatnonzero(series.room >= wanted.shortest)
    is_shared = np.ones(len(at), dtype=np.bool_)
    for length in _lengths(wanted):
        fits = series.room[at] >= length
        at, is_shared = at[fits], is_shared[fits]
        if not len(at):
            return
        prime = plain.forward(length)[at]
        group, count = _groups(prime if mirrored is None else _least(plain, mirrored, length, at))
        is_new, is_shared = _told_once(mix(prime ^ mix(series.start[at])), is_shared)
        count = np.bincount(group[is_new], minlength=len(count))
        often = count[group] >= wanted.occurrences
        at, is_shared = at[often], is_shared[often]
        yield _Level(length, at, group[often], is_new[often], count)


def _told_once(like: Hashes, is_shared: Booleans) -> tuple[Booleans, Booleans]:
    """Return which windows are the first of those alike at the same time, and which are not the only one.

    Args:
        like: Equal for windows that are alike at the same time: one occurrence in several voices.
        is_shared: Whether each was not the only one when windows were shorter; the others are not now.
    """
    shared = np.flatnonzero(is_shared)
    _, first, inverse, count = np.unique(like[shared], return_index=True, return_inverse=True, return_counts=True)
    is_new = ~is_shared
    is_new[shared[first]] = True
    still = np.zeros(len(like), dtype=np.bool_)
    still[shared] = count[inverse] > 1
    return is_new, still


def _groups(values: Hashes) -> tuple[Integers, Integers]:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    return group, count


def _least(plain: WindowHashes, mirrored: WindowHashes, length: int, at: Integers) -> Hashes:
    """Return a hash that the four forms of a window have in common."""
    forms = [hashes[at] for hashes in (plain.forward(length), mirrored.forward(length))]
    forms += [hashes[at] for hashes in (mirrored.backward(length), plain.backward(length))]
    return np.minimum.reduce(forms)


def _candidates(
    series: Series, information: _Information, wanted: Wanted
) -> Iterator[tuple[float, int, Integers]]:
    """Yield closed groups: about how interesting, length in symbols, and where the members begin."""
    changes = np.cumsum(np.diff(series.symbol, prepend=series.symbol[:1]) != 0)
    levels = _levels(series, wanted)
    level = next(levels, None)
    while level is not None:
        longer = next(levels, None)
        if len(level.at):
            exemplar = np.zeros(len(level.count), dtype=np.int64)
            exemplar[level.group[::-1]] = level.at[::-1]
            interest = _interest(series, information, wanted, exemplar, level.length, level.count)
            # Repeated notes, scales and even rhythms are no patterns to speak of.
            varied = changes[exemplar + level.length - 1] > changes[exemplar]
            chosen = varied & (level.count >= wanted.occurrences)
            chosen &= level.count > _counts_of_longer(level, longer, len(series.symbol))
            best = np.flatnonzero(chosen)
            best = best[np.argsort(-interest[best], kind="stable")[:_MOST_PER_LENGTH]]
            yield from _with_members(level, best, interest)
        level = longer


def _with_members(
    level: _Level, best: Integers, interest: npt.NDArray[np.float64]
) -> Iterator[tuple[float, int, Integers]]:
    rank = np.full(len(level.count), -1)
    rank[best] = np.arange(len(best))
    kept = level.is_new & (rank[level.group] >= 0)
    of_member, at = rank[level.group[kept]], level.at[kept]
    order = np.argsort(of_member, kind="stable")
    first = np.searchsorted(of_member[order], np.arange(len(best) + 1))
    for index, group in enumerate(best):
        members = at[order[first[index] : first[index + 1]]]
        yield float(interest[group]), level.length, members


def _counts_of_longer(level: _Level, longer: _Level | None, size: int) -> Integers:
    """Return for each group the greatest count of a longer window that contains one of its members."""
    found = np.zeros(len(level.count), dtype=np.int64)
    if longer is None:
        return found
    count = np.zeros(size, dtype=np.int64)
    count[longer.at] = longer.count[longer.group]
    for shift in range(longer.length - level.length + 1):
        before = level.at - shift
        np.maximum.at(found, level.group, np.where(before >= 0, count[before], 0))
    return found


@dataclass(frozen=True)
class _Information:
    """How much the symbols tell, in bits.

    Attributes:
        alone: Of each, where nothing goes before it.
        before: Sum over all before each, and over all, where the one before is known.
    """

    alone: npt.NDArray[np.float64]
    before: npt.NDArray[np.float64]

    def of(self, at: Integers, length: int) -> npt.NDArray[np.float64]:
        """Return the information of windows of a length."""
        result: npt.NDArray[np.float64] = self.alone[at] + self.before[at + length] - self.before[at + 1]
        return result


def _information(series: Series) -> _Information:
    """Return the information of symbols by how often they come, and come after the one before.

    What follows upon itself again and again tells little. Pairs are smoothed by single symbols, as many as there
    are kinds (Witten & Bell, *The zero-frequency problem*, 1991).
    """
    _, kind, count = np.unique(series.symbol, return_inverse=True, return_counts=True)
    share = count / count.sum()
    kinds = len(count)
    follows = np.flatnonzero(series.room[:-1] > 1) + 1
    _, pair, pairs = np.unique(kind[follows - 1] * kinds + kind[follows], return_inverse=True, return_counts=True)
    left = np.bincount(kind[follows - 1], minlength=kinds)
    alone = -np.log2(share)[kind]
    known = np.zeros(len(kind))
    chance = (pairs[pair] + kinds * share[kind[follows]]) / (left[kind[follows - 1]] + kinds)
    known[follows] = -np.log2(chance)
    return _Information(alone, np.concatenate([np.zeros(1), np.cumsum(known)]))


def _interest(
    series: Series,
    information: _Information,
    wanted: Wanted,
    exemplar: Integers,
    length: int,
    count: Integers,
) -> npt.NDArray[np.float64]:
    """Return the bits saved: the pattern for all occurrences but one, less the places of all of them."""
    chances = np.count_nonzero(series.room >= length) * (len(FORMS) if wanted.mirrored else 1)
    bits = information.of(exemplar, length)
    # The binary logarithm of the ways to choose so many places out of all, by Stirling.
    places = np.log2(np.e * max(chances, 1) / np.maximum(count, 1))
    result: npt.NDArray[np.float64] = (count - 1) * bits - count * places
    return result


def _refined(
    series: Series, information: _Information, wanted: Wanted, members: Integers, length: int
) -> Recurrence | None:
    """Return a pattern of a group: its members compared in full, none over another, as long as it goes."""
    at = members[np.argsort(series.start[members], kind="stable")]
    at, form = _told_apart(series.symbol, at, length, mirrored=wanted.mirrored)
    order = np.argsort(at, kind="stable")
    apart = order[_not_overlapping(at[order], length)]
    apart = apart[np.argsort(series.start[at[apart]], kind="stable")]
    at, form = at[apart], form[apart]
    if len(at) < wanted.occurrences:
        return None
    at, length = _extended(series, at, form, length)
    # What was an inversion of the exemplar is called as seen from the first occurrence.
    at, form = _told_apart(series.symbol, at, length, mirrored=wanted.mirrored)
    count = np.array([len(at)])
    interest = float(_interest(series, information, wanted, at[:1], length, count)[0])
    return Recurrence(length, at, form, round(interest, 1))


def _told_apart(symbol: Integers, at: Integers, length: int, *, mirrored: bool) -> tuple[Integers, Integers]:
    """Return the windows that are a form of the first one, and which form."""
    windows = symbol[at[:, np.newaxis] + np.arange(length)]
    first = windows[0]
    form = np.full(len(at), -1)
    shapes = (first, -first, -first[::-1], first[::-1]) if mirrored else (first,)
    for index in range(len(shapes) - 1, -1, -1):
        form[(windows == shapes[index]).all(axis=1)] = index
    return at[form >= 0], form[form >= 0]


def _not_overlapping(at: Integers, length: int) -> Integers:
    """Return indices of windows, from the first on, none of which begins within another."""
    if len(at) < 2 or int(np.diff(at).min()) >= length:
        return np.arange(len(at))
    kept, end = [], -1
    for index, begin in enumerate(at.tolist()):
        if begin >= end:
            kept.append(index)
            end = begin + length
    return np.array(kept)


def _extended(series: Series, at: Integers, form: Integers, length: int) -> tuple[Integers, int]:
    """Return windows made longer at either end as far as all of them go on alike."""
    sign = np.where((form == 0) | (form == 3), 1, -1)
    forwards = form < 2
    for is_end in (True, False):
        while True:
            grows_right = forwards == is_end
            new = np.where(grows_right, at + length, at - 1)
            if (new < 0).any() or (new >= len(series.symbol)).any() or (series.room[new] < 1).any():
                break
            begin = np.where(grows_right, at, new)
            if (series.room[begin] < length + 1).any() or len(np.unique(sign * series.symbol[new])) > 1:
                break
            if len(at) > 1 and int(np.diff(np.sort(begin)).min()) <= length:
                break
            at, length = begin, length + 1
    return at, length
