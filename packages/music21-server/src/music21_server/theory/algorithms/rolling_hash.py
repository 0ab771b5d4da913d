"""Hashes of all windows of a sequence, at the same cost for every window length.

Equal windows have equal hashes. These are polynomial rolling hashes (Karp & Rabin, *Efficient randomized
pattern-matching algorithms*, 1987) by prefix sums, in the integers modulo 2^64, over values that are mixed
first. Among a million windows, the probability that any two different ones collide is about one in ten
million, so callers that report a match compare the windows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.score.table import Integers

Hashes = npt.NDArray[np.uint64]

_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 2**64)


def mix(values: Integers | Hashes) -> Hashes:
    """Return a well-spread hash of each value (the finaliser of splitmix64, Steele et al. 2014)."""
    mixed = values.astype(np.uint64) + np.uint64(_BASE)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@dataclass(frozen=True)
class Groups:
    """Elements grouped by equal hashes, in their original order within a group.

    Attributes:
        order: Indices of the elements, group by group.
        group: Number of the group of each entry in `order`, from 0.
        first: Index in `order` where each group begins.
        count: Number of members of each group.
    """

    order: Integers
    group: Integers
    first: Integers
    count: Integers


def grouped(hashes: Hashes) -> Groups:
    """Return elements grouped by their hashes.

    The low bits of each hash are replaced by the element's index, so that one sort of numbers is enough; that
    is several times as fast as sorting indices. With 400,000 elements, 45 bits of the hash remain.
    """
    size = len(hashes)
    bits = np.uint64(max(1, size - 1).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    packed = np.sort((hashes & ~low) | np.arange(size, dtype=np.uint64))
    is_new = np.ones(size, dtype=np.bool_)
    is_new[1:] = (packed[1:] >> bits) != (packed[:-1] >> bits)
    first = np.flatnonzero(is_new)
    return Groups(
        order=(packed & low).astype(np.int64),
        group=np.cumsum(is_new) - 1,
        first=first,
        count=np.diff(first, append=size),
    )


class WindowHashes:
    """Hashes of the windows of a sequence of mixed values, read forwards or backwards."""

    def __init__(self, mixed: Hashes) -> None:
        self._size = len(mixed)
        self._powers = _powers(_BASE, self._size)
        self._inverses = _powers(_INVERSE, self._size)
        self._forward = _sums(mixed * self._powers)
        self._backward = _sums(mixed * self._inverses)

    def forward(self, length: int) -> Hashes:
        """Return the hash of each window of a length, by its first index; there are length - 1 fewer than
        values."""
        count = max(0, self._size - length + 1)
        sums = self._forward[length : length + count] - self._forward[:count]
        return sums * self._inverses[:count]

    def backward(self, length: int) -> Hashes:
        """Return the hash of each window of a length read backwards, by its first index."""
        count = max(0, self._size - length + 1)
        sums = self._backward[length : length + count] - self._backward[:count]
        return sums * self._powers[length - 1 : length - 1 + count]


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def _sums(values: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, dtype=np.uint64), np.add.accumulate(values)])
