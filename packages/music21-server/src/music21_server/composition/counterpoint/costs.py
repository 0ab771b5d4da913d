"""Cost of the rules that a candidate note breaks."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from music21_server.composition.counterpoint.verdicts import judges

_STRICT_COST: Final = 1000.0
"""Cost of breaking a strict rule where that is allowed: more than all preferences together."""


class RuleCosts:
    """Cost of the rules that a candidate note breaks; infinite if it is forbidden.

    Args:
        species: Species from 1 to 5.
        may_break: Whether strict rules may be broken, at a high cost.
    """

    def __init__(self, species: int, *, may_break: bool) -> None:
        self._judges = judges(species)
        self._strict = _STRICT_COST if may_break else inf

    def total(self, views: Iterable[Any]) -> float:
        """Return the cost of all views of a note."""
        cost = 0.0
        for view in views:
            strict, preferences, _ = self._judges[type(view)](view)
            if strict:
                cost += strict * self._strict
                if cost == inf:
                    break
            cost += preferences
        return cost
