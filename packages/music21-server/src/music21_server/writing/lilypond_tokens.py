"""LilyPond tokens for pitches (with Dutch names, the default), lengths, keys, time signatures and texts."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Final

from music21_server.score.table import STEPS
from music21_server.writing.chord_symbols import printable
from music21_server.writing.note_values import TYPES, NoteValue, note_value
from music21_server.writing.pitches import within_double_accidentals
from music21_server.writing.time_signatures import terms

_ENDINGS: Final = {
    0: "", 50: "ih", 100: "is", 150: "isih", 200: "isis", -50: "eh", -100: "es", -150: "eseh", -200: "eses",
}  # fmt: skip
FINEST_CENTS: Final = 50
"""Smallest alteration: a quarter tone."""

_VALUES: Final = {
    "maxima": "\\maxima", "long": "\\longa", "breve": "\\breve", "whole": "1", "half": "2", "quarter": "4",
    "eighth": "8",
} | {f"{n}{ending}": str(n) for n, ending in ((16, "th"), (32, "nd"), (64, "th"), (128, "th"), (256, "th"),
    (512, "th"), (1024, "th"))}  # fmt: skip

_MODES: Final = {
    "major": 0, "ionian": 0, "mixolydian": 1, "dorian": 2, "minor": 3, "aeolian": 3, "phrygian": 4,
    "locrian": 5, "lydian": -1,
}  # fmt: skip
"""Fifths from the tonic of the major key with the same signature to the tonic of the mode."""


@cache
def pitch(step: int, alter_cents: int, octave: int) -> str:
    """Return an absolute pitch; ``c'`` is middle C.

    Args:
        step: Index in `table.STEPS`.
        alter_cents: Alteration; rounded to quarter tones.
        octave: Octave; 4 begins with middle C.
    """
    rounded = (2 * alter_cents + FINEST_CENTS) // (2 * FINEST_CENTS) * FINEST_CENTS
    step, alter, octave = within_double_accidentals(step, rounded, octave)
    marks = "'" * (octave - 3) if octave >= 3 else "," * (3 - octave)
    return STEPS[step].lower() + _ENDINGS[alter] + marks


def duration(value: NoteValue | None, quarters: Fraction) -> str:
    """Return a length: its note value, or else the next shorter value with a factor.

    Args:
        value: Note value, whose tuplet is ignored; None if the length takes several notes.
        quarters: Length in quarter notes.
    """
    if value is not None:
        return _VALUES[value.kind] + "." * value.dots
    kind, length = next((each for each in TYPES if each[1] <= quarters), TYPES[-1])
    return f"{_VALUES[kind]}*{quarters / length}"


def span(quarters: Fraction, times: int = 1) -> str:
    """Return a length for rests and skips, which may be any length, repeated `times` times."""
    value = note_value(quarters)
    is_plain = value is not None and value.actual == 1
    length = duration(value, quarters) if is_plain else f"1*{quarters / 4}"
    return length + (f"*{times}" if times > 1 else "")


def key(fifths: int, mode: str) -> str:
    """Return a key signature; modes unknown to LilyPond are written as major."""
    mode = mode.strip().lower()
    name = mode if mode in _MODES else "major"
    tonic = fifths + _MODES[name]
    sharps = (tonic + 1) // 7
    step = "FCGDAEB"[(tonic + 1) % 7].lower()
    return f"\\key {step}{('is' if sharps > 0 else 'es') * abs(sharps)} \\{name}"


def time(text: str) -> str:
    """Return a time signature such as ``4/4``, ``2+3/8`` or ``3/8+2/8``; empty for one without beats."""
    split = terms(text)
    if not split:
        return ""
    if len(split) == 1 and len(split[0].beats) == 1:
        return f"\\time {split[0].beats[0]}/{split[0].kind}"
    return (
        "\\compoundMeter #'("
        + " ".join(f"({' '.join(map(str, (*beats, kind)))})" for beats, kind in split)
        + ")"
    )


def string(text: str) -> str:
    """Return a text on one line, as a quoted string."""
    line = " ".join(printable(text).split())
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def variable_suffix(index: int) -> str:
    """Return a suffix for variable names, which may have only letters: A to Z, AA and so on."""
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
