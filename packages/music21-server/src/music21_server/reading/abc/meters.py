"""Meters (`M:`), unit lengths (`L:`) and tempos (`Q:`) of ABC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from music21_server.errors import UnreadableScoreError

_FRACTION: Final = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")
_SUM: Final = re.compile(r"\(?\s*(\d{1,3}(?:\s*\+\s*\d{1,3})*)\s*\)?\s*/\s*(\d{1,4})")
_NUMBER: Final = re.compile(r"\d{1,4}(?:\.\d{1,4})?")
_QUOTED: Final = re.compile(r'"[^"]*"')
_SHORT_METER: Final = Fraction(3, 4)
_COMPOUND: Final = (6, 9, 12)
_FREE_WORDS: Final = ("none", "free", "frei")
"""Meters without measures; the Essen collection writes the German word, at times with a meter after it."""


@dataclass(frozen=True)
class Meter:
    """A meter.

    Attributes:
        text: As in a score: ``6/8``, ``2+3/8``; empty without a meter.
        quarters: Length of a measure in quarter notes; 0 without a meter.
        is_compound: Whether its beats have three parts.
    """

    text: str = ""
    quarters: Fraction = Fraction(0)
    is_compound: bool = False


FREE: Final = Meter()


def parse_meter(text: str) -> Meter:
    """Return the meter of an `M:` field.

    Raises:
        UnreadableScoreError: It is none.

    Example::

        parse_meter("C|").text        # 2/2
    """
    text = text.strip()
    if text in ("C", "c"):
        return Meter("4/4", Fraction(4))
    if text in ("C|", "c|"):
        return Meter("2/2", Fraction(4))
    if not text or text.lower().startswith(_FREE_WORDS):
        return FREE
    match = _SUM.match(text)
    if match is None or not int(match[2]):
        raise UnreadableScoreError(f"Expected a meter such as 6/8 in ABC, got 'M:{text[:40]}'.")
    beats = [int(each) for each in match[1].split("+")]
    total, kind = sum(beats), int(match[2])
    if not total:
        return FREE
    return Meter(
        f"{'+'.join(map(str, beats))}/{kind}",
        Fraction(4 * total, kind),
        len(beats) == 1 and total in _COMPOUND,
    )


def default_unit(meter: Meter) -> Fraction:
    """Return the unit length without an `L:` field: 1/16 for meters below 3/4, otherwise 1/8 (3.1.7)."""
    is_short = meter.quarters and meter.quarters / 4 < _SHORT_METER
    return Fraction(1, 4) if is_short else Fraction(1, 2)


def parse_unit(text: str) -> Fraction | None:
    """Return the quarter notes of an `L:` field; None if it is none, such as `L:auto`."""
    match = _FRACTION.search(text)
    if match is None:
        return Fraction(4) if text.strip() == "1" else None
    if not int(match[1]) or not int(match[2]):
        raise UnreadableScoreError(f"Expected a unit length such as 1/8 in ABC, got 'L:{text[:40]}'.")
    return Fraction(4 * int(match[1]), int(match[2]))


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Return the quarter notes per minute of a `Q:` field; None if it has words alone.

    Args:
        text: Content of the field, such as ``"Allegro" 1/4=120`` or the older ``120`` and ``C=120``.
        unit: Quarter notes of the unit length, which the older forms count in.
    """
    text = _QUOTED.sub(" ", text)
    left, equals, right = text.partition("=")
    number = _NUMBER.search(right if equals else left)
    if number is None or not float(number[0]):
        return None
    beats = [Fraction(int(a), int(b)) for a, b in _FRACTION.findall(left) if int(b)] if equals else []
    beat = 4 * sum(beats, Fraction(0)) or unit
    return float(number[0]) * float(beat)
