"""Tokens of the representation **kern: notes, rests and their lengths; and interpretations of staves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS
from music21_server.score.table import NO_TIE, STEPS, TIE_CONTINUE, TIE_START, TIE_STOP

_PITCH: Final = re.compile(r"([a-g]+|[A-G]+)(#+|-+|n)?")
_LENGTH: Final = re.compile(r"(\d+)(?:%(\d+))?")
_KEY: Final = re.compile(r"\*k\[([^\]]*)\]")
_TONIC: Final = re.compile(r"\*([a-gA-G])([#-]?):(\w{0,3})")
_TEMPO: Final = re.compile(r"\*MM\[?(\d{1,4}(?:\.\d{1,4})?)")
_MODES: Final = {
    "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian",
    "ion": "ionian", "loc": "locrian",
}  # fmt: skip
_LONG_TYPES: Final = {"0": Fraction(8), "00": Fraction(16), "000": Fraction(32)}
_MOST_DIGITS: Final = 6
_MOST_DOTS: Final = 8
_MOST_ALTERATION: Final = 4
_MOST_OCTAVES: Final = 8
_MOST_ACCIDENTALS: Final = 14
_USUAL_DRUM: Final = ("B", 4)


@dataclass(frozen=True)
class KernNote:
    """A note, or a rest without a step.

    Attributes:
        quarters: Length in quarter notes; None if the token states none.
        step: Step letter; empty for a rest.
        alteration: Alteration in cents.
        octave: Octave; 4 begins with middle C.
        tie: Tie, as in the note table.
        is_grace: Whether it takes no time.
        has_fermata: Whether a fermata is over it.
        is_unpitched: Whether it is a percussion note.
    """

    quarters: Fraction | None
    step: str = ""
    alteration: int = 0
    octave: int = 4
    tie: int = NO_TIE
    is_grace: bool = False
    has_fermata: bool = False
    is_unpitched: bool = False


def kern_note(text: str) -> KernNote | None:
    """Return a note or rest of a token, of which a chord has several; None if it is neither.

    Raises:
        UnreadableScoreError: A length or pitch is out of range.

    Example::

        kern_note("8.ff#")      # F sharp 5, three quarters of a quarter note
    """
    is_grace = "q" in text or "Q" in text
    quarters = Fraction(0) if is_grace else _quarters(text)
    fermata = ";" in text
    if "r" in text:
        return KernNote(quarters, is_grace=is_grace, has_fermata=fermata)
    if "R" in text:
        step, octave = _USUAL_DRUM
        return KernNote(quarters, step, 0, octave, is_grace=is_grace, has_fermata=fermata, is_unpitched=True)
    pitch = _PITCH.search(text)
    if pitch is None:
        return None
    letters, sign = pitch[1], pitch[2] or ""
    if len(letters) > _MOST_OCTAVES or len(sign) > _MOST_ALTERATION or len(set(letters)) > 1:
        raise UnreadableScoreError(f"Expected a pitch such as cc# in kern, got {text[:40]!r}.")
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    alteration = 0 if sign == "n" else 100 * (sign.count("#") - sign.count("-"))
    return KernNote(
        quarters, letters[0].upper(), alteration, octave, _tie(text), is_grace=is_grace, has_fermata=fermata
    )


def _tie(text: str) -> int:
    if "_" in text or ("[" in text and "]" in text):
        return TIE_CONTINUE
    if "[" in text:
        return TIE_START
    return TIE_STOP if "]" in text else NO_TIE


def _quarters(text: str) -> Fraction | None:
    match = _LENGTH.search(text)
    if match is None:
        return None
    dots = text.count(".")
    if max(len(match[1]), len(match[2] or "")) > _MOST_DIGITS or dots > _MOST_DOTS:
        raise _out_of_range(text)
    number = int(match[1])
    if match[2]:
        if not number:
            raise _out_of_range(text)
        quarters = Fraction(4 * int(match[2]), number)
    else:
        quarters = Fraction(4, number) if number else _LONG_TYPES.get(match[1], Fraction(32))
    quarters *= 2 - Fraction(1, 2**dots)
    if quarters > LONGEST_MEASURE_QUARTERS:
        raise _out_of_range(text)
    return quarters


def _out_of_range(text: str) -> UnreadableScoreError:
    return UnreadableScoreError(
        f"Expected notes of at most {LONGEST_MEASURE_QUARTERS} quarter notes and {_MOST_DOTS} dots in kern, "
        f"written with at most {_MOST_DIGITS} digits, got {text[:40]!r}: correct the length."
    )


def signature_fifths(token: str) -> int | None:
    """Return the sharps of a signature such as ``*k[b-e-]``, negative for flats; None for other tokens."""
    match = _KEY.match(token)
    if match is None:
        return None
    sharps, flats = match[1].count("#"), match[1].count("-")
    if max(sharps, flats) > _MOST_ACCIDENTALS:
        raise UnreadableScoreError(
            f"Expected at most {_MOST_ACCIDENTALS} accidentals in a key signature, got "
            f"{max(sharps, flats):,} ({token[:40]!r}): correct it."
        )
    return sharps - flats


def key_mode(token: str) -> str | None:
    """Return the mode of a key such as ``*G:``, ``*e:`` or ``*d:dor``; None for other tokens."""
    match = _TONIC.match(token)
    if match is None:
        return None
    return _MODES.get(match[3]) or ("major" if match[1].isupper() else "minor")


def tempo(token: str) -> float | None:
    """Return the quarter notes per minute of a token such as ``*MM90``; None for other tokens."""
    match = _TEMPO.match(token)
    return (float(match[1]) or None) if match else None


def step_of(note: KernNote) -> int:
    """Return the step of a note, from 0 for C."""
    return STEPS.index(note.step) if note.step else 0
