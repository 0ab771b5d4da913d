"""Chords become voices: the cheapest way through all ways to set them.

The chords that fit best are set first. Where they cannot be set without breaking a strict rule, other chords
that lose little are allowed as well, and chords and voices are chosen together.
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
    Choices,
    Progression,
    alternatives,
    best_progression,
)
from music21_server.composition.harmonization.style import STRICT, Costs
from music21_server.composition.harmonization.voice_leading_costs import Setting, leading_costs
from music21_server.composition.harmonization.voicings import VoiceRange, set_below, voicings_of
from music21_server.score.table import Integers
from music21_server.theory.algorithms.viterbi import cheapest_path

_WAYS: Final = 50
"""Ways to set a chord that are tried at first."""

_EFFORTS: Final = ((5, 40, 2), (12, 30, 3), (24, 20, 4))
"""What is tried around places that break a rule: chords, ways to set each, segments to either side."""

_CHORD_WEIGHT: Final = 3.0
"""How much the choice of chords counts beside the ease of the voices."""


@dataclass(frozen=True)
class Harmony:
    """Chords and voices of a melody.

    Attributes:
        progression: What was wanted before there were voices.
        path: Index of the chord of each segment.
        pitches: Segments by voices below the melody, the highest first; semitones.
    """

    progression: Progression
    path: tuple[int, ...]
    pitches: Integers


def harmony_of(melody: Melody, choices: Choices, below: tuple[VoiceRange, ...]) -> Harmony:
    """Return chords and voices.

    Args:
        melody: Above them.
        choices: Of chords.
        below: Ranges of the other voices, the highest first.
    """
    progression = best_progression(choices)
    setter = _Setter(melody, choices, below)
    possible = alternatives(choices.style, progression, 1)
    settings = [setter.setting(at, chords, _WAYS) for at, chords in enumerate(possible)]
    best = found = _cheapest(choices, settings)
    for chords, ways, reach in _EFFORTS:
        if not found.broken:
            break
        possible = alternatives(choices.style, progression, chords)
        around = {at + shift for at in found.broken for shift in range(-reach, reach)}
        for at in sorted(around & set(range(len(settings)))):
            settings[at] = setter.setting(at, possible[at], ways)
        found = _cheapest(choices, settings)
        best = min(best, found, key=lambda each: each.cost)
    return Harmony(progression, best.path, best.pitches)


class _Setter:
    """Finds ways to set chords below a melody."""

    def __init__(self, melody: Melody, choices: Choices, below: tuple[VoiceRange, ...]) -> None:
        self._melody = melody
        self._choices = choices
        chords, manner = choices.style.chords, choices.style.manner
        self._ways = functools.cache(lambda index: voicings_of(chords[index], below, manner))

    def setting(self, at: int, possible: Integers, most: int) -> Setting:
        """Return ways to set a segment.

        Args:
            at: Which segment.
            possible: Its possible chords.
            most: Ways to set each of them.
        """
        segment = self._choices.segments[at]
        notes = [self._melody.notes[index] for index in segment.notes]
        first, last = notes[0], notes[-1]
        found: list[tuple[Integers, Integers, Costs]] = []
        for index in possible.tolist():
            pitches, costs = self._set(index, at, most)
            found.append((np.full(len(costs), index), pitches, costs))
        return Setting(
            chords=np.concatenate([each[0] for each in found]),
            pitches=np.concatenate([each[1] for each in found]),
            costs=np.concatenate([each[2] for each in found]),
            first=first.pitch if first.start <= segment.start else None,
            last=last.pitch if last.end >= segment.end else None,
            is_attacked=first.start == segment.start,
            is_first=segment.is_first,
        )

    def _set(self, index: int, at: int, most: int) -> tuple[Integers, Costs]:
        chord = self._choices.style.chords[index]
        notes = [self._melody.notes[note] for note in self._choices.segments[at].notes]
        members = [
            (sounding.weight, -sounding.note, sounding.pitch_class)
            for sounding in self._choices.notes[at]
            if sounding.pitch_class in chord.pitch_classes
        ]
        ways = self._ways(index)
        chosen, costs = set_below(
            chord,
            ways,
            self._choices.style.manner,
            lowest=min(note.pitch for note in notes),
            highest=max(note.pitch for note in notes),
            tone=max(members)[2] if members else None,
        )
        best = np.argsort(costs, kind="stable")[:most]
        return ways.pitches[chosen[best]], costs[best]


@dataclass(frozen=True)
class _Way:
    """One way through all settings.

    Attributes:
        cost: Of all of it.
        path: Index of the chord of each segment.
        pitches: Segments by voices; semitones.
        broken: Segments that it enters against a strict rule.
    """

    cost: float
    path: tuple[int, ...]
    pitches: Integers
    broken: tuple[int, ...]


def _cheapest(choices: Choices, settings: Sequence[Setting]) -> _Way:
    """Return the cheapest way through all settings."""
    style, local = choices.style, choices.local * _CHORD_WEIGHT
    own = [each.costs + local[at, each.chords] for at, each in enumerate(settings)]
    transitions = (
        choices.step(at)[one.chords[:, None], other.chords[None, :]] * _CHORD_WEIGHT
        + leading_costs(one, other, style.chords, style.manner)
        for at, (one, other) in enumerate(pairwise(settings), start=1)
    )
    ways, totals = cheapest_path(own, transitions)
    costs = np.diff([total[way] for total, way in zip(totals, ways, strict=True)], prepend=0.0)
    return _Way(
        cost=float(totals[-1].min()),
        path=tuple(int(setting.chords[way]) for setting, way in zip(settings, ways, strict=True)),
        pitches=np.array([setting.pitches[way] for setting, way in zip(settings, ways, strict=True)]),
        broken=tuple(np.flatnonzero(costs >= STRICT).tolist()),
    )
