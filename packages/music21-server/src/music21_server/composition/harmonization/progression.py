"""The cheapest chord progression for a melody (Viterbi's algorithm).

The cost of a chord depends on how it fits the melody and on its metrical position; the cost of a succession
depends on the style and, at the end of a phrase, on the cadence that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.composition.harmonization.melody_fit import SegmentNote, fit_costs
from music21_server.composition.harmonization.segments import HarmonicRhythm, Segment
from music21_server.composition.harmonization.style import Costs, Style
from music21_server.score.table import Integers
from music21_server.theory.algorithms.viterbi import cheapest_path

_REPEATED_COST = 0.7
"""Cost of a chord that stays although the request asks for regular changes."""

_SEED_RANGE = 0.9
"""Largest random cost that a seed adds to a chord: less than an unusual succession."""


@dataclass(frozen=True)
class ProgressionCosts:
    """Costs of the chords of a style under a melody.

    Attributes:
        style: Style that has the chords.
        segments: Segments that each need a chord.
        notes: Notes of the melody in each segment.
        fit: Cost of each chord under the melody, segments by chords.
        metre: Cost of each chord at its metrical position, segments by chords.
        chance: Random cost of each chord, from the seed, segments by chords.
        rhythm: Harmonic rhythm that was asked for.
    """

    style: Style
    segments: tuple[Segment, ...]
    notes: tuple[tuple[SegmentNote, ...], ...]
    fit: Costs
    metre: Costs
    chance: Costs
    rhythm: HarmonicRhythm

    @property
    def local(self) -> Costs:
        """Total cost of each chord in each segment, segments by chords."""
        return self.fit + self.metre + self.chance

    def cadence(self, at: int) -> Costs:
        """Return the cost of each succession into a segment as the end of a phrase, chords by chords."""
        segment = self.segments[at]
        if not segment.closes:
            return np.zeros_like(self.style.moves)
        is_last = at == len(self.segments) - 1
        return (self.style.final if is_last else self.style.inner) * segment.closes

    def pace(self, at: int) -> Costs:
        """Return the cost of changing or keeping the chord at a segment, chords by chords."""
        size, segment = len(self.style.chords), self.segments[at]
        if self.rhythm != "auto":
            return np.eye(size) * _REPEATED_COST
        change = self.style.changes[segment.strength] * (0.5 if segment.closes else 1.0)
        costs = np.full((size, size), change / max(segment.beat_quarters, 0.5))
        np.fill_diagonal(costs, self.style.holds[segment.strength])
        return costs

    def step(self, at: int) -> Costs:
        """Return the total cost of each succession into a segment, chords before by chords after."""
        return self.style.moves + self.cadence(at) + self.pace(at)


def progression_costs(
    style: Style,
    segments: tuple[Segment, ...],
    notes: tuple[tuple[SegmentNote, ...], ...],
    *,
    rhythm: HarmonicRhythm,
    seed: int,
) -> ProgressionCosts:
    """Return the costs of the chords of a style under a melody.

    Args:
        style: Style that has the chords.
        segments: Segments of the melody.
        notes: Notes of the melody in each segment.
        rhythm: Harmonic rhythm.
        seed: Choice among the good solutions; 0 is the best.
    """
    fit = fit_costs(style.chords, notes, tension=style.tension, dissonance=style.dissonance)
    metre = np.array([style.metre[segment.strength] for segment in segments])
    metre[0] += style.opening
    return ProgressionCosts(style, segments, notes, fit, metre, _chance(style, len(segments), seed), rhythm)


def _chance(style: Style, segments: int, seed: int) -> Costs:
    """Return the random cost of each chord, equal for all chords of one degree."""
    if seed == 0:
        return np.zeros((segments, len(style.chords)))
    degrees = list(dict.fromkeys(chord.degree for chord in style.chords))
    drawn = np.random.default_rng(seed).random((segments, len(degrees))) * _SEED_RANGE
    costs: Costs = drawn[:, [degrees.index(chord.degree) for chord in style.chords]]
    return costs


@dataclass(frozen=True)
class Progression:
    """The cheapest path, and the loss with every other chord.

    Attributes:
        path: Index of the chord of each segment.
        loss: Additional cost of the best path through each chord, segments by chords.
    """

    path: tuple[int, ...]
    loss: Costs


def best_progression(costs: ProgressionCosts) -> Progression:
    """Return the cheapest path through the chords."""
    local = costs.local
    steps = [costs.step(at) for at in range(1, len(local))]
    path, forward = cheapest_path(local, steps)
    backward = np.zeros_like(local)
    for at in range(len(local) - 2, -1, -1):
        backward[at] = (steps[at] + (local[at + 1] + backward[at + 1])[None, :]).min(axis=1)
    total = np.array(forward) + backward
    return Progression(tuple(path), total - total.min(axis=1, keepdims=True))


def alternatives(style: Style, progression: Progression, most: int) -> Sequence[Integers]:
    """Return the `most` chords of each segment with the least loss, the chosen one and its inversions
    first."""
    chords = []
    for chosen, loss in zip(progression.path, progression.loss, strict=True):
        order = np.argsort(loss, kind="stable")[:most].tolist()
        chords.append(np.array(list(dict.fromkeys([chosen, *_inversions(style, chosen), *order]))))
    return chords


def _inversions(style: Style, chosen: int) -> list[int]:
    """Return the indices of the other inversions of a chord."""
    chord = style.chords[chosen]
    return [
        index
        for index, other in enumerate(style.chords)
        if other.degree == chord.degree
        and other.bass_class != chord.bass_class
        and set(other.pitch_classes) == set(chord.pitch_classes)
    ]
