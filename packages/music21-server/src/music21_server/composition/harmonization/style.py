"""A style of harmony: its chords, the costs of their successions, and the costs of its part-writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.composition.harmonization.chords import Chord

Costs = npt.NDArray[np.float64]

STRICT: Final = 1_000.0
"""Costs of this size mark forbidden faults; all other costs of a harmonisation together are lower."""

StyleName = Literal["classical", "jazz", "pop", "modal"]


@dataclass(frozen=True)
class PartWritingCosts:
    """Cost of each fault of part-writing; 0 where a style does not mind.

    Attributes:
        parallel: Two voices moving from one fifth, octave or unison to another, in any direction.
        direct: Outer voices in similar motion to a fifth or octave, with a leap in the upper voice.
        overlap: A voice that moves past the previous note of its neighbour.
        tendency: A leading note or seventh that does not resolve.
        doubled_tendency: A doubled leading note or seventh.
        missing: Missing root, third, fifth, seventh and extension of a chord.
        doubled: Doubled root, third, fifth, seventh and extension of a chord.
        wide: Upper voices more than an octave apart.
    """

    parallel: float
    direct: float
    overlap: float
    tendency: float
    doubled_tendency: float
    missing: tuple[float, float, float, float, float]
    doubled: tuple[float, float, float, float, float]
    wide: float


@dataclass(frozen=True)
class Style:
    """A style in a key.

    Attributes:
        name: Name of the style.
        chords: Chords of the style; a chord may occur twice, with different continuations.
        moves: Cost of each succession, chords before by chords after; the diagonal is a chord that stays.
        inner: Additional cost of each succession at the end of a phrase.
        final: Additional cost of each succession at the end of the melody.
        opening: Cost of each chord at the beginning.
        metre: Cost of each chord by metrical strength, strengths by chords.
        changes: Cost of a new chord by metrical strength, if chords need not change.
        holds: Cost of a chord that stays, by the metrical strength of the place it is held over.
        part_writing: Costs of its part-writing.
        tension: Factor of the cost of tensions in the melody.
        dissonance: Factor of the cost of other dissonances in the melody.
        has_symbols: Whether chord symbols are written.
        source: Books that describe its progressions.
    """

    name: StyleName
    chords: tuple[Chord, ...]
    moves: Costs
    inner: Costs
    final: Costs
    opening: Costs
    metre: Costs
    changes: tuple[float, float, float, float]
    holds: tuple[float, float, float, float]
    part_writing: PartWritingCosts
    tension: float
    dissonance: float
    has_symbols: bool
    source: str


def matrix(chords: Sequence[Chord], cost: Callable[[Chord, Chord], float]) -> Costs:
    """Return the cost of each succession of two chords, chords before by chords after."""
    return np.array([[cost(before, after) for after in chords] for before in chords], dtype=np.float64)
