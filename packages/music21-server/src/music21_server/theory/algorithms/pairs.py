"""Pairs of elements of the same group, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from music21_server.score.table import Integers

_PAIRS_PER_PIECE: Final = 1_000_000
"""Approximate number of pairs in one piece."""


def pairs_within(group: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield all pairs of elements in the same group, as indices of the earlier and of the later element.

    Args:
        group: Group of each element; members of a group are adjacent.
    """
    size = len(group)
    if size == 0:
        return
    is_last = np.ones(size, dtype=np.bool_)
    is_last[:-1] = group[1:] != group[:-1]
    last = np.flatnonzero(is_last)
    index = np.arange(size)
    followers = last[np.searchsorted(last, index)] - index
    reached = np.cumsum(followers)
    begin = 0
    while begin < size:
        before = int(reached[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(reached, before + _PAIRS_PER_PIECE, side="right")))
        counts = followers[begin:end]
        earlier = np.repeat(index[begin:end], counts)
        within = np.arange(len(earlier)) - np.repeat(np.cumsum(counts) - counts, counts)
        if len(earlier):
            yield earlier, earlier + 1 + within
        begin = end
