"""Writes the voices below a melody: the cheapest path through the voicings of the chords.

The best chords are tried first. Where they break a strict rule in every voicing, other chords with a small
loss are admitted, and chords and voices are chosen together.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.progression import (
    Progression,
    ProgressionCosts,
    alternatives,
    best_progression,
)
from music21_server.composition.harmonization.style import STRICT, Costs
from music21_server.composition.harmonization.voice_leading_costs import Candidates, leading_costs
from music21_server.composition.harmonization.voicings import VoiceRange, all_voicings, voicings_below
from music21_server.score.table import Integers
from music21_server.theory.algorithms.viterbi import cheapest_path

_MOST_VOICINGS: Final = 50
"""Voicings of each chord in the first attempt."""

_RETRIES: Final = ((5, 40, 2), (12, 30, 3), (24, 20, 4))
"""Further attempts around segments that break a rule: chords, voicings of each chord, and segments on either
side."""

_CHORD_WEIGHT: Final = 3.0
"""Weight of the cost of the chords relative to that of the voices."""


@dataclass(frozen=True)
class Harmony:
    """Chords and voices of a melody.

    Attributes:
        progression: The best chords without regard to the voices.
        path: Index of the chord of each segment.
        pitches: MIDI numbers, segments by voices below the melody, the highest first.
    """

    progression: Progression
    path: tuple[int, ...]
    pitches: Integers


def write_parts(melody: Melody, costs: ProgressionCosts, below: tuple[VoiceRange, ...]) -> Harmony:
    """Return the chords and voices for a melody.

    Args:
        melody: Melody above the voices.
        costs: Costs of the chords.
        below: Ranges of the other voices, the highest first.
    """
    progression = best_progression(costs)
    finder = _CandidateFinder(melody, costs, below)
    chords_by_segment = alternatives(costs.style, progression, 1)
    candidates = [
        finder.candidates(at, chords, _MOST_VOICINGS) for at, chords in enumerate(chords_by_segment)
    ]
    best = path = _cheapest(costs, candidates)
    for most_chords, most_voicings, reach in _RETRIES:
        if not path.broken:
            break
        chords_by_segment = alternatives(costs.style, progression, most_chords)
        around = {at + shift for at in path.broken for shift in range(-reach, reach)}
        for at in sorted(around & set(range(len(candidates)))):
            candidates[at] = finder.candidates(at, chords_by_segment[at], most_voicings)
        path = _cheapest(costs, candidates)
        best = min(best, path, key=lambda path: path.cost)
    return Harmony(progression, best.path, best.pitches)


class _CandidateFinder:
    """Finds the voicings of chords below a melody."""

    def __init__(self, melody: Melody, costs: ProgressionCosts, below: tuple[VoiceRange, ...]) -> None:
        self._melody = melody
        self._costs = costs
        chords, part_writing = costs.style.chords, costs.style.part_writing
        self._voicings = functools.cache(lambda index: all_voicings(chords[index], below, part_writing))

    def candidates(self, at: int, chords: Integers, most_voicings: int) -> Candidates:
        """Return the candidate voicings of a segment.

        Args:
            at: Index of the segment.
            chords: Indices of its possible chords.
            most_voicings: Largest number of voicings of each chord.
        """
        segment = self._costs.segments[at]
        notes = [self._melody.notes[index] for index in segment.notes]
        first, last = notes[0], notes[-1]
        indices, pitches, costs = [], [], []
        for index in chords.tolist():
            voicings, voicing_costs = self._voicings_of_chord(index, at, most_voicings)
            indices.append(np.full(len(voicings), index))
            pitches.append(voicings)
            costs.append(voicing_costs)
        return Candidates(
            chords=np.concatenate(indices),
            pitches=np.concatenate(pitches),
            costs=np.concatenate(costs),
            first=first.pitch if first.start <= segment.start else None,
            last=last.pitch if last.end >= segment.end else None,
            is_attacked=first.start == segment.start,
            is_first=segment.is_first,
        )

    def _voicings_of_chord(self, index: int, at: int, most: int) -> tuple[Integers, Costs]:
        chord = self._costs.style.chords[index]
        notes = [self._melody.notes[note] for note in self._costs.segments[at].notes]
        members = [
            (note.weight, -note.note, note.pitch_class)
            for note in self._costs.notes[at]
            if note.pitch_class in chord.pitch_classes
        ]
        voicings = self._voicings(index)
        chosen, costs = voicings_below(
            chord,
            voicings,
            self._costs.style.part_writing,
            lowest=min(note.pitch for note in notes),
            highest=max(note.pitch for note in notes),
            tone=max(members)[2] if members else None,
        )
        best = np.argsort(costs, kind="stable")[:most]
        return voicings.pitches[chosen[best]], costs[best]


@dataclass(frozen=True)
class _Path:
    """One path through the candidates of all segments.

    Attributes:
        cost: Total cost.
        path: Index of the chord of each segment.
        pitches: MIDI numbers, segments by voices.
        broken: Segments at whose beginning it breaks a strict rule.
    """

    cost: float
    path: tuple[int, ...]
    pitches: Integers
    broken: tuple[int, ...]


def _cheapest(costs: ProgressionCosts, candidates: Sequence[Candidates]) -> _Path:
    """Return the cheapest path through the candidates of all segments."""
    style, local = costs.style, costs.local * _CHORD_WEIGHT
    own = [segment.costs + local[at, segment.chords] for at, segment in enumerate(candidates)]
    transitions = (
        costs.step(at)[one.chords[:, None], other.chords[None, :]] * _CHORD_WEIGHT
        + leading_costs(one, other, style.chords, style.part_writing)
        for at, (one, other) in enumerate(pairwise(candidates), start=1)
    )
    rows, totals = cheapest_path(own, transitions)
    increments = np.diff([total[row] for total, row in zip(totals, rows, strict=True)], prepend=0.0)
    return _Path(
        cost=float(totals[-1].min()),
        path=tuple(int(segment.chords[row]) for segment, row in zip(candidates, rows, strict=True)),
        pitches=np.array([segment.pitches[row] for segment, row in zip(candidates, rows, strict=True)]),
        broken=tuple(np.flatnonzero(increments >= STRICT).tolist()),
    )
