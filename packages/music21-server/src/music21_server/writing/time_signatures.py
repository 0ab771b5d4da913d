"""Time signatures such as ``4/4``, ``2+3/8`` or ``3/8+2/8``, taken apart."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Term(NamedTuple):
    """A part of a time signature with one denominator."""

    beats: tuple[int, ...]
    kind: int


def terms(text: str) -> list[Term]:
    """Return the terms of a time signature; none if it has no beats."""
    split: list[Term] = []
    beats: list[int] = []
    for term in text.split("+"):
        count, slash, kind = term.partition("/")
        if not count.isdecimal() or (slash and not (kind.isdecimal() and int(kind))):
            return []
        beats.append(int(count))
        if slash:
            split.append(Term(tuple(beats), int(kind)))
            beats = []
    return [] if beats else split


def as_fraction(text: str) -> tuple[Fraction, int]:
    """Return the sum of the terms, in beats of the largest denominator, and that denominator."""
    split = terms(text)
    finest = max((term.kind for term in split), default=1)
    return sum((Fraction(sum(term.beats) * finest, term.kind) for term in split), Fraction(0)), finest
