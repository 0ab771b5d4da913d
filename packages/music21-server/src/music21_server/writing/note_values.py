"""Durations as notes are drawn: a value such as a quarter, dots, and a tuplet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

TYPES: Final = (
    ("maxima", Fraction(32)), ("long", Fraction(16)), ("breve", Fraction(8)), ("whole", Fraction(4)),
    ("half", Fraction(2)), ("quarter", Fraction(1)), ("eighth", Fraction(1, 2)), ("16th", Fraction(1, 4)),
    ("32nd", Fraction(1, 8)), ("64th", Fraction(1, 16)), ("128th", Fraction(1, 32)),
    ("256th", Fraction(1, 64)),
    ("512th", Fraction(1, 128)), ("1024th", Fraction(1, 256)),
)  # fmt: skip
"""MusicXML's names of values, and their lengths in quarter notes."""

_PLAIN: Final = {
    quarters * (2 - Fraction(1, 2**dots)): (name, dots) for dots in (3, 2, 1, 0) for name, quarters in TYPES
}
"""Values with up to three dots; fewer dots win, though none stand for the same length."""

_TUPLETS: Final = (
    (3, 2), (5, 4), (6, 4), (7, 4), (9, 8), (10, 8), (11, 8), (13, 8), (15, 8), (2, 3), (4, 3), (7, 6),
)  # fmt: skip
"""Notes in the time of others, the usual first."""

_FLAGS: Final = {
    "eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5, "256th": 6, "512th": 7, "1024th": 8,
}  # fmt: skip


@dataclass(frozen=True)
class NoteValue:
    """How a duration is drawn.

    Attributes:
        kind: MusicXML's name of the value.
        dots: How many.
        actual: Notes of the tuplet; 1 without one.
        normal: How many of them its time has room for; 1 without a tuplet.
    """

    kind: str
    dots: int
    actual: int = 1
    normal: int = 1

    @property
    def flags(self) -> int:
        """Flags of the stem, 0 from the quarter note on."""
        return _FLAGS.get(self.kind, 0)


def note_value(quarters: Fraction) -> NoteValue | None:
    """Return how a duration is drawn as one note; None where it takes several.

    Args:
        quarters: The duration in quarter notes.
    """
    if found := _PLAIN.get(quarters):
        return NoteValue(*found)
    for actual, normal in _TUPLETS:
        found = _PLAIN.get(quarters * actual / normal)
        if found is not None and found[1] <= 1:
            return NoteValue(*found, actual, normal)
    return None
