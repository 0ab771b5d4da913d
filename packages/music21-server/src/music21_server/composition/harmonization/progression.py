"""Which chords follow each other: the cheapest path through the chords of a style (Viterbi's algorithm).

A chord costs by how it fits the melody and where it stands; a succession costs by what the style says of it
and, where a phrase ends, by what cadence it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music21_server.composition.harmonization.melody_fit import Sounding, fit_costs
from music21_server.composition.harmonization.segments import HarmonicRhythm, Segment
from music21_server.composition.harmonization.style import Costs, Style
from music21_server.score.table import Integers
from music21_server.theory.algorithms.viterbi import cheapest_path

_REPEATED_COST = 0.7
"""A chord that stays where a certain harmonic rhythm is asked for."""

_SEED_RANGE = 0.9
"""Most that a seed adds to the cost of a chord: less than an unusual succession."""


@dataclass(frozen=True)
class Choices:
    """What every chord of a style costs in every segment.

    Attributes:
        style: Whose chords.
        segments: Where they are to be chosen.
        notes: Of the melody, by segment.
        fit: What the melody costs, segments by chords.
        metre: What the place costs, likewise.
        chance: What the seed adds, likewise.
        rhythm: How chords are to change.
    """

    style: Style
    segments: tuple[Segment, ...]
    notes: tuple[tuple[Sounding, ...], ...]
    fit: Costs
    metre: Costs
    chance: Costs
    rhythm: HarmonicRhythm

    @property
    def local(self) -> Costs:
        """What each chord costs in each segment, segments by chords."""
        return self.fit + self.metre + self.chance

    def cadence(self, at: int) -> Costs:
        """Return what each succession into a segment costs as an end of a phrase."""
        segment = self.segments[at]
        if not segment.closes:
            return np.zeros_like(self.style.moves)
        is_last = at == len(self.segments) - 1
        return (self.style.final if is_last else self.style.inner) * segment.closes

    def pace(self, at: int) -> Costs:
        """Return what it costs to change or to keep the chord at a segment."""
        size, segment = len(self.style.chords), self.segments[at]
        if self.rhythm != "auto":
            return np.eye(size) * _REPEATED_COST
        change = self.style.changes[segment.strength] * (0.5 if segment.closes else 1.0)
        found = np.full((size, size), change / max(segment.beat_quarters, 0.5))
        np.fill_diagonal(found, self.style.holds[segment.strength])
        return found

    def step(self, at: int) -> Costs:
        """Return what each succession into a segment costs, the chords before by those of the segment."""
        return self.style.moves + self.cadence(at) + self.pace(at)


def choices(
    style: Style,
    segments: tuple[Segment, ...],
    notes: tuple[tuple[Sounding, ...], ...],
    *,
    rhythm: HarmonicRhythm,
    seed: int,
) -> Choices:
    """Return what the chords of a style cost under a melody.

    Args:
        style: Whose chords.
        segments: Of the melody.
        notes: Of each segment.
        rhythm: How chords are to change.
        seed: Which of the good solutions; 0 is the best.
    """
    fit = fit_costs(style.chords, notes, tension=style.tension, dissonance=style.dissonance)
    metre = np.array([style.metre[segment.strength] for segment in segments])
    metre[0] += style.opening
    return Choices(style, segments, notes, fit, metre, _chance(style, len(segments), seed), rhythm)


def _chance(style: Style, segments: int, seed: int) -> Costs:
    """Return what a seed adds: the same for all chords of one degree."""
    if seed == 0:
        return np.zeros((segments, len(style.chords)))
    degrees = list(dict.fromkeys(chord.degree for chord in style.chords))
    drawn = np.random.default_rng(seed).random((segments, len(degrees))) * _SEED_RANGE
    found: Costs = drawn[:, [degrees.index(chord.degree) for chord in style.chords]]
    return found


@dataclass(frozen=True)
class Progression:
    """A path of chords.

    Attributes:
        path: Index of the chord of each segment.
        loss: How much dearer the best path with each chord is, segments by chords.
    """

    path: tuple[int, ...]
    loss: Costs


def best_progression(choices: Choices) -> Progression:
    """Return the cheapest path, and how much is lost with every other chord."""
    local = choices.local
    steps = [choices.step(at) for at in range(1, len(local))]
    path, forward = cheapest_path(local, steps)
    backward = np.zeros_like(local)
    for at in range(len(local) - 2, -1, -1):
        backward[at] = (steps[at] + (local[at + 1] + backward[at + 1])[None, :]).min(axis=1)
    total = np.array(forward) + backward
    return Progression(tuple(path), total - total.min(axis=1, keepdims=True))


def alternatives(style: Style, progression: Progression, most: int) -> Sequence[Integers]:
    """Return the chords of each segment that lose least, the chosen one first.

    Args:
        style: Whose chords.
        progression: The path and what others lose.
        most: How many; all inversions of the chosen one are there anyway.
    """
    found = []
    for chosen, loss in zip(progression.path, progression.loss, strict=True):
        order = np.argsort(loss, kind="stable")[:most].tolist()
        found.append(np.array(list(dict.fromkeys([chosen, *_inversions(style, chosen), *order]))))
    return found


def _inversions(style: Style, chosen: int) -> list[int]:
    """Return the other inversions of a chord."""
    chord = style.chords[chosen]
    return [
        index
        for index, each in enumerate(style.chords)
        if each.degree == chord.degree
        and each.bass_class != chord.bass_class
        and set(each.pitch_classes) == set(chord.pitch_classes)
    ]
