"""Series of symbols to search for patterns, and the criteria for a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.score.table import Integers

Form = Literal["prime", "inversion", "retrograde", "retrograde inversion"]
FORMS: Final[tuple[Form, ...]] = ("prime", "inversion", "retrograde", "retrograde inversion")


@dataclass(frozen=True)
class Series:
    """A series of symbols from many phrases, one after the other.

    Attributes:
        symbol: Symbols, as numbers.
        remaining: Number of symbols from each one to the end of its phrase, itself included; 0 outside
            phrases.
        start: Time of each symbol. The same window at the same time in another voice is not another
            occurrence.
    """

    symbol: Integers
    remaining: Integers
    start: Integers


@dataclass(frozen=True)
class PatternCriteria:
    """Criteria for a pattern.

    Attributes:
        shortest: Fewest symbols.
        longest: Most symbols that are compared; a pattern that continues is followed further.
        occurrences: Fewest occurrences, not overlapping in one voice.
        mirrored: Whether inversion, retrograde and retrograde inversion count as the same pattern.
        most: Most patterns to return.
    """

    shortest: int
    longest: int
    occurrences: int
    mirrored: bool
    most: int


def remaining_symbols(phrase: Integers, symbols_less: int) -> Integers:
    """Return the column `remaining` of a series.

    Args:
        phrase: Phrase of each note.
        symbols_less: Difference between a phrase's notes and its symbols: 1 for intervals between notes.
    """
    last = np.flatnonzero(np.diff(phrase, append=-1) != 0)
    index = np.arange(len(phrase))
    return last[np.searchsorted(last, index)] + 1 - symbols_less - index
