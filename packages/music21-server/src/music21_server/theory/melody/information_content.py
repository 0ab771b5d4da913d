"""How much symbols tell, and how much is saved by naming what comes again.

A pattern is interesting by as many bits as are saved when it is written out once, and for each occurrence
only the place (minimum description length: Rissanen, *Modeling by shortest data description*, 1978; for
patterns in music Meredith, *COSIATEC and SIATECCompress*, 2013). What comes again by chance saves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from music21_server.score.table import Integers
from music21_server.theory.melody.symbol_series import FORMS, Series

Bits = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Information:
    """How much the symbols tell, in bits.

    Attributes:
        alone: Of each, where nothing goes before it.
        before: Sum over all before each, and over all, where the one before is known.
    """

    alone: Bits
    before: Bits

    def of(self, at: Integers, length: int) -> Bits:
        """Return the information of windows of a length."""
        result: Bits = self.alone[at] + self.before[at + length] - self.before[at + 1]
        return result


def information_of(series: Series) -> Information:
    """Return the information of symbols by how often they come, and come after the one before.

    What follows upon itself again and again tells little. Pairs are smoothed by single symbols, as many as
    there are kinds (Witten & Bell, *The zero-frequency problem*, 1991).
    """
    kind, count = _numbered(series.symbol)
    share = count / count.sum()
    kinds = len(count)
    follows = np.flatnonzero(series.room[:-1] > 1) + 1
    pair, pairs = _numbered(kind[follows - 1] * kinds + kind[follows])
    left = np.bincount(kind[follows - 1], minlength=kinds)
    alone = -np.log2(share)[kind]
    known = np.zeros(len(kind))
    chance = (pairs[pair] + kinds * share[kind[follows]]) / (left[kind[follows - 1]] + kinds)
    known[follows] = -np.log2(chance)
    return Information(alone, np.concatenate([np.zeros(1), np.cumsum(known)]))


def _numbered(values: Integers) -> tuple[Integers, Integers]:
    """Return the number of each value among the different ones, and how often each of these comes."""
    different = np.unique(values)
    number = np.searchsorted(different, values)
    return number, np.bincount(number, minlength=len(different))


def saved_bits(
    series: Series,
    information: Information,
    exemplar: Integers,
    length: int,
    *,
    count: Integers,
    mirrored: bool,
) -> Bits:
    """Return the bits saved: the pattern for all occurrences but one, less the places of all of them."""
    chances = np.count_nonzero(series.room >= length) * (len(FORMS) if mirrored else 1)
    bits = information.of(exemplar, length)
    # The binary logarithm of the ways to choose so many places out of all, by Stirling.
    places = np.log2(np.e * max(int(chances), 1) / np.maximum(count, 1))
    result: Bits = (count - 1) * bits - count * places
    return result
