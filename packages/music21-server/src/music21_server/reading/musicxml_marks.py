"""Readers of keys, time signatures, tempos and transpositions in MusicXML."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from music21_server.reading.numbers import quantity, whole
from music21_server.reading.xml import text_of

_BEATS: Final = re.compile(r"\d{1,3}(?:\s*\+\s*\d{1,3}){0,15}", re.ASCII)
_MOST_FRACTIONS: Final = 16
"""Fractions in one composite time signature, such as 3/8+2/4."""

_QUARTERS: Final = {
    "maxima": 32.0, "long": 16.0, "breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5,
    "16th": 0.25, "32nd": 0.125, "64th": 0.0625, "128th": 0.03125,
}  # fmt: skip


@dataclass(frozen=True)
class Time:
    """A time signature.

    Attributes:
        text: The signature as written.
        quarters: Length of a measure in quarter notes; 0 without a fixed length.
        unit_quarters: Length of one beat; for a composite signature, the longest length that divides all
            its beats.
    """

    text: str
    quarters: Fraction
    unit_quarters: Fraction


def read_time(element: Any) -> Time:
    """Return the time signature in a `<time>`.

    Raises:
        ValueError: A number is malformed or out of range.
    """
    beats = [text_of(each) for each in element.iterfind("beats")]
    kinds = [text_of(each) for each in element.iterfind("beat-type")]
    fractions = [(beat, kind) for beat, kind in zip(beats, kinds, strict=False) if beat and kind]
    if not fractions or element.find("senza-misura") is not None:
        return Time("senza misura", Fraction(0), Fraction(1))
    if len(fractions) > _MOST_FRACTIONS:
        raise ValueError(f"expected at most {_MOST_FRACTIONS} fractions in a <time>, got {len(fractions)}")
    quarters = Fraction(0)
    units = [Fraction(4, whole(kind, "a <beat-type>", 1, 1024)) for _, kind in fractions]
    for (beat, _), unit in zip(fractions, units, strict=True):
        if not _BEATS.fullmatch(beat):
            raise ValueError(f"expected <beats> such as 3 or 3+2, got {beat[:20]!r}")
        quarters += unit * sum(int(each) for each in beat.split("+"))
    if not quarters:
        raise ValueError("expected a <time> of at least one beat, got 0")
    text = "+".join(f"{beat}/{kind}" for beat, kind in fractions)
    return Time(text, quarters, Fraction(1, math.lcm(*(unit.denominator for unit in units))))


def read_key(element: Any) -> tuple[int, str] | None:
    """Return the sharps (flats below zero) and the mode of a `<key>`; None if it lists accidentals instead.

    Raises:
        ValueError: `<fifths>` is malformed or out of range.
    """
    fifths = text_of(element.find("fifths"))
    return (whole(fifths, "<fifths>", -21, 21), text_of(element.find("mode"))) if fifths else None


def read_transpose(element: Any) -> tuple[int, int]:
    """Return the steps and semitones from written to sounding pitch in a `<transpose>`.

    Raises:
        ValueError: A number is malformed or out of range.
    """
    octaves = whole(text_of(element.find("octave-change")) or "0", "an <octave-change>", -5, 5)
    semitones = quantity(text_of(element.find("chromatic")) or "0", "<chromatic>", -60, 60)
    chromatic = round(semitones) + 12 * octaves
    steps = text_of(element.find("diatonic"))
    if steps:
        return whole(steps, "<diatonic>", -40, 40) + 7 * octaves, chromatic
    return round(chromatic * 7 / 12), chromatic


def read_metronome(element: Any) -> float | None:
    """Return the quarter notes per minute of a `<metronome>`; None without a number, as in "ca. 60"."""
    quarters = _QUARTERS.get(text_of(element.find("beat-unit")))
    beats_per_minute = tempo(text_of(element.find("per-minute")))
    if quarters is None or beats_per_minute is None:
        return None
    # Each dot adds half of what the dot before it added.
    dots = len(element.findall("beat-unit-dot"))
    return beats_per_minute * quarters * (2 - 0.5**dots)


def tempo(text: str | None) -> float | None:
    """Return a tempo; None if it is not a positive number: such a tempo is ignored, not the whole score."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
