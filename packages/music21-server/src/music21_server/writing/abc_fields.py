"""Fields of ABC: what stands in lines that begin with a letter and a colon."""

from __future__ import annotations

import re
from typing import Final

from music21_server.writing.chord_symbols import printable

_FIFTHS: Final = (
    "Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "E#",
)  # fmt: skip
"""Names of pitches by fifths; the first is seven fifths below C."""

_MODES: Final = {
    "ionian": 0, "mixolydian": 1, "dorian": 2, "minor": 3, "aeolian": 3, "phrygian": 4, "lydian": -1,
}  # fmt: skip
"""Fifths from the tonic of the major key with the same signature to that of the mode. music21 does not know
locrian, and hears a major key in it."""

MOST_FIFTHS: Final = 7
_ESCAPED: Final = re.compile(r"[\\\\%]|&(?=\w+;)")


def key_field(fifths: int, mode: str) -> str:
    """Return the value of a `K:` field; C where ABC has no such signature.

    Args:
        fifths: Sharps, or flats below zero.
        mode: Such as ``minor``; others than ABC and music21 both know are written as major, and so is Fb
            lydian, in which music21 hears F.
    """
    if abs(fifths) > MOST_FIFTHS:
        return "C"
    mode = mode.strip().lower()
    tonic = MOST_FIFTHS + fifths + _MODES.get(mode, 0)
    if mode not in _MODES or tonic < 0:
        return _FIFTHS[MOST_FIFTHS + fifths]
    return f"{_FIFTHS[tonic]} {mode}"


def fifths_written(fifths: int) -> int:
    """Return the sharps, or flats below zero, that readers of the `K:` field know of."""
    return fifths if abs(fifths) <= MOST_FIFTHS else 0


def tempo_field(quarters_per_minute: float) -> str:
    """Return the value of a `Q:` field."""
    return f"1/4={quarters_per_minute:.6g}"


def text_field(text: str) -> str:
    """Return a text for a line of its own, with what means something in ABC escaped."""
    line = " ".join(printable(text).split())
    return _ESCAPED.sub(lambda match: "\\" + match[0], line)


def quoted(text: str) -> str:
    """Return a text in quotation marks, of which there are none inside."""
    return '"' + text_field(text).replace('"', "'") + '"'
