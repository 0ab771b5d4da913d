"""Hashes of all windows of a sequence: equal windows have equal hashes, and of any length they cost the same.

Polynomial rolling hashes (Karp & Rabin, *Efficient randomized pattern-matching algorithms*, 1987) by prefix
sums, in the integers modulo 2^64, over values that are mixed first. Two different windows among a million
meet with a probability of about one in ten million; whoever reports a match compares the windows themselves.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.notes import Integers

Hashes = npt.NDArray[np.uint64]

_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 2**64)


def mix(values: Integers | Hashes) -> Hashes:
    """Return a well spread hash of each value (the finaliser of splitmix64, Steele et al. 2014)."""
    mixed = values.astype(np.uint64) + np.uint64(_BASE)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class WindowHashes:
    """Hashes of the windows of a sequence of mixed values, read in either direction."""

    def __init__(self, mixed: Hashes) -> None:
        self._size = len(mixed)
        self._powers = _powers(_BASE, self._size)
        self._inverses = _powers(_INVERSE, self._size)
        self._forward = _sums(mixed * self._powers)
        self._backward = _sums(mixed * self._inverses)

    def forward(self, length: int) -> Hashes:
        """Return the hash of each window of a length, by where it begins; fewer than values by length - 1."""
        count = max(0, self._size - length + 1)
        sums = self._forward[length : length + count] - self._forward[:count]
        return sums * self._inverses[:count]

    def backward(self, length: int) -> Hashes:
        """Return the hash of each window read from its end."""
        count = max(0, self._size - length + 1)
        sums = self._backward[length : length + count] - self._backward[:count]
        return sums * self._powers[length - 1 : length - 1 + count]


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def _sums(values: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, dtype=np.uint64), np.add.accumulate(values)])
