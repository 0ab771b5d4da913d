"""Chords and progressions of the common practice.

Root progressions follow the table of usual root progressions in Piston and DeVoto, *Harmony* (5th ed., 1987,
chapter 3), which lists what follows each degree usually, sometimes and less often. The table gives no
numbers; the costs of these three words are our own. Cadences and the cadential six-four follow Aldwell,
Schachter and Cadwallader, *Harmony and Voice Leading* (chapters 4 to 11); applied chords resolve to their
targets, and the Neapolitan sixth goes to the dominant (chapters 25 and 28).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import (
    DEGREES,
    SEVENTH_FIGURES,
    TRIAD_FIGURES,
    Chord,
    chord,
    numeral_of,
    stacked_thirds,
    transpose_notes,
)
from music21_server.composition.harmonization.style import STRICT, PartWritingCosts, Style, matrix
from music21_server.composition.harmonization.tonality import Tonality
from music21_server.theory.harmony.functions import Function

SOURCE: Final = (
    "Piston & DeVoto, Harmony (1987), table of usual root progressions; Aldwell, Schachter & Cadwallader, "
    "Harmony and Voice Leading"
)

USUAL, SOMETIMES, SELDOM, NEVER = 0.0, 0.8, 2.0, 4.0

_PROGRESSIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "I": ("IV V", "VI", "II III"),
    "II": ("V", "IV VI", "I III"),
    "III": ("VI", "IV", "I II V"),
    "IV": ("V", "I II", "III VI"),
    "V": ("I", "VI IV", "III II"),
    "VI": ("II V", "III IV", "I"),
    "VII": ("I III", "VI", "II IV V"),
}
"""Piston's table: the degrees that follow a degree usually, sometimes and less often."""

PART_WRITING: Final = PartWritingCosts(
    parallel=5 * STRICT, direct=STRICT, overlap=STRICT, tendency=STRICT, doubled_tendency=STRICT,
    missing=(12.0, 15.0, 1.0, 12.0, 0.0), doubled=(0.0, 1.2, 0.5, 20.0, 0.0), wide=4.0,
)  # fmt: skip

_Row = tuple[str, str, Function, str, str, str, str, tuple[float | None, ...]]
"""Numeral, degree, function, notes in C, leading note, seventh, suffix, and costs of the inversions (None:
unused)."""

_DOMINANTS: Final[tuple[_Row, ...]] = (
    ("V", "V", "dominant", "G B D", "B", "", "", (0.0, 0.2, None)),
    ("V", "V", "dominant", "G B D F", "B", "F", "7", (0.1, 0.2, 0.5, 0.4)),
    ("viio", "VII", "dominant", "B D F", "B", "", "dim", (None, 0.4, None)),
)
_MAJOR: Final[tuple[_Row, ...]] = (
    ("I", "I", "tonic", "C E G", "", "", "", (0.0, 0.15, None)),
    ("ii", "II", "subdominant", "D F A", "", "", "m", (0.3, 0.1, None)),
    ("ii", "II", "subdominant", "D F A C", "", "C", "m7", (0.6, 0.3, None, None)),
    ("iii", "III", "tonic", "E G B", "", "", "m", (1.2, None, None)),
    ("IV", "IV", "subdominant", "F A C", "", "", "", (0.0, 0.3, None)),
    ("vi", "VI", "tonic", "A C E", "", "", "m", (0.2, None, None)),
    ("viiø", "VII", "dominant", "B D F A", "B", "A", "m7b5", (1.2, 1.2, None, None)),
)
_MINOR: Final[tuple[_Row, ...]] = (
    ("i", "I", "tonic", "C E- G", "", "", "m", (0.0, 0.15, None)),
    ("iio", "II", "subdominant", "D F A-", "", "", "dim", (None, 0.1, None)),
    ("iiø", "II", "subdominant", "D F A- C", "", "C", "m7b5", (0.6, 0.3, None, None)),
    ("III", "III", "tonic", "E- G B-", "", "", "", (0.5, 0.8, None)),
    ("iv", "IV", "subdominant", "F A- C", "", "", "m", (0.0, 0.3, None)),
    ("IV", "IV", "subdominant", "F A C", "", "", "", (1.2, 1.2, None)),
    ("ii", "II", "subdominant", "D F A", "", "", "m", (1.6, 1.6, None)),
    ("v", "Vm", "dominant", "G B- D", "", "", "m", (1.4, 1.0, None)),
    ("VI", "VI", "tonic", "A- C E-", "", "", "", (0.2, 0.9, None)),
    ("VII", "VIIm", "dominant", "B- D F", "", "", "", (0.7, 1.0, None)),
    ("viio", "VII", "dominant", "B D F A-", "B", "A-", "dim7", (0.6, 0.8, 1.2, None)),
    ("bII", "II", "subdominant", "D- F A-", "", "", "", (None, 1.4, None)),
)
_TARGETS: Final[Mapping[bool, Mapping[str, tuple[str, str]]]] = {
    False: {"ii": ("D", "II"), "iii": ("E", "III"), "IV": ("F", "IV"), "V": ("G", "V"), "vi": ("A", "VI")},
    True: {
        "III": ("E-", "III"),
        "iv": ("F", "IV"),
        "V": ("G", "V"),
        "VI": ("A-", "VI"),
        "VII": ("B-", "VIIm"),
    },
}  # fmt: skip
"""Targets of applied chords, by whether the key is minor: numeral, root in C, degree."""

