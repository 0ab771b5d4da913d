"""What it costs to go from one way to set a chord to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.style import Costs, Manner
from music21_server.score.table import Booleans, Integers
from music21_server.theory.pitch.names import fifths_of

Shorts = npt.NDArray[np.int16]
SmallCosts = npt.NDArray[np.float32]

_LARGEST: Final = 40
"""Semitones that a voice can move at all."""

_INNER: Final = (0.0, 0.1, 0.2, 0.5, 0.6, 1.0, 3.0, 1.4, 2.5, 2.5, 6.0, 7.0, 4.0)
_BASS: Final = (0.5, 0.1, 0.1, 0.3, 0.3, 0.5, 2.5, 0.6, 1.5, 1.5, 5.0, 6.0, 1.0)
"""Costs of moving by so many semitones; beyond an octave more. The bass may leap by fourths and fifths."""
_BEYOND: Final = 15.0

_UNSINGABLE_COST: Final = 5.0
"""Of an augmented or diminished step."""
_UNSINGABLE_FIFTHS: Final = 8
"""Places on the line of fifths between two notes from which on a step is no plain one: 9 is an augmented
second; 7 is a chromatic semitone, which is plain."""

_TOGETHER_COST: Final = 1.0
"""All voices going the same way, of more than two."""
_FEW: Final = 2

_AFTER_REST: Final = 0.3
"""Factor of what moving costs when nothing sounded in between."""

_MOVED_COST: Final = 1.2
"""A voice that moves though the chord stays."""

_FIFTH: Final = 7
_STEP: Final = 2


@dataclass(frozen=True)
class Setting:
    """Ways to set one segment, of one chord or several.

    Attributes:
        chords: Index of the chord of each way.
        pitches: Ways by voices below the melody, the highest first; semitones.
        costs: Of each way in itself.
        first: The melody's pitch when the segment begins; None where it rests then.
        last: The melody's pitch when it ends; None where it rests then.
        is_attacked: Whether a note of the melody begins with the segment.
        is_first: Whether nothing sounds right before it.
    """

    chords: Integers
    pitches: Integers
    costs: Costs
    first: int | None
    last: int | None
    is_attacked: bool
    is_first: bool


def leading_costs(before: Setting, after: Setting, chords: Sequence[Chord], manner: Manner) -> SmallCosts:
    """Return what each way of a segment costs after each way of the one before, ways by ways."""
    # Short numbers: these tables are large, and what takes time is to walk through them.
    one, other = before.pitches.astype(np.int16), after.pitches.astype(np.int16)
    steps = [other[None, :, voice] - one[:, None, voice] for voice in range(one.shape[1])]
    moved = [step != 0 for step in steps]
    inner, bass = _table(_INNER), _table(_BASS)
    found: SmallCosts = bass[np.minimum(np.abs(steps[-1]), _LARGEST)]
    for step in steps[:-1]:
        found += inner[np.minimum(np.abs(step), _LARGEST)]
    found += _unsingable(before, after, chords)
    stays = before.chords[:, None] == after.chords[None, :]
    if stays.any():
        found += np.float32(_MOVED_COST) * (stays * np.sum(moved, axis=0, dtype=np.int16))
    if after.is_first:
        return found * _AFTER_REST
    has_melody = before.last is not None and after.first is not None
    if has_melody:
        one = np.column_stack([np.full(len(one), before.last, dtype=np.int16), one])
        other = np.column_stack([np.full(len(other), after.first, dtype=np.int16), other])
        melody_step = (after.first or 0) - (before.last or 0) if after.is_attacked else 0
        steps = [np.full(found.shape, melody_step, dtype=np.int16), *steps]
        moved = [np.full(found.shape, melody_step != 0), *moved]
    found += np.float32(manner.parallel) * _parallels(one, other, moved)
    found += np.float32(manner.overlap) * _overlaps(one, other)
    found += np.float32(manner.direct) * _direct(other, steps)
    if len(steps) > _FEW:
        ways = np.sum([np.sign(step) for step in steps], axis=0, dtype=np.int16)
        found += np.float32(_TOGETHER_COST) * (np.abs(ways) == len(steps))
    below = steps[1:] if has_melody else steps
    found += np.float32(manner.tendency) * _tendencies(before, after, chords, below)
    return found


def _table(costs: tuple[float, ...]) -> SmallCosts:
    return np.array([*costs, *[_BEYOND] * (_LARGEST + 1 - len(costs))], dtype=np.float32)


def _unsingable(before: Setting, after: Setting, chords: Sequence[Chord]) -> SmallCosts:
    found = np.zeros((len(before.chords), len(after.chords)), dtype=np.float32)
    names, others = _fifths(before, chords), _fifths(after, chords)
    for voice in range(names.shape[1]):
        distance = np.abs(others[None, :, voice] - names[:, None, voice])
        found += (distance >= _UNSINGABLE_FIFTHS) * np.float32(_UNSINGABLE_COST)
    return found


def _fifths(setting: Setting, chords: Sequence[Chord]) -> Shorts:
    """Return the place of each note on the line of fifths."""
    places = np.zeros((len(chords), 12), dtype=np.int16)
    for index in np.unique(setting.chords).tolist():
        for name, each in zip(chords[index].names, chords[index].pitch_classes, strict=True):
            places[index, each] = fifths_of(name)
    found: Shorts = places[setting.chords[:, None], setting.pitches % 12]
    return found


def _parallels(one: Shorts, other: Shorts, moved: Sequence[Booleans]) -> Shorts:
    """Return how many pairs of voices go from a fifth or octave to the next, by whatever motion."""
    found = np.zeros((len(one), len(other)), dtype=np.int16)
    for upper, lower in combinations(range(one.shape[1]), 2):
        before, after = (one[:, upper] - one[:, lower]) % 12, (other[:, upper] - other[:, lower]) % 12
        for size in (0, _FIFTH):
            is_before, is_after = before == size, after == size
            if is_before.any() and is_after.any():
                both = is_before[:, None] & is_after[None, :]
                found += both & moved[upper] & moved[lower]
    return found


def _overlaps(one: Shorts, other: Shorts) -> Shorts:
    found = np.zeros((len(one), len(other)), dtype=np.int16)
    for voice in range(one.shape[1] - 1):
        found += other[None, :, voice + 1] > one[:, None, voice]
        found += other[None, :, voice] < one[:, None, voice + 1]
    return found


def _direct(other: Shorts, steps: Sequence[Shorts]) -> Shorts:
    """Return how often the outer voices go the same way into a fifth or octave, the upper one by a leap.

    A voice in unison with the highest or the lowest one is an outer voice too.
    """
    found = np.zeros(steps[0].shape, dtype=np.int16)
    for upper, lower in combinations(range(other.shape[1]), 2):
        size = (other[:, upper] - other[:, lower]) % 12
        is_outer = (other[:, upper] == other[:, 0]) & (other[:, lower] == other[:, -1])
        into = is_outer & ((size == 0) | (size == _FIFTH))
        if into.any():
            is_similar = np.sign(steps[upper]) == np.sign(steps[lower])
            found += into[None, :] & is_similar & (np.abs(steps[upper]) > _STEP) & (steps[lower] != 0)
    return found


def _tendencies(before: Setting, after: Setting, chords: Sequence[Chord], steps: Sequence[Shorts]) -> Shorts:
    """Return how many leading notes and sevenths below the melody do not go where they want to.

    A leading note goes up a semitone, a seventh down a step, or either stays; where the next chord has
    neither of these notes, it is free. A leading note may also sink a semitone, to become the seventh of
    another dominant.
    """
    wants = np.array([[_class(chord.lead), _class(chord.seventh)] for chord in chords])
    has = np.zeros((len(chords), 12), dtype=np.bool_)
    for index, chord in enumerate(chords):
        has[index, list(chord.pitch_classes)] = True
    lead, seventh = wants[before.chords].T
    later = has[after.chords]
    is_up_there = later[:, (lead + 1) % 12].T & (lead >= 0)[:, None]
    is_down_there = (later[:, (seventh - 1) % 12] | later[:, (seventh - 2) % 12]).T & (seventh >= 0)[:, None]
    sinks_into = wants[after.chords][None, :, 1] == (lead[:, None] - 1) % 12
    found = np.zeros((len(before.chords), len(after.chords)), dtype=np.int16)
    for voice, step in enumerate(steps):
        classes = before.pitches[:, voice] % 12
        is_lead, is_seventh = (classes == lead)[:, None], (classes == seventh)[:, None]
        found += is_lead & is_up_there & (step != 1) & (step != 0) & ~(sinks_into & (step == -1))
        found += is_seventh & is_down_there & (step != -1) & (step != -_STEP) & (step != 0)
    return found


def _class(pitch_class: int | None) -> int:
    return -1 if pitch_class is None else pitch_class
