"""Key fields (`K:`) of ABC: signature, mode, and accidentals of single notes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from music21_server.score.table import STEPS

_FIFTHS: Final = dict(zip("FCGDAEB", range(-1, 6), strict=True))
_MODE_FIFTHS: Final = {
    "": 0, "maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1,
    "loc": -5,
}  # fmt: skip
"""Sharps of each mode's signature relative to the major key of its tonic."""

_MODES: Final = {
    "": "major", "maj": "major", "ion": "ionian", "m": "minor", "min": "minor", "aeo": "aeolian",
    "mix": "mixolydian", "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "loc": "locrian",
}  # fmt: skip
_ORDER_OF_SHARPS: Final = "FCGDAEB"
_TONIC: Final = re.compile(r"([A-G])([#b]?)\s*(.*)", re.DOTALL)
_MODE: Final = re.compile(r"(maj|ion|min|aeo|mix|dor|phr|lyd|loc)[a-z]*(?![a-z])|m(?![a-z])", re.IGNORECASE)
_ACCIDENTAL: Final = re.compile(r"(?<![^\s^_=a-gA-G])([_^=]{1,2})([a-gA-G])(?![a-z]{2})")
_SIGNS: Final = {"=": 0, "^": 1, "^^": 2, "_": -1, "__": -2}
_MOST_FIFTHS: Final = 7
_PIPES: Final = ("HP", "Hp")


@dataclass(frozen=True)
class AbcKey:
    """A key signature.

    Attributes:
        fifths: Sharps of the signature, negative for flats, without single accidentals.
        mode: Mode, such as ``dorian``; empty if none is stated.
        alterations: Semitones by step, for steps that the signature or single accidentals alter.
    """

    fifths: int = 0
    mode: str = ""
    alterations: dict[str, int] = field(default_factory=dict)


def parse_key(text: str, before: AbcKey | None = None) -> AbcKey | None:
    """Return the key of a `K:` field; None if it states none, only a clef or another property.

    Args:
        text: Content of the field.
        before: Key until now, to which single accidentals are added when no tonic is stated.

    Example::

        parse_key("D phr ^f")      # two flats, with F sharp
        parse_key("Ador")          # one sharp
    """
    text = text.strip()
    if text.lower().startswith("none"):
        return AbcKey()
    if text.startswith(_PIPES):
        # Highland pipes play F sharp and C sharp, printed (Hp) or not (HP) (standard, 3.1.14).
        return AbcKey(2, "", {"F": 1, "C": 1})
    tonic = _TONIC.match(text)
    is_key = tonic is not None and not re.match(r"[a-z]+=", text)
    if not is_key or tonic is None:
        accidentals = _accidentals(text)
        if not accidentals or before is None:
            return None
        return AbcKey(before.fifths, before.mode, {**before.alterations, **accidentals})
    rest = tonic[3]
    mode = _MODE.match(rest)
    name = (mode[1] or "m").lower() if mode else ""
    accidentals = _accidentals(rest[mode.end() :] if mode else rest)
    if re.search(r"(?<![a-z])exp(?![a-z])", rest):
        return AbcKey(0, "", accidentals)
    fifths = _FIFTHS[tonic[1]] + {"#": 7, "b": -7, "": 0}[tonic[2]] + _MODE_FIFTHS[name]
    fifths = max(-_MOST_FIFTHS, min(_MOST_FIFTHS, fifths))
    return AbcKey(fifths, _MODES[name], {**signature(fifths), **accidentals})


def signature(fifths: int) -> dict[str, int]:
    """Return the alterations of a key signature by step."""
    if fifths >= 0:
        return dict.fromkeys(_ORDER_OF_SHARPS[:fifths], 1)
    return dict.fromkeys(_ORDER_OF_SHARPS[::-1][:-fifths], -1)


def _accidentals(text: str) -> dict[str, int]:
    # Clefs and other properties may follow, with values such as `clef=bass`.
    words = " ".join(word for word in text.split() if "=" not in word[1:])
    return {match[2].upper(): _SIGNS.get(match[1], 0) for match in _ACCIDENTAL.finditer(words)}


def step_index(letter: str) -> int:
    """Return the step of a note letter, from 0 for C."""
    return STEPS.index(letter.upper())