_APPLIED_COST: Final = 1.6

_SAME_DEGREE, _SAME_FUNCTION, _SIX_FOUR = 0.3, 0.5, 0.2
"""Costs of another inversion of a chord, of the leading-note chord after the dominant, and of a prepared
six-four."""

_AFTER_NATURAL: Final = {
    "VIIm": {"III": USUAL, "VI": SOMETIMES, "I": SELDOM},
    "Vm": {"VI": USUAL, "IV": SOMETIMES, "I": SELDOM, "VIIm": SELDOM},
}
"""Successors of the chords on the natural seventh: the subtonic is the dominant of the mediant, and the minor
dominant descends."""
_BEFORE_NATURAL: Final = {
    "VIIm": {"I": SOMETIMES, "IV": SOMETIMES, "VI": SOMETIMES, "II": SELDOM},
    "Vm": {"I": SOMETIMES, "IV": SELDOM},
}


@functools.lru_cache(maxsize=16)
def classical(key: Tonality) -> Style:
    """Return the style in a key; in a church mode it is major or minor with the chords of the mode added."""
    chords = tuple(_chords(key))
    return Style(
        name="classical",
        chords=chords,
        moves=matrix(chords, _move),
        inner=matrix(chords, lambda before, after: _cadence(before, after, is_final=False)),
        final=matrix(chords, lambda before, after: _cadence(before, after, is_final=True)),
        opening=np.array([_opening(each) for each in chords]),
        metre=np.array([[_metre(each, strength) for each in chords] for strength in range(4)]),
        changes=(0.0, 0.0, 0.15, 1.5),
        holds=(0.7, 0.3, 0.1, 0.0),
        part_writing=PART_WRITING,
        tension=1.0,
        dissonance=1.0,
        has_symbols=False,
        source=SOURCE,
    )


def _chords(key: Tonality) -> Iterator[Chord]:
    rows = (*(_MINOR if key.is_minor else _MAJOR), *_DOMINANTS)
    for row in rows:
        yield from _inversions(key, row)
    tonic = "i" if key.is_minor else "I"
    notes = "C E- G" if key.is_minor else "C E G"
    yield chord(key, tonic, "I64", "dominant", notes, figures=TRIAD_FIGURES, bass=2, colour=0.2)
    if key.is_minor:  # the Picardy third
        yield chord(key, "I", "I", "tonic", "C E G", colour=3.0)
    for target, (root, degree) in _TARGETS[key.is_minor].items():
        yield from _applied(key, target, root, degree)
    usual = {row[3] for row in rows}
    for place in range(7):
        triad, numeral = stacked_thirds(key, place, 3), numeral_of(key, place)
        if triad not in usual and not numeral.endswith("o"):  # a triad of a church mode
            natural = {"V": "Vm", "VII": "VIIm"}.get(DEGREES[place], DEGREES[place])
            yield chord(key, numeral, natural, "other", triad, colour=0.8)


def _inversions(key: Tonality, row: _Row) -> Iterator[Chord]:
    numeral, degree, function, notes, lead, seventh, suffix, costs = row
    figures = SEVENTH_FIGURES if len(costs) == 4 else TRIAD_FIGURES
    for bass, cost in enumerate(costs):
        if cost is not None:
            yield chord(
                key, numeral, degree, function, notes,
                figures=figures, bass=bass, colour=cost, suffix=suffix, lead=lead, seventh=seventh,
            )  # fmt: skip


def _applied(key: Tonality, numeral: str, root: str, degree: str) -> Iterator[Chord]:
    for name, notes, seventh, suffix, costs in (
        ("V", "G B D", "", "", (0.2, 0.2, None)),
        ("V", "G B D F", "F", "7", (0.0, 0.1, 0.5, 0.4)),
        ("viio", "B D F A-", "A-", "dim7", (0.4, 0.6, None, None)),
    ):
        above = tuple(None if cost is None else cost + _APPLIED_COST for cost in costs)
        row: _Row = (
            f"{name}/{numeral}", f"V/{degree}", "applied dominant", transpose_notes(notes, root),
            transpose_notes("B", root), transpose_notes(seventh, root) if seventh else "", suffix, above,
        )  # fmt: skip
        yield from _inversions(key, row)


