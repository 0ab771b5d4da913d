"""What rules make of views as a number."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from music21_server.composition.counterpoint.judgement import judges

_STRICT_COST: Final = 1000.0
"""Of breaking a strict rule, where that is allowed: more than all preferences together."""


class Prices:
    """Of the preferences that are not met in a species, and of strict rules that are broken."""

    def __init__(self, species: int, *, may_break: bool) -> None:
        """Take the species, and whether strict rules may be broken."""
        self._judges = judges(species)
        self._strict = _STRICT_COST if may_break else inf

    def of(self, views: Iterable[Any]) -> float:
        """Return the price of all that is seen of a note; infinite where it may not stand."""
        price = 0.0
        for view in views:
            strict, preferences, _ = self._judges[type(view)](view)
            if strict:
                price += strict * self._strict
                if price == inf:
                    break
            price += preferences
        return price
