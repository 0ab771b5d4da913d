"""Note values: durations as a type such as quarter, dots, and a tuplet."""

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
"""Note types of MusicXML, and their lengths in quarter notes."""

_PLAIN: Final = {
    quarters * (2 - Fraction(1, 2**dots)): (name, dots) for dots in (3, 2, 1, 0) for name, quarters in TYPES
}
"""Lengths in quarter notes of types with up to three dots."""

_TUPLETS: Final = (
    (3, 2), (5, 4), (6, 4), (7, 4), (9, 8), (10, 8), (11, 8), (13, 8), (15, 8), (2, 3), (4, 3), (7, 6),
)  # fmt: skip
"""Ratios of tuplets (notes in the time of others), the usual ones first."""

_FLAGS: Final = {
    "eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5, "256th": 6, "512th": 7, "1024th": 8,
}  # fmt: skip


@dataclass(frozen=True)
class NoteValue:
    """A note value.

    Attributes:
        kind: Note type of MusicXML.
        dots: Number of dots.
        actual: Notes of the tuplet; 1 without a tuplet.
        normal: Notes that usually fill its time; 1 without a tuplet.
    """

    kind: str
    dots: int
    actual: int = 1
    normal: int = 1

    @property
    def flags(self) -> int:
        """Number of flags; 0 for quarters and longer notes."""
        return _FLAGS.get(self.kind, 0)


def note_value(quarters: Fraction) -> NoteValue | None:
    """Return the note value of a duration in quarter notes; None if it takes several notes."""
    if plain := _PLAIN.get(quarters):
        return NoteValue(*plain)
    for actual, normal in _TUPLETS:
        plain = _PLAIN.get(quarters * actual / normal)
        if plain is not None and plain[1] <= 1:
            return NoteValue(*plain, actual, normal)
    return None
