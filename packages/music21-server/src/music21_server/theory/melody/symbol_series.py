"""Sequences of symbols in which patterns are looked for, and which patterns are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.score.table import Integers

Form = Literal["prime", "inversion", "retrograde", "retrograde inversion"]
FORMS: Final[tuple[Form, ...]] = ("prime", "inversion", "retrograde", "retrograde inversion")


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
