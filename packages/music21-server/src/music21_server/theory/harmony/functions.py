"""Harmonic functions of chords in a key: tonic, subdominant and dominant.

After Riemann (*Vereinfachte Harmonielehre*, 1893), in the form of English-language textbooks (Aldwell and
Schachter, *Harmony and Voice Leading*; Laitz, *The Complete Musician*): I, III and VI are tonic; II and IV
are subdominant (also called predominant), as are the Neapolitan and the augmented sixths; V and VII are
dominant. A tonic chord in second inversion directly before V is the cadential six-four, an ornament of V, and
so dominant. A chord with notes outside the key that is the dominant of the next chord is an applied dominant.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from music21_server.theory.chords.name_table import NameTable
from music21_server.theory.chords.names import Shape, SonorityName, class_of
from music21_server.theory.harmony.local_keys import degree_of
from music21_server.theory.pitch.names import Key, Name, fifths_of, name_at, relative_name, scale_fifths

Function = Literal["tonic", "subdominant", "dominant", "applied dominant", "other"]

_FUNCTION_OF_DEGREE: Final[tuple[Function, ...]] = (
    "tonic", "subdominant", "tonic", "subdominant", "dominant", "tonic", "dominant"
)  # fmt: skip
_AUGMENTED_SIXTH: Final = re.compile(r"(It|Ger|Fr|Sw)")
_DOMINANT: Final = re.compile(r"V(?![I])|vii[oø]")
_PLAIN: Final = re.compile(r"[b#]*(?:[IV]+|[iv]+)(?:[oø+])?|(?:It|Ger|Fr|Sw)")

TONIC, SUBDOMINANT, DOMINANT, LEADING, SUBMEDIANT = 0, 3, 4, 6, 5
"""Degrees, counted in steps from 0."""


def degree(name: SonorityName) -> int:
    """Return the degree of a chord's root, 0 for the tonic; -1 without a root or with a chromatically altered
    one.

    The sixth and seventh degrees count in both forms, and so does the lowered second (the Neapolitan).
    """
    if name.root is None:
        return -1
    step, cents = name.root
    return step if cents in _DEGREES[step] else -1


_DEGREES: Final = ((0,), (0, -100), (0, -100), (0,), (0,), (0, -100), (0, -100))


def function_of(name: SonorityName, next_name: SonorityName | None) -> Function:
    """Return the function of a chord in the key that it is named in.

    Args:
        name: Name of the chord.
        next_name: Name of the next chord in the same key; None at the end.
    """
    if _AUGMENTED_SIXTH.match(name.numeral):
        return "subdominant"
    step = degree(name)
    if step < 0 or name.quality == "other":
        return "other"
    if step == TONIC and name.inversion == 2 and next_name is not None and degree(next_name) == DOMINANT:
        return "dominant"
    return _FUNCTION_OF_DEGREE[step]


def applied_to(shape: Shape, next_root: Name | None, next_quality: str, key: Key, table: NameTable) -> str:
    """Return a chord's numeral as the dominant of the next chord, such as ``V65/V``; empty if it is not one.

    Args:
        shape: The chord.
        next_root: Root of the next chord.
        next_quality: Quality of the next chord; only major and minor chords have dominants.
        key: Key of both chords.
        table: Table of names.
    """
    if next_root is None or next_quality not in ("major", "minor"):
        return ""
    scale = scale_fifths(key)
    if set(shape.names) == _major_triad(key):
        return ""
    if relative_name(key.tonic, next_root) == (0, 0) or all(fifths_of(name) in scale for name in shape.names):
        return ""
    target = Key(next_root, "major" if next_quality == "major" else "minor")
    numeral = table.name(class_of(shape, target)).numeral
    return f"{numeral}/{degree_of(target, key)}" if _DOMINANT.match(numeral) else ""


def _major_triad(key: Key) -> set[Name]:
    """Return the notes of the major tonic triad, which is a tonic even in minor and before iv."""
    return {name_at(key.tonic_fifths + fifths) for fifths in (0, 4, 1)}


def plain(numeral: str) -> str:
    """Return a numeral without figures: ``V`` for ``V65``."""
    match = _PLAIN.match(numeral)
    return match[0] if match else numeral
