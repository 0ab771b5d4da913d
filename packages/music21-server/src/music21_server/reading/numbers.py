"""Numbers in documents from strangers.

Each number is bounded where it is read, so that no later sum or product overflows 64 bits, and a number of a
million digits costs no time. The bounds lie far beyond what any music needs.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})", re.ASCII)


def quantity(text: str, what: str, least: int, most: int) -> Fraction:
    """Return a decimal number exactly.

    Args:
        text: A number such as ``3`` or ``-0.5``; surrounding spaces are ignored.
        what: Name of the number, for the error.
        least: Smallest accepted value.
        most: Largest accepted value.

    Raises:
        ValueError: The text is not a decimal number, or out of range.
    """
    text = text.strip()
    if _DECIMAL.fullmatch(text):
        if text.isdigit():
            value = Fraction(int(text))  # the common case, in a tenth of the time
        else:
            # Fraction rejects a point without digits after it.
            value = Fraction(text.rstrip(".") if text.endswith(".") else text)
        if least <= value <= most:
            return value
    raise ValueError(f"expected {what} from {least:,} to {most:,}, got {_shown(text)}")


def whole(text: str, what: str, least: int, most: int) -> int:
    """Return a whole number; some programs write it as ``4.0``.

    Raises:
        ValueError: The text is not a whole number, or out of range.
    """
    value = quantity(text, what, least, most)
    if value.denominator != 1:
        raise ValueError(f"expected {what} as a whole number, got {_shown(text)}")
    return int(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
