"""Time signatures as text formats write them, bounded before music21 builds an object for each beat."""

from __future__ import annotations

import re
from typing import Final

from music21_server.errors import UnreadableScoreError

MOST_BEATS: Final = 255
"""Largest number of beats in MIDI. music21 takes quadratic time in the beats: hours for 99999/1."""

_FRACTION: Final = re.compile(r"([\d+() ]{1,200})/ *(\d+)", re.ASCII)
_NUMBER: Final = re.compile(r"\d+", re.ASCII)
_SMALLEST_UNIT: Final = 1024


def measure_quarters(text: str) -> float:
    """Return the quarter notes of a measure in a time signature such as 3/4 or 2+3/8; 0 without a fraction.

    Raises:
        UnreadableScoreError: A number is out of range.
    """
    quarters = 0.0
    for beats, unit in _FRACTION.findall(text):
        numbers = _NUMBER.findall(beats)
        if max((len(number) for number in (*numbers, unit)), default=0) > len(str(_SMALLEST_UNIT)):
            raise _out_of_range(text)
        total, note_value = sum(map(int, numbers)), int(unit)
        if total > MOST_BEATS or not 1 <= note_value <= _SMALLEST_UNIT:
            raise _out_of_range(text)
        quarters += 4 * total / note_value
    return quarters


def _out_of_range(text: str) -> UnreadableScoreError:
    return UnreadableScoreError(
        f"Expected a time signature of at most {MOST_BEATS} beats, each of at least 1/{_SMALLEST_UNIT}, got "
        f"{text.strip()[:40]!r}: correct it, or leave it out."
    )