def _move(before: Chord, after: Chord) -> float:
    if before == after:
        return 0.0
    return _roots(before, after) + _bass(before, after)


def _roots(before: Chord, after: Chord) -> float:
    """Return the cost of a succession of roots."""
    for rule in (_six_four, _applied_move, _natural_move):
        cost = rule(before, after)
        if cost is not None:
            return cost
    one, other = before.degree, after.degree
    if one == other:
        loses_seventh = before.seventh is not None and after.seventh is None
        return SELDOM if loses_seventh else _SAME_DEGREE
    if other == "VII" and one != "V":
        other = "V"  # whose function it has
    if (before.degree, after.degree) == ("V", "VII"):
        return _SAME_FUNCTION
    columns = zip(_PROGRESSIONS[one], (USUAL, SOMETIMES, SELDOM), strict=True)
    return next((cost for degrees, cost in columns if other in degrees.split()), NEVER)


def _six_four(before: Chord, after: Chord) -> float | None:
    """Return the cost of a succession from or to a cadential six-four; None for others."""
    if before.degree == "I64":
        return USUAL if after.degree == "V" and after.is_root_position else 2 * NEVER
    if after.degree == "I64":
        is_prepared = before.function in ("subdominant", "tonic", "applied dominant")
        return _SIX_FOUR if is_prepared and before.degree != "III" else NEVER
    return None


def _applied_move(before: Chord, after: Chord) -> float | None:
    """Return the cost of a succession from or to an applied chord; None for others."""
    if before.degree.startswith("V/"):
        return _resolution(before, after)
    if after.degree.startswith("V/"):
        return SOMETIMES if before.function in ("tonic", "subdominant") else SELDOM
    return None


def _natural_move(before: Chord, after: Chord) -> float | None:
    """Return the cost of a succession with a chord on the natural seventh of minor; None for others."""
    one, other = before.degree, after.degree
    if one != other and one in _AFTER_NATURAL:
        return _AFTER_NATURAL[one].get(other, SELDOM if one == "VIIm" else NEVER)
    if one != other and other in _BEFORE_NATURAL:
        return _BEFORE_NATURAL[other].get(one, NEVER)
    return None


def _resolution(applied: Chord, after: Chord) -> float:
    """Return the cost of leaving an applied chord."""
    target = applied.degree.removeprefix("V/")
    if after.degree == target or (target == "V" and after.degree == "I64"):
        return USUAL
    if after.degree == applied.degree:
        return _SAME_DEGREE if after.seventh is not None or applied.seventh is None else SELDOM
    is_chain = after.degree.startswith("V/") and (after.root - applied.root) % 12 == 5
    return SOMETIMES if is_chain else 2 * NEVER


def _bass(before: Chord, after: Chord) -> float:
    """Return the cost of a seventh or leading note in the bass that does not resolve."""
    step = (after.bass_class - before.bass_class) % 12
    if before.bass_class == before.seventh and step not in (0, 10, 11):
        return NEVER
    if before.bass_class == before.lead and step not in (0, 1):
        return SELDOM
    return 0.0


def _cadence(before: Chord, after: Chord, *, is_final: bool) -> float:
    """Return the cost of ending a phrase with two chords."""
    if after.degree == "I" and after.is_root_position:
        if before.degree == "V" and before.is_root_position:
            return USUAL  # authentic
        if before.degree in ("V", "VII"):
            return 0.8  # imperfect
        return {"IV": 1.2, "I": 1.5}.get(before.degree, NEVER)
    return _open_cadence(before, after) + (6.0 if is_final else 0.0)


def _open_cadence(before: Chord, after: Chord) -> float:
    """Return the cost of ending a phrase on anything but the tonic in root position."""
    is_plain = after.is_root_position and after.seventh is None
    prepared = before.degree in ("I", "II", "IV", "VI", "I64", "V/V")
    is_half = is_plain and after.degree == "V" and prepared
    is_tonicised = before.degree == f"V/{after.degree}" or (before.degree, after.degree) == ("VIIm", "III")
    is_deceptive = (before.degree, after.degree) == ("V", "VI")
    kinds = ((is_half, 0.5), (is_plain and is_tonicised, 1.2), (is_plain and is_deceptive, 1.5))
    return next((cost for is_kind, cost in kinds if is_kind), 2.0 if after.degree == "I" else NEVER)


def _opening(chord: Chord) -> float:
    if chord.degree == "I":
        return 0.0 if chord.is_root_position else 1.0
    if chord.degree == "V" and chord.seventh is None:
        return 0.8
    return {"VI": 2.0, "IV": 2.0, "II": 2.5}.get(chord.degree, NEVER)


def _metre(chord: Chord, strength: int) -> float:
    """Return the cost of a chord by metrical strength; a cadential six-four needs a stronger beat than its
    dominant."""
    return chord.colour + (0.0 if chord.degree != "I64" or strength <= 1 else NEVER)
