"""Places of a score where voices do what teachers of counterpoint mark, as columns."""

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
"""In the order in which teachers usually look at them."""

NO_NOTE: Final = -1


@dataclass(frozen=True)
class Hits:
    """Places of one kind, in the order of time; columns of notes hold indices, `NO_NOTE` where there is none.

    Attributes:
        kind: What it is.
        total: How many there are.
        time: Ticks since the beginning of the score; of the first so many, as the columns below.
        upper_from: Note that the upper voice leaves.
        upper_to: Note that it reaches.
        lower_from: Note that the lower voice leaves.
        lower_to: Note that it reaches.
        ticks: How long it lasts; 0 for what happens at one moment.
    """

    kind: Kind
    total: int
    time: Integers
    upper_from: Integers
    upper_to: Integers
    lower_from: Integers
    lower_to: Integers
    ticks: Integers


class Gathering:
    """Gathers the places of one kind in pieces; counts all and keeps the first ones."""

    def __init__(self, kind: Kind, most: int) -> None:
        self._kind: Kind = kind
        self._most = most
        self._total = 0
        self._rows: list[Integers] = []

    def add(self, columns: tuple[Integers, ...], chosen: Booleans | slice = slice(None)) -> None:
        """Add those chosen of the places in columns: time, the four notes, ticks."""
        rows = np.stack([column[chosen] for column in columns])
        self._total += rows.shape[1]
        self._rows.append(rows)
        if sum(each.shape[1] for each in self._rows) > 4 * self._most:
            self._rows = [self._earliest()]

    def hits(self) -> Hits:
        """Return what was gathered."""
        return Hits(self._kind, self._total, *self._earliest())

    def _earliest(self) -> Integers:
        rows = np.concatenate([np.zeros((6, 0), dtype=np.int64), *self._rows], axis=1)
        return rows[:, np.argsort(rows[0], kind="stable")[: self._most]]
