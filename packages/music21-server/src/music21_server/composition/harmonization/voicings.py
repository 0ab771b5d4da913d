"""Voicings of a chord: the note of each voice below the melody.

Ranges, spacing and doubling follow Kostka and Payne, *Tonal Harmony* (chapter 5), on choral writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.style import Costs, PartWritingCosts
from music21_server.errors import ScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import Integers
from music21_server.theory.pitch.names import name_at

OCTAVE: Final = 12

_RANGES: Final = {
    "Mezzo": (57, 76), "Alto": (55, 72), "Tenor": (48, 67), "Baritone": (45, 64), "Bass": (40, 60),
}  # fmt: skip
_BELOW: Final = {
    2: ("Bass",),
    3: ("Alto", "Bass"),
    4: ("Alto", "Tenor", "Bass"),
    5: ("Alto", "Tenor", "Baritone", "Bass"),
    6: ("Mezzo", "Alto", "Tenor", "Baritone", "Bass"),
}
"""Voices below the melody, by the number of all voices."""

_LEAST_ROOM: Final = 5
"""Smallest distance in semitones from the lowest note of the second voice to that of the melody."""
_MOST_DOWN, _MOST_UP = 12, 12
"""Largest shift of the voices for a low or high melody, in semitones."""
_HIGH: Final = 74
"""The voices are shifted up if the whole melody is above this pitch."""

_MOST_APART, _MOST_APART_BASS = 19, 31
"""Largest distances between neighbouring voices, and above the bass, in semitones."""
_UNISON_COST: Final = 0.8
_LOW: Final = 45
"""Pitch below which close intervals above the bass sound muddy."""
_LOW_COST: Final = 1.0
_FAR_FROM_CENTRE: Final = 7
_FAR_COST: Final = 0.12


@dataclass(frozen=True)
class VoiceRange:
    """A voice below the melody.

    Attributes:
        name: Name of the voice.
        lowest: Lowest note as a MIDI number.
        highest: Highest note as a MIDI number.
    """

    name: str
    lowest: int
    highest: int

    @property
    def shift(self) -> int:
        """Semitones by which it is above its usual range."""
        return self.lowest - _RANGES[self.name][0]

    @property
    def text(self) -> str:
        """Name and range, such as ``Alto: G3 to C5``."""
        return f"{self.name}: {_pitch(self.lowest)} to {_pitch(self.highest)}"


def voice_ranges(voices: int, melody: Melody) -> tuple[VoiceRange, ...]:
    """Return the voices below a melody, the highest first, shifted for a low or high melody.

    Args:
        voices: Number of all voices, including the melody.
        melody: Melody above them.

    Raises:
        ScoreError: There is no room below the melody.
    """
    lowest = min(note.pitch for note in melody.notes)
    names = _BELOW[voices]
    need = _RANGES[names[0]][0] + _LEAST_ROOM if len(names) > 1 else _RANGES["Bass"][0] + OCTAVE
    shift = min(lowest - need, 0)
    if shift < -_MOST_DOWN:
        raise ScoreError(
            f"Expected a melody with room for {voices - 1} voices below it, whose lowest note is "
            f"{_pitch(need - _MOST_DOWN)} or higher, got one that goes down to {_pitch(lowest)}: transpose "
            "it up."
        )
    if lowest > _HIGH:
        shift = min(lowest - _HIGH, _MOST_UP)
    return tuple(VoiceRange(name, _RANGES[name][0] + shift, _RANGES[name][1] + shift) for name in names)


def _pitch(semitones: int) -> str:
    octave, place = divmod(semitones, OCTAVE)
    step, cents = name_at(place * 7 % 12 if place not in (10, 3, 8) else {10: -2, 3: -3, 8: -4}[place])
    return pitch_name(step, cents, octave - 1)


@dataclass(frozen=True)
class Voicings:
    """Voicings of one chord.

    Attributes:
        pitches: MIDI numbers, voicings by voices, the highest voice first.
        members: Index of each note in the chord, in the same shape.
        costs: Cost of the spacing of each voicing, without regard to the melody.
    """

    pitches: Integers
    members: Integers
    costs: Costs


def all_voicings(chord: Chord, below: tuple[VoiceRange, ...], part_writing: PartWritingCosts) -> Voicings:
    """Return all voicings of a chord in the ranges of the voices, without crossings."""
    member_of = np.full(OCTAVE, -1, dtype=np.int64)
    for index, pitch_class in reversed(list(enumerate(chord.pitch_classes))):
        member_of[pitch_class] = index
    bass = np.arange(below[-1].lowest, below[-1].highest + 1)
    rows = bass[bass % OCTAVE == chord.bass_class][:, None]
    for place in range(len(below) - 2, -1, -1):
        voice = below[place]
        options = np.arange(voice.lowest, voice.highest + 1)
        options = options[member_of[options % OCTAVE] >= 0]
        most = _MOST_APART_BASS if place == len(below) - 2 else _MOST_APART
        gap = options[None, :] - rows[:, :1]
        row, option = np.nonzero((gap >= 0) & (gap <= most))
        rows = np.column_stack([options[option], rows[row]])
    return Voicings(rows, member_of[rows % OCTAVE], _spacing(rows, below, part_writing))


def _spacing(pitches: Integers, below: tuple[VoiceRange, ...], part_writing: PartWritingCosts) -> Costs:
    costs = np.zeros(len(pitches))
    gaps = pitches[:, :-1] - pitches[:, 1:]
    costs += (gaps == 0).sum(axis=1) * _UNISON_COST
    costs += wide_spacing_costs(gaps[:, :-1], part_writing).sum(axis=1)
    if gaps.shape[1]:
        costs += np.where((pitches[:, -1] < _LOW) & (gaps[:, -1] > 0) & (gaps[:, -1] < 7), _LOW_COST, 0.0)
    centres = np.array([(voice.lowest + voice.highest) / 2 for voice in below])
    costs += (np.maximum(np.abs(pitches - centres) - _FAR_FROM_CENTRE, 0) * _FAR_COST).sum(axis=1)
    return costs


def wide_spacing_costs(gaps: Integers, part_writing: PartWritingCosts) -> Costs:
    """Return the cost of distances of more than an octave."""
    beyond = np.maximum(gaps - OCTAVE, 0)
    costs: Costs = np.where(beyond > 0, part_writing.wide * (0.7 + 0.3 * beyond), 0.0)
    return costs


def voicings_below(
    chord: Chord,
    voicings: Voicings,
    part_writing: PartWritingCosts,
    *,
    lowest: int,
    highest: int,
    tone: int | None,
) -> tuple[Integers, Costs]:
    """Return the indices of the voicings that are possible below the melody, and their costs.

    Args:
        chord: Chord that is voiced.
        voicings: All voicings of the chord, from `all_voicings`.
        part_writing: Costs of the style.
        lowest: Lowest note of the melody above the chord, which no voice exceeds.
        highest: Highest note of the melody above the chord, from which the distance is measured.
        tone: Pitch class of the melody's chord tone; None if it has none.
    """
    chosen = np.flatnonzero(voicings.pitches[:, 0] <= lowest)
    members, pitches = voicings.members[chosen], voicings.pitches[chosen]
    costs = voicings.costs[chosen] + wide_spacing_costs(highest - pitches[:, 0], part_writing)
    costs = costs + np.where(pitches[:, 0] == lowest, _UNISON_COST, 0.0)
    for index, pitch_class in enumerate(chord.pitch_classes):
        count = (members == index).sum(axis=1) + (pitch_class == tone)
        role = min(index, EXTENSION)
        costs = costs + np.where(count == 0, part_writing.missing[role], 0.0)
        doublings = np.maximum(count - 1, 0)
        if pitch_class in (chord.lead, chord.seventh):
            costs = costs + doublings * part_writing.doubled_tendency
        else:
            costs = costs + doublings * _doubling_cost(chord, role, part_writing)
    return chosen, costs


ROOT, THIRD, FIFTH, SEVENTH, EXTENSION = range(5)
"""Roles of the notes of a chord, in order; a suspended fourth has the role of the third."""


def _doubling_cost(chord: Chord, role: int, part_writing: PartWritingCosts) -> float:
    """Return the cost of doubling a note; the bass of a six-four and the third of viio6 are free."""
    if role == FIFTH and chord.bass == FIFTH:
        return 0.0
    if role == THIRD and chord.bass == THIRD and chord.is_diminished:
        return 0.0
    return part_writing.doubled[role]
