"""Chords and progressions of popular songs: loops of triads, with suspended fourths and added ninths.

The loops are described by Tagg, *Everyday Tonality II* (2014, chapters on chord loops and on bimodality),
Everett, *The Foundations of Rock* (2009), and Biamonte, "Triadic Modal and Pentatonic Patterns in Rock Music"
(*Music Theory Spectrum* 32/2, 2010). Continuing a loop is free; leaving it has a cost.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import Chord, chord, numeral_of, stacked_thirds
from music21_server.composition.harmonization.style import PartWritingCosts, Style
from music21_server.composition.harmonization.tonality import Tonality, name_in_key, pitch_class
from music21_server.theory.harmony.functions import Function
from music21_server.theory.pitch.names import absolute_name, text_of

SOURCE: Final = (
    "Tagg, Everyday Tonality II (2014); Everett, The Foundations of Rock (2009); Biamonte, Music Theory "
    "Spectrum 32/2 (2010)"
)

PART_WRITING: Final = PartWritingCosts(
    parallel=0.6, direct=0.0, overlap=1.0, tendency=0.4, doubled_tendency=1.0,
    missing=(12.0, 12.0, 0.8, 1.0, 0.5), doubled=(0.0, 0.6, 0.2, 1.0, 1.0), wide=2.0,
)  # fmt: skip

_MAJOR_LOOPS: Final = (
    "I V vi IV", "vi IV I V", "I vi IV V", "I IV V IV", "IV V iii vi", "I V vi iii IV I IV V", "I ii IV V",
    "I bVII IV I",
)  # fmt: skip
_MINOR_LOOPS: Final = (
    "i VI III VII",
    "i VII VI VII",
    "i VII VI V",
    "i iv VII III",
    "i VI iv V",
    "i III VII IV",
)

_TRIADS: Final = {
    "I": "C E G", "ii": "D F A", "iii": "E G B", "IV": "F A C", "V": "G B D", "vi": "A C E", "bVII": "B- D F",
    "i": "C E- G", "III": "E- G B-", "iv": "F A- C", "v": "G B- D", "VI": "A- C E-", "VII": "B- D F",
}  # fmt: skip

ADDED: Final = {"": {2: "(add9)"}, "m": {2: "m(add9)"}}
"""Extended suffixes, by the suffix and the semitones from the root up to the tension."""

_SUSPENDED_COST, _NOT_OF_MODE_COST, _FREE_COST = 0.8, 1.0, 1.2
_OTHER_PLACE, _LEAVING = 3.0, 2.0
_FREE_LOOP: Final = -1


@dataclass(frozen=True)
class _Place:
    """A chord at a position of a loop."""

    loop: int
    place: int
    size: int
    chord: Chord


@functools.lru_cache(maxsize=16)
def pop(key: Tonality) -> Style:
    """Return the style in a key; in a church mode the loops whose chords are in the mode cost least."""
    places = tuple(_places(key))
    moves = np.array([[_move(before, after) for after in places] for before in places])
    is_tonic = np.array([each.chord.degree == "I" and each.chord.suffix != "sus4" for each in places])
    final = np.broadcast_to(np.where(is_tonic, 0.0, 6.0), moves.shape)
    return Style(
        name="pop",
        chords=tuple(each.chord for each in places),
        moves=moves,
        inner=np.zeros_like(moves),
        final=final,
        opening=np.array([0.0 if each.place == 0 else 2.0 for each in places]),
        metre=np.array([[each.chord.colour for each in places]] * 4),
        changes=(0.0, 0.8, 3.0, 6.0),
        holds=(2.0, 0.0, 0.0, 0.0),
        part_writing=PART_WRITING,
        tension=1.0,
        dissonance=0.6,
        has_symbols=True,
        source=SOURCE,
    )


def _places(key: Tonality) -> Iterator[_Place]:
    scale = {pitch_class(name) for name in key.scale}
    for loop, text in enumerate(_MINOR_LOOPS if key.is_minor else _MAJOR_LOOPS):
        numerals = text.split()
        for place, numeral in enumerate(numerals):
            notes = _TRIADS[numeral]
            inside = all(pitch_class(name_in_key((0, 0), each)) in scale for each in notes.split())
            colour = 0.0 if inside else _NOT_OF_MODE_COST
            for variant in _variants(key, numeral, notes, colour):
                yield _Place(loop, place, len(numerals), variant)
    for degree in range(7):
        numeral = numeral_of(key, degree)
        if not numeral.endswith("o"):
            for variant in _variants(key, numeral, stacked_thirds(key, degree, 3), _FREE_COST):
                yield _Place(_FREE_LOOP, degree, 7, variant)


_FUNCTIONS: Final[Mapping[str, Function]] = {
    "I": "tonic", "III": "tonic", "VI": "tonic", "II": "subdominant", "IV": "subdominant", "V": "dominant",
    "VII": "dominant",
}  # fmt: skip


def _variants(key: Tonality, numeral: str, notes: str, colour: float) -> Iterator[Chord]:
    """Yield a triad and its variant with a suspended fourth."""
    root, _, fifth = notes.split()
    degree = numeral.upper()
    step, cents = name_in_key((0, 0), root)
    ninth, fourth = _above(step, cents, 1, 2), _above(step, cents, 3, 5)
    suffix = "m" if numeral.lstrip("b").islower() else ""
    function = _FUNCTIONS.get(degree, "other")
    yield chord(key, numeral, degree, function, notes, suffix=suffix, tensions=ninth, colour=colour)
    if suffix == "" or degree == "V":
        yield chord(
            key, f"{numeral}sus4", degree, function, f"{root} {fourth} {fifth}", suffix="sus4",
            tensions=ninth, colour=colour + _SUSPENDED_COST,
        )  # fmt: skip


def _above(step: int, cents: int, steps: int, semitones: int) -> str:
    """Return the note a number of steps and semitones above another."""
    natural = (0, 2, 4, 5, 7, 9, 11)[steps]
    return text_of(absolute_name((step, cents), (steps, 100 * (semitones - natural))))


def _move(before: _Place, after: _Place) -> float:
    """Return the cost of a succession; continuing a loop is free."""
    if before.chord == after.chord and before.loop == after.loop and before.place == after.place:
        return 0.0
    if before.loop == after.loop != _FREE_LOOP:
        if after.place == before.place:
            return 0.2  # a suspended fourth resolves
        if after.place == (before.place + 1) % before.size:
            return 0.0
        return _OTHER_PLACE
    if _FREE_LOOP in (before.loop, after.loop):
        return _LEAVING
    is_turn = before.place == before.size - 1 and after.place == 0
    return _LEAVING if is_turn else _OTHER_PLACE
