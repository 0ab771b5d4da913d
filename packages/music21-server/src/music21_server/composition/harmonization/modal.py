"""Chords and progressions of the modes: triads of the scale, without a leading note unless the melody has it.

The primary chords of a mode are its tonic and the major and minor triads that contain its characteristic
degree; cadences lead from these, or from the triads a step above and below, to the tonic (Persichetti,
*Twentieth-Century Harmony*, 1961, chapter 2): bVII-I in Mixolydian and Dorian, bII-i in Phrygian, II-I in
Lydian.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import (
    DEGREES,
    TRIAD_FIGURES,
    Chord,
    chord,
    numeral_of,
    stacked_thirds,
)
from music21_server.composition.harmonization.style import STRICT, PartWritingCosts, Style, matrix
from music21_server.composition.harmonization.tonality import Tonality, name_in_key, pitch_class
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import text_of

SOURCE: Final = "Persichetti, Twentieth-Century Harmony (1961), chapter 2"

PART_WRITING: Final = PartWritingCosts(
    parallel=5 * STRICT, direct=20.0, overlap=20.0, tendency=20.0, doubled_tendency=20.0,
    missing=(12.0, 12.0, 0.8, 0.0, 0.0), doubled=(0.0, 0.8, 0.3, 0.0, 0.0), wide=3.0,
)  # fmt: skip

_SECONDARY_COST: Final = 0.4
_INVERSION_COST: Final = 0.5
_DIMINISHED_COST: Final = 1.2
_RAISED_COST: Final = 0.5
_BY_STEPS: Final = {1: 0.4, 6: 0.4, 3: 0.2, 4: 0.2, 2: 0.6, 5: 0.6}
"""Cost of a succession by the steps from root to root."""


def modal(key: Tonality, melody: Collection[int]) -> Style:
    """Return the style in a key.

    Args:
        key: Key or mode; major and minor count as Ionian and Aeolian.
        melody: Pitch classes of the melody; if it has a raised leading note, a chord may have it too.
    """
    chords = tuple(_chords(key, melody))
    return Style(
        name="modal",
        chords=chords,
        moves=matrix(chords, _move),
        inner=matrix(chords, lambda before, after: _cadence(before, after, is_final=False)),
        final=matrix(chords, lambda before, after: _cadence(before, after, is_final=True)),
        opening=np.array([0.0 if each.degree == "I" and each.is_root_position else 1.5 for each in chords]),
        metre=np.array([[each.colour for each in chords]] * 4),
        changes=(0.0, 0.0, 0.4, 2.0),
        holds=(0.6, 0.3, 0.0, 0.0),
        part_writing=PART_WRITING,
        tension=1.0,
        dissonance=1.0,
        has_symbols=False,
        source=SOURCE,
    )


def _chords(key: Tonality, melody: Collection[int]) -> Iterator[Chord]:
    characteristic = text_of(key.characteristic)
    for degree in range(7):
        notes, numeral = stacked_thirds(key, degree, 3), numeral_of(key, degree)
        is_diminished = numeral.endswith("o")
        is_primary = degree == 0 or (characteristic in notes.split() and not is_diminished)
        colour = 0.0 if is_primary else _SECONDARY_COST
        function: Function = "tonic" if degree == 0 else "other"
        suffix = "dim" if is_diminished else "m" if numeral.lstrip("#b").islower() else ""
        for bass in (1,) if is_diminished and degree else (0, 1):
            cost = colour + (_INVERSION_COST if bass else 0.0) + (_DIMINISHED_COST if is_diminished else 0.0)
            yield chord(
                key, numeral, DEGREES[degree], function, notes,
                figures=TRIAD_FIGURES, bass=bass, colour=cost, suffix=suffix,
            )  # fmt: skip
    leading = (pitch_class(key.tonic) - 1) % 12
    if leading in melody and leading not in {pitch_class(name) for name in _scale(key)}:
        for bass in (0, 1):
            yield chord(
                key, "V", "V", "dominant", "G B D", figures=TRIAD_FIGURES, bass=bass, lead="B",
                colour=_RAISED_COST + (_INVERSION_COST if bass else 0.0),
            )  # fmt: skip


def _scale(key: Tonality) -> list[tuple[int, int]]:
    return [name_in_key(key.tonic, text_of(name)) for name in key.scale]


def _move(before: Chord, after: Chord) -> float:
    if before == after:
        return 0.0
    steps = (DEGREES.index(after.degree) - DEGREES.index(before.degree)) % 7
    return 0.3 if steps == 0 else _BY_STEPS[steps]


_CADENCES: Final = {"VII": 0.0, "II": 0.0, "IV": 0.4, "V": 0.4}
"""Cost of reaching the tonic at the end of a phrase, by the degree before it; the neighbouring triads cost
least."""


def _cadence(before: Chord, after: Chord, *, is_final: bool) -> float:
    if after.degree == "I" and after.is_root_position:
        if before.degree == "I":
            return 1.5
        if before.function == "dominant":
            return 0.0  # its leading note is in the melody
        return _CADENCES.get(before.degree, 2.0) + (0.0 if before.is_root_position else 0.4)
    if is_final:
        return 6.0
    return 0.6 if after.degree in ("IV", "V", "VII") and after.is_root_position else 1.5
