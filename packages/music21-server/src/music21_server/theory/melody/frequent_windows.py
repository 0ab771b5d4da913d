"""Windows of a series that occur often enough, length by length.

All windows of a length are grouped by hash; only windows in large enough groups are extended by one symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.algorithms.rolling_hash import Hashes, WindowHashes, grouped, mix
from music21_server.theory.melody.symbol_series import PatternCriteria, Series

_EVERY_LENGTH_UP_TO: Final = 10
"""Longest window up to which every length is tried; beyond it, each length is a quarter longer."""


@dataclass(frozen=True)
class Level:
    """Windows of one length that occur often enough.

    Attributes:
        length: Length in symbols.
        at: Beginning of each window.
        group: Group of each window; windows of a group are alike.
        is_new: Whether no earlier voice has the same window at the same time.
        count: Number of new windows in each group.
    """

    length: int
    at: Integers
    group: Integers
    is_new: Booleans
    count: Integers


def levels(series: Series, criteria: PatternCriteria) -> Iterator[Level]:
    """Yield the windows that occur often enough, the shortest first."""
    plain = WindowHashes(mix(series.symbol))
    mirrored = WindowHashes(mix(-series.symbol)) if criteria.mirrored else None
    at = np.flatnonzero(series.remaining >= criteria.shortest)
    is_shared = np.ones(len(at), dtype=np.bool_)
    for length in _lengths(criteria):
        fits = series.remaining[at] >= length
        at, is_shared = at[fits], is_shared[fits]
        if not len(at):
            return
        prime = plain.forward(length)[at]
        groups = grouped(prime if mirrored is None else _least(plain, mirrored, length, at))
        group = np.empty(len(at), dtype=np.int64)
        group[groups.order] = groups.group
        is_new, is_shared = _simultaneous(mix(prime ^ mix(series.start[at])), is_shared)
        count = np.bincount(group[is_new], minlength=len(groups.first))
        often = count[group] >= criteria.occurrences
        at, is_shared = at[often], is_shared[often]
        yield Level(length, at, group[often], is_new[often], count)


def _simultaneous(like: Hashes, is_shared: Booleans) -> tuple[Booleans, Booleans]:
    """Return which windows are the first of simultaneous equal ones, and which have such equals.

    Args:
        like: Hash that simultaneous equal windows share: one occurrence in several voices.
        is_shared: Whether each window had such equals when it was shorter; the others have none now.
    """
    shared = np.flatnonzero(is_shared)
    groups = grouped(like[shared])
    is_new = ~is_shared
    is_new[shared[groups.order[groups.first]]] = True
    still = np.zeros(len(like), dtype=np.bool_)
    still[shared[groups.order]] = groups.count[groups.group] > 1
    return is_new, still


def _least(plain: WindowHashes, mirrored: WindowHashes, length: int, at: Integers) -> Hashes:
    """Return a hash that the four forms of a window have in common."""
    forms = [hashes[at] for hashes in (plain.forward(length), mirrored.forward(length))]
    forms += [hashes[at] for hashes in (mirrored.backward(length), plain.backward(length))]
    least: Hashes = np.minimum.reduce(forms)
    return least


def counts_of_longer(level: Level, longer: Level | None, size: int) -> Integers:
    """Return for each group the greatest count of a longer window that contains one of its members."""
    greatest = np.zeros(len(level.count), dtype=np.int64)
    if longer is None:
        return greatest
    count = np.zeros(size, dtype=np.int64)
    count[longer.at] = longer.count[longer.group]
    for shift in range(longer.length - level.length + 1):
        before = level.at - shift
        np.maximum.at(greatest, level.group, np.where(before >= 0, count[before], 0))
    return greatest


def _lengths(criteria: PatternCriteria) -> list[int]:
    lengths = [criteria.shortest]
    while lengths[-1] < criteria.longest:
        last = lengths[-1]
        lengths.append(last + 1 if last < _EVERY_LENGTH_UP_TO else min(last + last // 4, criteria.longest))
    return lengths
