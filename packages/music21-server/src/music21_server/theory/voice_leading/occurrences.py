"""Occurrences of voice leading that counterpoint teachers mark, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from music21_server.score.table import Booleans, Integers

Kind = Literal[
    "parallel fifths",
    "parallel octaves",
    "parallel unisons",
    "fifths by contrary motion",
    "octaves by contrary motion",
    "direct fifth",
    "direct octave",
    "voice crossing",
    "voice overlap",
    "leap beyond an octave",
    "leap of a seventh",
    "augmented leap",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Kinds in the order in which teachers usually check them."""

NO_NOTE: Final = -1


@dataclass(frozen=True)
class Hits:
    """Occurrences of one kind in order of time; columns of notes hold indices, `NO_NOTE` for none.

    Attributes:
        kind: Kind of occurrence.
        total: Number of occurrences; the columns below hold the first ones.
        time: Ticks since the beginning of the score.
        upper_from: Note that the upper voice leaves.
        upper_to: Note that the upper voice reaches.
        lower_from: Note that the lower voice leaves.
        lower_to: Note that the lower voice reaches.
        ticks: Duration; 0 for momentary kinds.
    """

    kind: Kind
    total: int
    time: Integers
    upper_from: Integers
    upper_to: Integers
    lower_from: Integers
    lower_to: Integers
    ticks: Integers


class HitCollector:
    """Collects the occurrences of one kind in pieces; counts all and keeps the first ones."""

    def __init__(self, kind: Kind, most: int) -> None:
        self._kind: Kind = kind
        self._most = most
        self._total = 0
        self._rows: list[Integers] = []

    def add(self, columns: tuple[Integers, ...], chosen: Booleans | slice = slice(None)) -> None:
        """Add the chosen rows of columns: time, the four notes, ticks."""
        rows = np.stack([column[chosen] for column in columns])
        self._total += rows.shape[1]
        self._rows.append(rows)
        if sum(each.shape[1] for each in self._rows) > 4 * self._most:
            self._rows = [self._earliest()]

    def hits(self) -> Hits:
        """Return the collected occurrences."""
        return Hits(self._kind, self._total, *self._earliest())

    def _earliest(self) -> Integers:
        rows = np.concatenate([np.zeros((6, 0), dtype=np.int64), *self._rows], axis=1)
        return rows[:, np.argsort(rows[0], kind="stable")[: self._most]]
