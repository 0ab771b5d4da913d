"""Information content of symbols, and the bits that a recurring pattern saves.

A pattern is as interesting as the bits it saves when it is written out once, and for each occurrence only the
place (minimum description length: Rissanen, *Modeling by shortest data description*, 1978; for patterns in
music Meredith, *COSIATEC and SIATECCompress*, 2013). Recurrence by chance saves nothing.
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
    """Information content of the symbols, in bits.

    Attributes:
        alone: Information of each symbol without context.
        before: Cumulative information before each symbol, given its predecessor; one entry more than symbols.
    """

    alone: Bits
    before: Bits

    def bits(self, at: Integers, length: int) -> Bits:
        """Return the information of windows of a length."""
        result: Bits = self.alone[at] + self.before[at + length] - self.before[at + 1]
        return result


def information_of(series: Series) -> Information:
    """Return the information of symbols, from their frequencies and those of their successions.

    A symbol that keeps following itself carries little information. Pair frequencies are smoothed with single
    frequencies, by as many counts as there are kinds of symbols (Witten & Bell, *The zero-frequency problem*,
    1991).
    """
    kind, count = _numbered(series.symbol)
    share = count / count.sum()
    kinds = len(count)
    follows = np.flatnonzero(series.remaining[:-1] > 1) + 1
    pair, pairs = _numbered(kind[follows - 1] * kinds + kind[follows])
    left = np.bincount(kind[follows - 1], minlength=kinds)
    alone = -np.log2(share)[kind]
    in_context = np.zeros(len(kind))
    chance = (pairs[pair] + kinds * share[kind[follows]]) / (left[kind[follows - 1]] + kinds)
    in_context[follows] = -np.log2(chance)
    return Information(alone, np.concatenate([np.zeros(1), np.cumsum(in_context)]))


def _numbered(values: Integers) -> tuple[Integers, Integers]:
    """Return the number of each value among the distinct ones, and the count of each distinct value."""
    distinct = np.unique(values)
    number = np.searchsorted(distinct, values)
    return number, np.bincount(number, minlength=len(distinct))


def saved_bits(
    series: Series,
    information: Information,
    exemplar: Integers,
    length: int,
    *,
    count: Integers,
    mirrored: bool,
) -> Bits:
    """Return the bits saved: the pattern for every occurrence but one, less the places of all of them."""
    chances = np.count_nonzero(series.remaining >= length) * (len(FORMS) if mirrored else 1)
    bits = information.bits(exemplar, length)
    # Binary logarithm of the number of ways to choose the places, by Stirling's formula.
    places = np.log2(np.e * max(int(chances), 1) / np.maximum(count, 1))
    result: Bits = (count - 1) * bits - count * places
    return result
