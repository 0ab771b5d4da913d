"""Sonorities grouped by their shape in closed position, so that each shape is named once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.score.table import STEP_SEMITONES, Booleans, Integers
from music21_server.theory.chords.name_table import NameTable
from music21_server.theory.chords.names import Shape, SonorityName, class_of, closed_shape
from music21_server.theory.chords.sonorities import Sonorities
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS, Key, name_at

LOWEST_FIFTHS: Final = -28
"""F with four flats, the lowest of 64 places, so that a set of names fits into 64 bits."""

_PLACES: Final = 64

Masks = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Shapes:
    """Sonorities grouped by shape.

    Attributes:
        index: Index of each sonority's shape.
        shapes: Distinct shapes, spelled absolutely.
    """

    index: Integers
    shapes: tuple[Shape, ...]

    def names(self, key: Key, table: NameTable) -> list[SonorityName]:
        """Return the name of each shape in a key, with its root relative to the tonic."""
        return [table.name(class_of(shape, key)) for shape in self.shapes]


def name_masks(sonorities: Sonorities) -> tuple[Masks, Booleans]:
    """Return the names in each sonority as bits on the line of fifths, and whether all of them fit there."""
    fifths = FIFTHS_OF_STEPS[sonorities.step] + 7 * (sonorities.alter_cents // 100) - LOWEST_FIFTHS
    has_place = (sonorities.alter_cents % 100 == 0) & (fifths >= 0) & (fifths < _PLACES)
    bits = np.where(has_place, np.uint64(1) << np.where(has_place, fifths, 0).astype(np.uint64), np.uint64(0))
    firsts = sonorities.first[:-1]
    return np.bitwise_or.reduceat(bits, firsts), np.bitwise_and.reduceat(has_place, firsts)


def shapes_of(sonorities: Sonorities) -> Shapes:
    """Return the shapes of sonorities.

    If all names are on the line of fifths, and no pitch written above the bass sounds below it, the bass and
    the set of names define the shape and are compared as numbers. The few others are closed one by one.
    """
    if not len(sonorities):
        return Shapes(np.zeros(0, dtype=np.int64), ())
    masks, is_ordinary = name_masks(sonorities)
    bass = bass_rows(sonorities)
    is_ordinary &= ~_has_lower_sound(sonorities, bass)
    bass_fifths = FIFTHS_OF_STEPS[sonorities.step[bass]] + 7 * (sonorities.alter_cents[bass] // 100)
    distinct_masks, mask_index = np.unique(masks, return_inverse=True)
    codes = mask_index * _PLACES + np.clip(bass_fifths - LOWEST_FIFTHS, 0, _PLACES - 1)
    codes[~is_ordinary] = -1
    distinct, index = np.unique(codes, return_inverse=True)
    shapes = [
        _shape_of_mask(int(distinct_masks[code // _PLACES]), code % _PLACES + LOWEST_FIFTHS)
        for code in distinct.tolist()
        if code >= 0
    ]
    index = index - (len(distinct) - len(shapes))
    _close_others(sonorities, np.flatnonzero(~is_ordinary), index, shapes)
    return Shapes(index, tuple(shapes))


def bass_rows(sonorities: Sonorities) -> Integers:
    """Return the row of each sonority's bass: the lowest pitch as written, and of several the lowest as it
    sounds."""
    line = sonorities.octave * 7 + sonorities.step
    counts = np.diff(sonorities.first)
    owner = np.repeat(np.arange(len(sonorities)), counts)
    order = np.lexsort((sonorities.alter_cents, line, owner))
    return order[sonorities.first[:-1]]


def _has_lower_sound(sonorities: Sonorities, bass: Integers) -> Booleans:
    """Return which sonorities have a pitch that is written above the bass and sounds below it.

    Octaves do not count: E sharp with F flat is such a sonority. Its closed position then depends on how far
    above the bass that pitch is written.
    """
    counts = np.diff(sonorities.first)
    cents = STEP_SEMITONES[sonorities.step].astype(np.int64) * 100 + sonorities.alter_cents
    bass_step = np.repeat(sonorities.step[bass], counts)
    is_lower_step = sonorities.step < bass_step
    above = cents + 1200 * is_lower_step - np.repeat(cents[bass], counts)
    is_false = (above < 0) & (sonorities.step != bass_step)
    return np.logical_or.reduceat(is_false, sonorities.first[:-1])


def _shape_of_mask(mask: int, bass_fifths: int) -> Shape:
    bass = name_at(bass_fifths)
    above = []
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        name = name_at(lowest.bit_length() - 1 + LOWEST_FIFTHS)
        if name == bass:
            continue
        steps = (name[0] - bass[0]) % 7
        above.append((7 if steps == 0 and name[1] < bass[1] else steps, name[1]))
    return Shape(bass, tuple(sorted(above)))


def _close_others(sonorities: Sonorities, others: Integers, index: Integers, shapes: list[Shape]) -> None:
    places: dict[Shape, int] = {}
    for which in others.tolist():
        rows = slice(int(sonorities.first[which]), int(sonorities.first[which + 1]))
        shape = closed_shape(
            list(
                zip(
                    sonorities.step[rows].tolist(),
                    sonorities.alter_cents[rows].tolist(),
                    sonorities.octave[rows].tolist(),
                    strict=True,
                )
            )
        )
        if shape not in places:
            places[shape] = len(shapes)
            shapes.append(shape)
        index[which] = places[shape]
