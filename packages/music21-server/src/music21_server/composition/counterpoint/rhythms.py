"""The rhythms that a measure of each species may have; a measure is a whole note, or eight eighths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

MEASURE_EIGHTHS: Final = 8
HALF_EIGHTHS: Final = 4

SPECIES: Final = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Rhythm:
    """The rhythm of one measure.

    Attributes:
        values: Successive durations in eighths.
        begins_with_rest: Whether the first of them is a rest.
        begins_tied: Whether the first note is held over from the previous measure.
        must_be_held: Whether the last note must be held over into the next measure.
        cost: Cost of choosing this rhythm.
    """

    values: tuple[int, ...]
    begins_with_rest: bool = False
    begins_tied: bool = False
    must_be_held: bool = False
    cost: float = 0.0

    @property
    def slots(self) -> tuple[tuple[int, int], ...]:
        """Onset and duration of each value, in eighths."""
        onsets = accumulate(self.values[:-1], initial=0)
        return tuple(zip(onsets, self.values, strict=True))

    @property
    def can_be_held(self) -> bool:
        """Whether the last note is long enough to be held over: at least a half note."""
        return self.values[-1] >= HALF_EIGHTHS and len(self.values) > 1

    @property
    def has_eighths(self) -> bool:
        """Whether it contains eighth notes."""
        return 1 in self.values

    def may_follow(self, previous: Rhythm) -> bool:
        """Return whether this rhythm may follow another."""
        return previous.can_be_held if self.begins_tied else not previous.must_be_held


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
_FLORID_PENULTIMATE: Final = (
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
_PENULTIMATE: Final[dict[int, tuple[Rhythm, ...]]] = {
    2: (_HALVES, Rhythm((8,), cost=4.0)),
    5: _FLORID_PENULTIMATE,
}
"""Rhythms of the penultimate measure where they differ from `_INNER`; later textbooks allow a whole note in
the second species."""


@lru_cache(maxsize=256)
def rhythms(species: int, measure: int, measures: int) -> tuple[Rhythm, ...]:
    """Return the rhythms that a measure, one of `measures`, may have in a species."""
    if measure == measures - 1:
        return (_WHOLE,)
    if measure == 0:
        return _FIRST[species]
    if measure == measures - 2:
        return _PENULTIMATE.get(species, _INNER[species])
    return _INNER[species]
