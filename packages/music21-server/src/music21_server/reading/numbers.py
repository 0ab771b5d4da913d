"""Numbers that strangers wrote into documents.

Each is bounded where it is read, so that no later sum or product leaves 64 bits and nothing hangs on a number
of a million digits. The bounds lie far beyond what any music needs.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})", re.ASCII)


def quantity(text: str, what: str, least: int, most: int) -> Fraction:
    """Return a decimal number, exactly.

    Args:
        text: Such as ``3`` or ``-0.5``; spaces around it do not matter.
        what: What it is the number of, for the error.
        least: Smallest that is accepted.
        most: Largest that is accepted.

    Raises:
        ValueError: It is no such number.
    """
    text = text.strip()
    if _DECIMAL.fullmatch(text):
        if text.isdigit():
            value = Fraction(int(text))  # most are; in a tenth of the time
        else:
            # Fraction takes no point without digits behind it.
            value = Fraction(text.rstrip(".") if text.endswith(".") else text)
        if least <= value <= most:
            return value
    raise ValueError(f"expected {what} from {least:,} to {most:,}, got {_shown(text)}")


def whole(text: str, what: str, least: int, most: int) -> int:
    """Return a whole number; ``4.0`` is one, which some programs write.

    Raises:
        ValueError: It is no such number.
    """
    value = quantity(text, what, least, most)
    if value.denominator != 1:
        raise ValueError(f"expected {what} as a whole number, got {_shown(text)}")
    return int(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
