"""What a style of harmony is: its chords, how they follow each other, and how its voices move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.composition.harmonization.chords import Chord

Costs = npt.NDArray[np.float64]

STRICT: Final = 1_000.0
"""What costs so much is forbidden, and no mere fault: all other costs of a melody's harmony are less."""

StyleName = Literal["classical", "jazz", "pop", "modal"]


@dataclass(frozen=True)
class Manner:
    """How voices are set and led: what each fault costs; 0 where a style does not mind.

    Attributes:
        parallel: Two voices in fifths, octaves or unisons twice in succession, by whatever motion.
        direct: Outer voices moving the same way into a fifth or an octave, the upper one by a leap.
        overlap: A voice beyond the note that its neighbour leaves.
        tendency: A leading note or a seventh that does not go where it wants to.
        doubled_tendency: One of these twice in a chord.
        missing: Root, third, fifth and seventh of a chord, and its extensions, not sounding.
        doubled: Root, third, fifth, seventh and extensions sounding twice.
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
        name: Of the style.
        chords: That it has; a chord may be there twice, with other ways to go on.
        moves: What each succession costs, chords by chords; on the diagonal, a chord that stays.
        inner: What each succession costs in addition at the end of a phrase.
        final: Likewise at the end of the melody.
        opening: What each chord costs as the first one.
        metre: What each chord costs by the strength of its place, strengths by chords.
        changes: What a new chord costs by the strength of its place, where chords need not change.
        holds: What a chord that stays costs by the strength of the place that it stays over.
        manner: How its voices move.
        tension: Factor of what tensions in the melody cost.
        dissonance: Factor of what other dissonances cost.
        has_symbols: Whether chord symbols are written.
        source: Where its progressions come from.
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
    manner: Manner
    tension: float
    dissonance: float
    has_symbols: bool
    source: str


def matrix(chords: Sequence[Chord], cost: Callable[[Chord, Chord], float]) -> Costs:
    """Return what each pair of chords costs, the earlier ones by the later ones."""
    return np.array([[cost(before, after) for after in chords] for before in chords], dtype=np.float64)
