"""Cost of moving from each voicing of a segment to each voicing of the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.style import Costs, PartWritingCosts
from music21_server.score.table import Booleans, Integers
from music21_server.theory.pitch.names import fifths_of

Shorts = npt.NDArray[np.int16]
SmallCosts = npt.NDArray[np.float32]

_LARGEST: Final = 40
"""Largest move that the cost tables distinguish, in semitones."""

_INNER: Final = (0.0, 0.1, 0.2, 0.5, 0.6, 1.0, 3.0, 1.4, 2.5, 2.5, 6.0, 7.0, 4.0)
_BASS: Final = (0.5, 0.1, 0.1, 0.3, 0.3, 0.5, 2.5, 0.6, 1.5, 1.5, 5.0, 6.0, 1.0)
"""Cost of a move by its semitones, for inner voices and the bass, which may leap by fourths and fifths."""
_BEYOND_OCTAVE: Final = 15.0

_AWKWARD_INTERVAL_COST: Final = 5.0
"""Cost of an augmented or diminished melodic interval."""
_AWKWARD_INTERVAL_FIFTHS: Final = 8
"""Smallest distance on the line of fifths of an awkward interval: 9 is an augmented second; 7 is a chromatic
semitone, which is easy to sing."""

_SIMILAR_COST: Final = 1.0
"""Cost of more than two voices that all move in the same direction."""

_AFTER_REST: Final = 0.3
"""Factor of the cost of moves after a rest."""

_MOVED_COST: Final = 1.2
"""Cost of each voice that moves while the chord stays."""

_FIFTH: Final = 7
_STEP: Final = 2


@dataclass(frozen=True)
class Candidates:
    """Candidate voicings of one segment, of one chord or several.

    Attributes:
        chords: Index of the chord of each voicing.
        pitches: MIDI numbers, voicings by voices below the melody, the highest first.
        costs: Cost of each voicing in itself.
        first: The melody's pitch at the beginning of the segment; None if it rests.
        last: The melody's pitch at the end of the segment; None if it rests.
        is_attacked: Whether a note of the melody begins with the segment.
        is_first: Whether the segment follows a rest of all voices, or is the first one.
    """

    chords: Integers
    pitches: Integers
    costs: Costs
    first: int | None
    last: int | None
    is_attacked: bool
    is_first: bool


def leading_costs(
    before: Candidates, after: Candidates, chords: Sequence[Chord], part_writing: PartWritingCosts
) -> SmallCosts:
    """Return the cost of each succession of voicings, voicings before by voicings after."""
    # 16-bit integers, as these tables are large and memory bandwidth determines the time.
    one, other = before.pitches.astype(np.int16), after.pitches.astype(np.int16)
    steps = [other[None, :, voice] - one[:, None, voice] for voice in range(one.shape[1])]
    moved = [step != 0 for step in steps]
    inner, bass = _table(_INNER), _table(_BASS)
    total: SmallCosts = bass[np.minimum(np.abs(steps[-1]), _LARGEST)]
    for step in steps[:-1]:
        total += inner[np.minimum(np.abs(step), _LARGEST)]
    total += _awkward_intervals(before, after, chords)
    stays = before.chords[:, None] == after.chords[None, :]
    if stays.any():
        total += np.float32(_MOVED_COST) * (stays * np.sum(moved, axis=0, dtype=np.int16))
    if after.is_first:
        return total * _AFTER_REST
    has_melody = before.last is not None and after.first is not None
    if has_melody:
        one = np.column_stack([np.full(len(one), before.last, dtype=np.int16), one])
        other = np.column_stack([np.full(len(other), after.first, dtype=np.int16), other])
        melody_step = (after.first or 0) - (before.last or 0) if after.is_attacked else 0
        steps = [np.full(total.shape, melody_step, dtype=np.int16), *steps]
        moved = [np.full(total.shape, melody_step != 0), *moved]
    total += np.float32(part_writing.parallel) * _parallels(one, other, moved)
    total += np.float32(part_writing.overlap) * _overlaps(one, other)
    total += np.float32(part_writing.direct) * _direct(other, steps)
    if len(steps) > 2:
        directions = np.sum([np.sign(step) for step in steps], axis=0, dtype=np.int16)
        total += np.float32(_SIMILAR_COST) * (np.abs(directions) == len(steps))
    below = steps[1:] if has_melody else steps
    total += np.float32(part_writing.tendency) * _tendencies(before, after, chords, below)
    return total


def _table(costs: tuple[float, ...]) -> SmallCosts:
    return np.array([*costs, *[_BEYOND_OCTAVE] * (_LARGEST + 1 - len(costs))], dtype=np.float32)


def _awkward_intervals(before: Candidates, after: Candidates, chords: Sequence[Chord]) -> SmallCosts:
    costs = np.zeros((len(before.chords), len(after.chords)), dtype=np.float32)
    names, others = _fifths(before, chords), _fifths(after, chords)
    for voice in range(names.shape[1]):
        distance = np.abs(others[None, :, voice] - names[:, None, voice])
        costs += (distance >= _AWKWARD_INTERVAL_FIFTHS) * np.float32(_AWKWARD_INTERVAL_COST)
    return costs


def _fifths(candidates: Candidates, chords: Sequence[Chord]) -> Shorts:
    """Return the place of each note on the line of fifths, in the shape of the voicings."""
    places = np.zeros((len(chords), 12), dtype=np.int16)
    for index in np.unique(candidates.chords).tolist():
        for name, pitch_class in zip(chords[index].names, chords[index].pitch_classes, strict=True):
            places[index, pitch_class] = fifths_of(name)
    fifths: Shorts = places[candidates.chords[:, None], candidates.pitches % 12]
    return fifths


def _parallels(one: Shorts, other: Shorts, moved: Sequence[Booleans]) -> Shorts:
    """Return the number of voice pairs in successive fifths, octaves or unisons, in any direction."""
    counts = np.zeros((len(one), len(other)), dtype=np.int16)
    for upper, lower in combinations(range(one.shape[1]), 2):
        before, after = (one[:, upper] - one[:, lower]) % 12, (other[:, upper] - other[:, lower]) % 12
        for size in (0, _FIFTH):
            is_before, is_after = before == size, after == size
            if is_before.any() and is_after.any():
                both = is_before[:, None] & is_after[None, :]
                counts += both & moved[upper] & moved[lower]
    return counts


def _overlaps(one: Shorts, other: Shorts) -> Shorts:
    counts = np.zeros((len(one), len(other)), dtype=np.int16)
    for voice in range(one.shape[1] - 1):
        counts += other[None, :, voice + 1] > one[:, None, voice]
        counts += other[None, :, voice] < one[:, None, voice + 1]
    return counts


def _direct(other: Shorts, steps: Sequence[Shorts]) -> Shorts:
    """Return the number of direct fifths and octaves of the outer voices with a leap in the upper voice.

    A voice in unison with the highest or lowest one counts as an outer voice.
    """
    counts = np.zeros(steps[0].shape, dtype=np.int16)
    for upper, lower in combinations(range(other.shape[1]), 2):
        size = (other[:, upper] - other[:, lower]) % 12
        is_outer = (other[:, upper] == other[:, 0]) & (other[:, lower] == other[:, -1])
        into = is_outer & ((size == 0) | (size == _FIFTH))
        if into.any():
            is_similar = np.sign(steps[upper]) == np.sign(steps[lower])
            counts += into[None, :] & is_similar & (np.abs(steps[upper]) > _STEP) & (steps[lower] != 0)
    return counts


def _tendencies(
    before: Candidates, after: Candidates, chords: Sequence[Chord], steps: Sequence[Shorts]
) -> Shorts:
    """Return the number of tendency tones below the melody that do not resolve, by the rule of
    `checks.resolves`."""
    tendencies = np.array(
        [[_class_or_minus_one(chord.lead), _class_or_minus_one(chord.seventh)] for chord in chords]
    )
    has = np.zeros((len(chords), 12), dtype=np.bool_)
    for index, chord in enumerate(chords):
        has[index, list(chord.pitch_classes)] = True
    lead, seventh = tendencies[before.chords].T
    later = has[after.chords]
    is_up_there = later[:, (lead + 1) % 12].T & (lead >= 0)[:, None]
    is_down_there = (later[:, (seventh - 1) % 12] | later[:, (seventh - 2) % 12]).T & (seventh >= 0)[:, None]
    sinks_into = tendencies[after.chords][None, :, 1] == (lead[:, None] - 1) % 12
    counts = np.zeros((len(before.chords), len(after.chords)), dtype=np.int16)
    for voice, step in enumerate(steps):
        classes = before.pitches[:, voice] % 12
        is_lead, is_seventh = (classes == lead)[:, None], (classes == seventh)[:, None]
        counts += is_lead & is_up_there & (step != 1) & (step != 0) & ~(sinks_into & (step == -1))
        counts += is_seventh & is_down_there & (step != -1) & (step != -_STEP) & (step != 0)
    return counts


def _class_or_minus_one(pitch_class: int | None) -> int:
    return -1 if pitch_class is None else pitch_class
