"""Values of ABC fields, which are lines that begin with a letter and a colon."""

from __future__ import annotations

import re
from typing import Final

from music21_server.writing.chord_symbols import printable

_FIFTHS: Final = (
    "Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "E#",
)  # fmt: skip
"""Pitch names by fifths, from seven fifths below C."""

_MODES: Final = {
    "ionian": 0, "mixolydian": 1, "dorian": 2, "minor": 3, "aeolian": 3, "phrygian": 4, "lydian": -1,
}  # fmt: skip
"""Fifths from the tonic of the major key with the same signature to the tonic of the mode. Locrian is missing
because music21 reads it as a major key."""

MOST_FIFTHS: Final = 7
_ESCAPED: Final = re.compile(r"[\\\\%]|&(?=\w+;)")


def key_field(fifths: int, mode: str) -> str:
    """Return the value of a `K:` field; C if ABC has no such signature.

    Args:
        fifths: Sharps, or flats below zero.
        mode: Mode such as ``minor``; one that ABC and music21 do not share is written as major, and so is Fb
            lydian, which music21 reads as F.
    """
    if abs(fifths) > MOST_FIFTHS:
        return "C"
    mode = mode.strip().lower()
    tonic = MOST_FIFTHS + fifths + _MODES.get(mode, 0)
    if mode not in _MODES or tonic < 0:
        return _FIFTHS[MOST_FIFTHS + fifths]
    return f"{_FIFTHS[tonic]} {mode}"


def fifths_written(fifths: int) -> int:
    """Return the sharps (flats below zero) that a reader finds in the `K:` field of a key."""
    return fifths if abs(fifths) <= MOST_FIFTHS else 0


def tempo_field(quarters_per_minute: float) -> str:
    """Return the value of a `Q:` field."""
    return f"1/4={quarters_per_minute:.6g}"


def text_field(text: str) -> str:
    """Return a text on one line, with the special characters of ABC escaped."""
    line = " ".join(printable(text).split())
    return _ESCAPED.sub(lambda match: "\\" + match[0], line)


def quoted(text: str) -> str:
    """Return a text in quotation marks, with those inside replaced by apostrophes."""
    return '"' + text_field(text).replace('"', "'") + '"'
