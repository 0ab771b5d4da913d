"""Names of notes and keys: as text, relative to a tonic, and on the line of fifths.

Every name has one place on the line of fifths (… F C G D A E B F# …). C is 0, and the distance between two
names is their interval (Temperley, *The Cognition of Basic Musical Structures*, 2001, chapter 5). Flats are
written as in music21: ``B-`` is B flat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import NOTE, STEP_SEMITONES, STEPS, Score
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.transposition import SpelledPitches

Name = tuple[int, int]
"""A note name: its step, counted from 0 for C, and its alteration in cents."""

STEP_CENTS: Final = tuple(int(semitones) * 100 for semitones in STEP_SEMITONES)
"""Height of each natural above C."""

FIFTHS_OF_STEPS: Final = np.array([0, 2, 4, -1, 1, 3, 5], dtype=np.int64)
"""Place of each natural on the line of fifths."""

_SHARPEST, _FLATTEST = 7, -7
"""Key signatures in use, in sharps; flats are negative."""

_CENTRE: Final = {"major": 2.0, "minor": -0.5}
"""Mean place of a key's notes on the line of fifths, relative to its tonic. C major reaches from F to B; C
minor from A flat to B natural, which is more frequent there than the B flat of its signature."""


@dataclass(frozen=True)
class Key:
    """A major or minor key.

    Attributes:
        tonic: Name of the tonic.
        mode: ``major`` or ``minor``.
    """

    tonic: Name
    mode: Mode

    @property
    def text(self) -> str:
        """The key as text, such as ``F# minor``."""
        return f"{text_of(self.tonic)} {self.mode}"

    @property
    def tonic_fifths(self) -> int:
        """Place of the tonic on the line of fifths."""
        return fifths_of(self.tonic)

    @property
    def pitch_class(self) -> int:
        """Pitch class of the tonic; 0 is C."""
        return (STEP_CENTS[self.tonic[0]] + self.tonic[1]) // 100 % 12


def fifths_of(name: Name) -> int:
    """Return the place of a name on the line of fifths."""
    return int(FIFTHS_OF_STEPS[name[0]]) + 7 * (name[1] // 100)


@lru_cache(maxsize=256)
def name_at(fifths: int) -> Name:
    """Return the name at a place on the line of fifths; the inverse of `fifths_of`."""
    alteration, place = divmod(fifths + 1, 7)
    return STEPS.index("FCGDAEB"[place]), alteration * 100


def relative_name(tonic: Name, name: Name) -> Name:
    """Return a name relative to a tonic, as if the tonic were C: C sharp in A is E."""
    step = (name[0] - tonic[0]) % 7
    natural = (STEP_CENTS[name[0]] - STEP_CENTS[tonic[0]]) % 1200
    return step, natural - STEP_CENTS[step] + name[1] - tonic[1]


def absolute_name(tonic: Name, relative: Name) -> Name:
    """Return the name that is `relative` in the key of a tonic; the inverse of `relative_name`."""
    step = (tonic[0] + relative[0]) % 7
    natural = (STEP_CENTS[step] - STEP_CENTS[tonic[0]]) % 1200
    return step, STEP_CENTS[relative[0]] - natural + tonic[1] + relative[1]


@lru_cache(maxsize=4096)
def text_of(name: Name) -> str:
    """Return a name as music21 writes it: ``F#``, ``B-``, ``C~`` (half sharp), ``C`` and a backtick (half
    flat).

    Alterations without a sign of their own are given in cents, as in ``C(+33c)``.
    """
    step, cents = name
    semitones, rest = divmod(abs(cents), 100)
    is_sharp = cents > 0
    if rest == 0:
        half = ""
    elif rest == 50:
        half = "~" if is_sharp else "`"
    else:
        return f"{STEPS[step]}({cents:+d}c)"
    return STEPS[step] + ("#" if is_sharp else "-") * semitones + half


def name_of(text: str) -> Name:
    """Return the name for a text written by `text_of`."""
    step = STEPS.index(text[0])
    if text[1:2] == "(":
        return step, int(text[2:-2])
    cents = 100 * (text.count("#") - text.count("-")) + 50 * (text.count("~") - text.count("`"))
    return step, cents


# A hyphen directly before a word is not music21's flat: B-minor is B minor, B- minor is B flat minor.
_KEY: Final = re.compile(
    r"(?P<step>[A-Ga-g])(?:[\s-]*(?P<word>sharp|flat)|(?P<sign>##?|--?(?![A-Za-z])|bb?|♯|♭)?)"
    r"[\s_:-]*(?P<mode>major|minor|maj|min|moll|dur|m|M)?",
    re.IGNORECASE,
)
_SIGNS: Final = {"": 0, "#": 100, "♯": 100, "sharp": 100, "-": -100, "b": -100, "♭": -100, "flat": -100}


def parse_key(text: str) -> Key:
    """Return the key for a text such as ``F# minor``, ``B- major``, ``Bb``, ``c sharp minor``, ``f#`` or
    ``Dm``.

    A lower-case letter without a mode is minor.

    Raises:
        ScoreError: The text is not a key.
    """
    match = _KEY.fullmatch(text.strip())
    sign = ((match["word"] or match["sign"] or "") if match else "").lower()
    if match is None or sign not in _SIGNS:
        raise ScoreError(
            "Expected a key such as `F# minor`, `B- major` or `Bb major` (B flat), `c` (C minor) or `Dm`, "
            f"got {text[:40]!r}."
        )
    word = match["mode"] or ("minor" if match["step"].islower() else "major")
    is_minor = word == "m" or word.lower() in ("minor", "min", "moll")
    return Key((STEPS.index(match["step"].upper()), _SIGNS[sign]), "minor" if is_minor else "major")


def spelled_key(pitch_class: int, mode: Mode, mean_fifths: float) -> Key:
    """Return a key with its tonic spelled to match the notes: D flat major among flats, C sharp among sharps.

    Args:
        pitch_class: Pitch class of the tonic; 0 is C.
        mode: Mode of the key.
        mean_fifths: Mean place of the notes on the line of fifths.
    """
    nearest = pitch_class * 7 % 12
    signature = 0 if mode == "major" else -3
    possible = [
        fifths
        for fifths in range(nearest - 24, nearest + 25, 12)
        if _FLATTEST <= fifths + signature <= _SHARPEST
    ]
    best = min(possible, key=lambda fifths: (abs(fifths + _CENTRE[mode] - mean_fifths), abs(fifths)))
    return Key(name_at(best), mode)


def mean_fifths(score: Score, pitches: SpelledPitches) -> float:
    """Return the mean place of a score's notes on the line of fifths, by duration; 0 without notes."""
    weights = np.where(score.notes.kind == NOTE, score.notes.duration, 0)
    total = int(weights.sum())
    if total == 0:
        return 0.0
    fifths = FIFTHS_OF_STEPS[pitches.step] + 7 * (pitches.alter_cents // 100)
    return float((fifths * weights).sum() / total)


@lru_cache(maxsize=64)
def scale_fifths(key: Key) -> frozenset[int]:
    """Return the places of a key's notes on the line of fifths; minor has both its sixths and both its
    sevenths."""
    places: Iterable[int] = range(-1, 6) if key.mode == "major" else (-4, -3, -2, -1, 0, 1, 2, 3, 5)
    return frozenset(key.tonic_fifths + fifths for fifths in places)
