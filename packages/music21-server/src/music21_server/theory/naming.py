"""What a sonority is called, asked of music21 once per class of sonorities.

A class is the bass and the set of names above it, each as seen from the tonic, with the mode: neither octaves
nor doublings nor the tonic itself change a chord's root, quality, inversion or numeral, so the answer for one
sonority of a class, in closed position above its bass, is the answer for all. Two names at two distances are
called differently (a twelfth is no fifth), so the interval of a dyad is part of its class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from music21_server.notes import STEP_SEMITONES, STEPS
from music21_server.theory.keys import Mode

Name = tuple[int, int]
"""A note name: step from 0 for C (or for the tonic), and alteration in cents."""


@dataclass(frozen=True)
class SonorityClass:
    """Sonorities that are called the same.

    Attributes:
        mode: Of the key.
        bass: Lowest name, seen from the tonic.
        others: The other names, seen from the tonic, sorted.
        octaves: Of a dyad, how many octaves its interval has beyond the simple one; else 0.
    """

    mode: Mode
    bass: Name
    others: tuple[Name, ...]
    octaves: int = 0


@dataclass(frozen=True)
class SonorityName:
    """What a class is called.

    Attributes:
        root: Seen from the tonic; None where there is none to speak of.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``.
        inversion: 0 for root position; -1 where there is no root.
        numeral: Roman numeral with figures, such as ``V65``.
        common_name: Such as ``dominant seventh chord``.
    """

    root: Name | None
    quality: str
    inversion: int
    numeral: str
    common_name: str


def seen_from(tonic: Name, name: Name) -> Name:
    """Return a name as seen from a tonic: C sharp from A is the third step, 0 cents off that of C major."""
    step = (name[0] - tonic[0]) % 7
    semitones = (STEP_SEMITONES[name[0]] - STEP_SEMITONES[tonic[0]]) % 12
    natural = STEP_SEMITONES[step]
    cents = int(semitones - natural) * 100 + name[1] - tonic[1]
    # A step up from B is one octave higher than from C, which the remainder has taken away.
    return step, (cents + 600) % 1200 - 600


def spelled_from(tonic: Name, seen: Name) -> Name:
    """Return the name that is seen so from a tonic; the inverse of `seen_from`."""
    step = (tonic[0] + seen[0]) % 7
    semitones = (STEP_SEMITONES[tonic[0]] + STEP_SEMITONES[seen[0]]) % 12
    cents = int(semitones - STEP_SEMITONES[step]) * 100 + tonic[1] + seen[1]
    return step, (cents + 600) % 1200 - 600


def text_of(name: Name) -> str:
    """Return a name as music21 writes it, such as ``F#`` or ``B-``."""
    step, cents = name
    semitones, rest = divmod(abs(cents), 100)
    sign = "#" if cents > 0 else "-"
    half = {0: "", 50: "~" if cents > 0 else "`"}.get(rest)
    if half is None:
        raise ValueError(f"no sign for an alteration of {cents} cents")
    return STEPS[step] + sign * semitones + half


def name_of(text: str) -> Name:
    """Return the name that a text such as ``F#`` or ``B-`` stands for."""
    cents = 100 * (text.count("#") - text.count("-")) + 50 * (text.count("~") - text.count("`"))
    return STEPS.index(text[0].upper()), cents


_TONIC: Final = {"major": "C", "minor": "c"}


def ask_music21(sonority: SonorityClass) -> SonorityName:
    """Return what music21 calls a class, in C, in closed position above the bass."""
    from music21 import chord, key, roman

    # Loaded here: whoever reads names from the table needs none of it, and it takes a second.
    pitches = list(_closed(sonority))
    made: Any = chord.Chord(pitches)
    numeral: Any = roman.romanNumeralFromChord(made, key.Key(_TONIC[sonority.mode]))
    root = made.root()
    return SonorityName(
        root=None if root is None else name_of(root.name),
        quality=str(made.quality),
        inversion=_inversion(made),
        numeral=str(numeral.figure),
        common_name=str(made.commonName),
    )


def _inversion(made: Any) -> int:
    found = made.inversion()
    return -1 if found is None else int(found)


def _closed(sonority: SonorityClass) -> Iterable[str]:
    """Yield the pitches, each as low above the bass as it can be."""
    bass_step, bass_cents = sonority.bass
    octave = 4
    yield f"{text_of(sonority.bass)}{octave}"
    bass_height = int(STEP_SEMITONES[bass_step]) * 100 + bass_cents
    for step, cents in sonority.others:
        height = int(STEP_SEMITONES[step]) * 100 + cents
        above = octave + (1 if (step, height) <= (bass_step, bass_height) else 0)
        yield f"{text_of((step, cents))}{above + sonority.octaves}"
