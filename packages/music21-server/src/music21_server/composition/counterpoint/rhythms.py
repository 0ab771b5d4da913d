"""Which rhythms a measure of each species may have. A measure is a whole note of eight eighths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MEASURE_EIGHTHS: Final = 8
HALF_EIGHTHS: Final = 4

SPECIES: Final = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Rhythm:
    """Of one measure.

    Attributes:
        values: Durations in eighths, one after another.
        begins_with_rest: Whether the first of them is a rest.
        begins_tied: Whether the first one is the last note of the measure before, held on.
        must_be_held: Whether the last one must be held into the next measure.
        cost: How much it is disliked.
    """

    values: tuple[int, ...]
    begins_with_rest: bool = False
    begins_tied: bool = False
    must_be_held: bool = False
    cost: float = 0.0

    @property
    def slots(self) -> tuple[tuple[int, int], ...]:
        """Onset and duration of each value, in eighths."""
        found, now = [], 0
        for value in self.values:
            found.append((now, value))
            now += value
        return tuple(found)

    @property
    def can_be_held(self) -> bool:
        """Whether its last note may be held: a half note at least."""
        return self.values[-1] >= HALF_EIGHTHS and len(self.values) > 1

    @property
    def has_eighths(self) -> bool:
        """Whether there are eighth notes in it."""
        return 1 in self.values

    def may_follow(self, before: Rhythm) -> bool:
        """Return whether it may stand after another."""
        if self.begins_tied:
            return before.can_be_held
        return not before.must_be_held


_WHOLE: Final = Rhythm((8,))
_HALVES: Final = Rhythm((4, 4))
_QUARTERS: Final = Rhythm((2, 2, 2, 2))
_AFTER_HALF_REST: Final = Rhythm((4, 4), begins_with_rest=True)

_FLORID: Final = (
    _HALVES,
    Rhythm((4, 2, 2)),
    _QUARTERS,
    Rhythm((6, 2)),
    Rhythm((2, 2, 4), must_be_held=True),
    Rhythm((2, 1, 1, 2, 2)),
    Rhythm((4, 2, 1, 1)),
    Rhythm((2, 1, 1, 4), must_be_held=True),
    Rhythm((4, 4), begins_tied=True),
    Rhythm((4, 2, 2), begins_tied=True),
    Rhythm((2, 2, 2, 2), begins_tied=True),
    Rhythm((2, 2, 4), begins_tied=True, must_be_held=True),
    Rhythm((4, 2, 1, 1), begins_tied=True),
)
_FLORID_CLOSE: Final = (
    Rhythm((4, 4), begins_tied=True),
    Rhythm((2, 1, 1, 4), begins_tied=True),
    Rhythm((4, 2, 2), cost=3.0),
    Rhythm((4, 4), cost=6.0),
    _QUARTERS,
)
_BROKEN_LIGATURE_COST: Final = 6.0

_INNER: Final[dict[int, tuple[Rhythm, ...]]] = {
    1: (_WHOLE,),
    2: (_HALVES,),
    3: (_QUARTERS,),
    4: (Rhythm((4, 4), begins_tied=True), Rhythm((4, 4), cost=_BROKEN_LIGATURE_COST)),
    5: _FLORID,
}
_FIRST: Final[dict[int, tuple[Rhythm, ...]]] = {
    1: (_WHOLE,),
    2: (_AFTER_HALF_REST, _HALVES),
    3: (_QUARTERS, Rhythm((2, 2, 2, 2), begins_with_rest=True)),
    4: (_AFTER_HALF_REST,),
    5: (_AFTER_HALF_REST, Rhythm((4, 2, 2))),
}
_CLOSE: Final[dict[int, tuple[Rhythm, ...]]] = {2: (_HALVES, Rhythm((8,), cost=4.0)), 5: _FLORID_CLOSE}
"""Of the measure before the last, where it has others: a whole note in the second species, as later
books have it."""


@lru_cache(maxsize=256)
def rhythms(species: int, measure: int, measures: int) -> tuple[Rhythm, ...]:
    """Return the rhythms that a measure may have.

    Args:
        species: 1 to 5.
        measure: From 0.
        measures: How many there are.
    """
    if measure == measures - 1:
        return (_WHOLE,)
    if measure == 0:
        return _FIRST[species]
    if measure == measures - 2:
        return _CLOSE.get(species, _INNER[species])
    return _INNER[species]
