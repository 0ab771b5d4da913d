"""Chords and progressions of jazz standards.

Seventh chords with ninths and thirteenths, ii-V-I in every key that the melody passes through, secondary
dominants, tritone substitutes, the backdoor dominant and passing diminished chords: Levine, *The Jazz Theory
Book* (1995), chapters on the ii-V-I progression and on reharmonisation; Mulholland and Hojnacki, *The Berklee
Book of Jazz Harmony* (2013). The progressions are from these books; the costs are our own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import Chord, chord, stacked_thirds, transpose_notes
from music21_server.composition.harmonization.style import PartWritingCosts, Style, matrix
from music21_server.composition.harmonization.tonality import Tonality, name_in_key, pitch_class
from music21_server.theory.harmony.functions import Function

SOURCE: Final = (
    "Levine, The Jazz Theory Book (1995); Mulholland & Hojnacki, The Berklee Book of Jazz Harmony (2013)"
)

PART_WRITING: Final = PartWritingCosts(
    parallel=1.5, direct=0.3, overlap=1.0, tendency=1.5, doubled_tendency=4.0,
    missing=(12.0, 14.0, 0.1, 12.0, 0.6), doubled=(1.5, 2.5, 1.0, 4.0, 2.5), wide=2.0,
)  # fmt: skip
"""Third and seventh, the guide tones, must sound (Levine, chapter on three-note voicings); the fifth is
optional."""

_Row = tuple[str, str, Function, str, str, str, float]
"""Numeral, degree, function, notes in C, suffix, tensions in C, cost."""

_MAJOR: Final[tuple[_Row, ...]] = (
    ("Imaj7", "I", "tonic", "C E G B", "maj7", "D A", 0.0),
    ("Iadd6", "I", "tonic", "C E G A", "6", "D", 0.1),
    ("ii7", "II", "subdominant", "D F A C", "m7", "E G", 0.0),
    ("iii7", "III", "tonic", "E G B D", "m7", "A", 0.3),
    ("IVmaj7", "IV", "subdominant", "F A C E", "maj7", "G D B", 0.2),
    ("V7", "V", "dominant", "G B D F", "7", "A E", 0.0),
    ("vi7", "VI", "tonic", "A C E G", "m7", "B D", 0.1),
    ("viiø7", "VII", "subdominant", "B D F A", "m7b5", "E", 0.6),
    ("iiø7/ii", "II/II", "subdominant", "E G B- D", "m7b5", "A", 0.9),
    ("ii7/IV", "II/IV", "subdominant", "G B- D F", "m7", "A C", 0.9),
    ("iv6", "IVm", "subdominant", "F A- C D", "m6", "G", 0.9),
    ("bVII7", "bVII", "dominant", "B- D F A-", "7", "C G E", 1.0),
    ("#io7", "dim", "applied dominant", "C# E G B-", "dim7", "", 1.0),
)
_MINOR: Final[tuple[_Row, ...]] = (
    ("iadd6", "I", "tonic", "C E- G A", "m6", "D", 0.0),
    ("i7", "I", "tonic", "C E- G B-", "m7", "D F", 0.1),
    ("i(maj7)", "I", "tonic", "C E- G B", "mM7", "D", 0.5),
    ("iiø7", "II", "subdominant", "D F A- C", "m7b5", "G", 0.0),
    ("V7", "V", "dominant", "G B D F", "7", "A- E-", 0.0),
    ("iv7", "IV", "subdominant", "F A- C E-", "m7", "G", 0.1),
    ("VImaj7", "VI", "subdominant", "A- C E- G", "maj7", "D B-", 0.3),
    ("IIImaj7", "III", "tonic", "E- G B- D", "maj7", "F C", 0.4),
    ("VII7", "bVII", "dominant", "B- D F A-", "7", "C G", 0.4),
    ("IV7", "IV7", "subdominant", "F A C E-", "7", "G D", 0.8),
    ("viio7", "dim", "dominant", "B D F A-", "dim7", "", 0.8),
)
_TARGETS: Final[Mapping[bool, tuple[tuple[str, str, str, str], ...]]] = {
    False: (
        ("ii", "D", "II", "C G"), ("iii", "E", "III", "A- E-"), ("IV", "F", "IV", "A E"),
        ("V", "G", "V", "A E"), ("vi", "A", "VI", "A- E-"),
    ),
    True: (
        ("iv", "F", "IV", "A- E-"), ("V", "G", "V", "A- E-"), ("VI", "A-", "VI", "A E"),
        ("III", "E-", "III", "A E"),
    ),
}  # fmt: skip
"""Targets of applied dominants: numeral, root in C, degree, and the tensions above G7 that stay in the
key."""

_APPLIED_COST: Final = 0.8
_SUBSTITUTE_COST: Final = 1.0

_MOST_VOICES_WITHOUT_NINTH: Final = 4
"""With more voices the ninth is part of the chord."""

NINTHS: Final[Mapping[str, Mapping[int, str]]] = {
    "maj7": {2: "maj9", 9: "maj7(add13)"},
    "m7": {2: "m9", 5: "m11"},
    "7": {2: "9", 9: "13"},
    "6": {2: "6(add9)"},
    "m6": {2: "m6(add9)"},
}
"""Extended suffixes, by the suffix and the semitones from the root up to the tension."""


@functools.lru_cache(maxsize=16)
def jazz(key: Tonality, voices: int) -> Style:
    """Return the style in a key and for a number of voices; in a church mode it has the chords of the
    mode."""
    chords = tuple(_chords(key, has_ninths=voices > _MOST_VOICES_WITHOUT_NINTH))
    return Style(
        name="jazz",
        chords=chords,
        moves=matrix(chords, _move),
        inner=matrix(chords, lambda before, after: _cadence(before, after, is_final=False)),
        final=matrix(chords, lambda before, after: _cadence(before, after, is_final=True)),
        opening=np.array([{"I": 0.0, "II": 1.0, "VI": 1.0}.get(each.degree, 2.5) for each in chords]),
        metre=np.array([[each.colour for each in chords]] * 4),
        changes=(0.0, 0.2, 2.0, 4.0),
        holds=(0.6, 0.1, 0.0, 0.0),
        part_writing=PART_WRITING,
        tension=1.0,
        dissonance=0.8,
        has_symbols=True,
        source=SOURCE,
    )


def _chords(key: Tonality, *, has_ninths: bool) -> Iterator[Chord]:
    rows = [*(_MINOR if key.is_minor else _MAJOR), *_substitutes("", "C", "I")]
    for numeral, root, degree, tensions in _TARGETS[key.is_minor]:
        above = transpose_notes(tensions, root)
        notes = transpose_notes("G B D F", root)
        rows.append((f"V7/{numeral}", f"V/{degree}", "applied dominant", notes, "7", above, _APPLIED_COST))
        rows.extend(_substitutes(f"/{numeral}", root, degree))
    if key.mode not in ("major", "minor", "ionian", "aeolian"):
        rows.extend(_modal_rows(key))
    for numeral, degree, function, notes, suffix, tensions, colour in rows:
        third, seventh = notes.split()[1], notes.split()[3]
        is_dominant = suffix in ("7", "dim7")
        ninth = _ninth(notes.split()[0], tensions.split()) if has_ninths and suffix in _WITH_NINTHS else ""
        yield chord(
            key, numeral, degree, function, f"{notes} {ninth}".strip(),
            suffix=suffix, tensions=tensions, colour=colour, lead=third if is_dominant else "",
            seventh=seventh if suffix not in ("6", "m6") else "",
        )  # fmt: skip


_WITH_NINTHS: Final = ("7", "m7", "maj7")


def _ninth(root: str, tensions: list[str]) -> str:
    """Return the tension a major ninth above a root, or an empty text."""
    classes = {text: pitch_class(name_in_key((0, 0), text)) for text in (root, *tensions)}
    return next((text for text in tensions if (classes[text] - classes[root]) % 12 == 2), "")


def _substitutes(numeral: str, root: str, degree: str) -> list[_Row]:
    """Return the tritone substitute of the dominant of a degree; both have the same guide tones."""
    notes = transpose_notes("D- F A- C-", root)
    cost = _SUBSTITUTE_COST + (0.6 if numeral else 0.0)
    function: Function = "applied dominant" if numeral else "dominant"
    return [
        (f"subV7{numeral}", f"sub/{degree}", function, notes, "7", transpose_notes("E- G B-", root), cost)
    ]


def _modal_rows(key: Tonality) -> list[_Row]:
    """Return the seventh chords on the degrees I, II, IV, V and VII of a mode."""
    rows: list[_Row] = []
    for degree in (0, 1, 3, 4, 6):
        notes = stacked_thirds(key, degree, 4)
        root, *others = (pitch_class(name_in_key((0, 0), text)) for text in notes.split())
        suffix = _SUFFIXES[tuple((other - root) % 12 for other in others)]
        name = ("I", "II", "III", "IV", "V", "VI", "bVII")[degree]
        place = name if suffix != "7" else f"{name}7"
        figure = {"m7b5": "ø7", "m7": "7"}.get(suffix, suffix)
        numeral = (name.lower() if suffix.startswith("m7") else name) + figure
        rows.append((numeral, place, "tonic" if degree == 0 else "other", notes, suffix, "", 0.2))
    return rows


_SUFFIXES: Final[Mapping[tuple[int, ...], str]] = {
    (4, 7, 11): "maj7", (3, 7, 10): "m7", (4, 7, 10): "7", (3, 6, 10): "m7b5",
}  # fmt: skip
"""Suffixes by the semitones above the root."""


def _is_dominant(chord: Chord) -> bool:
    return chord.suffix == "7" and chord.function in ("dominant", "applied dominant")


def _move(before: Chord, after: Chord) -> float:
    if before == after:
        return 0.0
    if before.degree == after.degree:
        return 0.3
    up = (after.root - before.root) % 12
    for rule in (_leaving, _reaching):
        cost = rule(before, after, up)
        if cost is not None:
            return cost
    return 0.3 if before.degree == "I" else _BY_ROOTS.get(up, 1.5)


_BY_ROOTS: Final = {5: 0.2, 8: 0.4, 9: 0.4, 2: 0.7, 10: 0.7, 1: 0.7, 11: 0.7, 3: 0.9, 4: 0.9}
"""Cost of a succession of diatonic chords by the semitones from root to root; falling fifths cost least."""


def _leaving(before: Chord, after: Chord, up: int) -> float | None:
    """Return the cost of leaving a chord that demands a resolution; None for others."""
    if before.degree == "bVII" and after.degree == "I":
        return 0.3
    if before.degree == "dim":
        return 0.0 if up == 1 else 4.0
    if before.degree.startswith("sub"):
        return 0.0 if up == 11 and not after.degree.startswith("sub") else 4.0
    if _is_dominant(before):
        return _from_dominant(up, after)
    if before.degree.startswith("II/"):
        return 0.0 if _is_dominant(after) and up == 5 else 3.0
    return None


def _reaching(before: Chord, after: Chord, up: int) -> float | None:
    """Return the cost of reaching a chord that is usually prepared; None for others."""
    is_minor_seventh, is_tonic = before.suffix in ("m7", "m7b5"), before.function == "tonic"
    if after.degree.startswith("sub"):
        return 0.3 if up == 11 and is_minor_seventh else 1.8
    if _is_dominant(after) or after.degree == "V7":
        return 0.0 if up == 5 and is_minor_seventh else 0.9 if is_tonic else 1.2
    if after.degree == "dim":
        return 0.4 if is_tonic else 1.5
    if after.degree.startswith("II/"):
        return 0.7 if is_tonic else 1.2
    return None


def _from_dominant(up: int, after: Chord) -> float:
    """Return the cost of leaving a dominant for a root some semitones higher."""
    if up == 5:
        return 0.5 if _is_dominant(after) else 0.0
    if up == 6 and after.degree.startswith("sub"):
        return 0.4  # to its tritone substitute, which then resolves
    if up == 2 and after.degree == "VI":
        return 0.9
    if up == 9 and after.degree == "III":
        return 1.0
    return 3.0


def _cadence(before: Chord, after: Chord, *, is_final: bool) -> float:
    if after.degree == "I":
        if before.degree in ("V", "sub/I"):
            return 0.0
        return {"bVII": 0.5, "dim": 0.6, "IV": 0.9, "IVm": 0.7, "I": 1.2}.get(before.degree, 3.0)
    if is_final:
        return 6.0
    if after.degree == "V":
        return 0.4 if before.degree in ("II", "V/V", "sub/V", "VI") else 1.5
    return 1.0 if after.degree in ("VI", "III", "IV") else 2.0
