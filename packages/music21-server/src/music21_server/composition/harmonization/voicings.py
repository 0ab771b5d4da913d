"""How a chord can be set: which note each voice below the melody has.

Ranges are those of choral writing in Kostka and Payne, *Tonal Harmony* (chapter 5); what is good spacing and
doubling is from the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.style import Costs, Manner
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
"""Semitones from the lowest note of the second voice to that of the melody."""
_MOST_DOWN, _MOST_UP = 12, 12
"""How far the voices give way to a low or a high melody, in semitones."""
_HIGH: Final = 74
"""A melody that is above this all the time takes the other voices with it."""

_MOST_APART, _MOST_APART_BASS = 19, 31
"""Semitones between neighbours that are thought of at all; as a rule an octave, above the bass more."""
_UNISON_COST: Final = 0.8
_LOW: Final = 45
"""Below this, close intervals above the bass are muddy."""
_LOW_COST: Final = 1.0
_FAR_FROM_CENTRE: Final = 7
_FAR_COST: Final = 0.12


@dataclass(frozen=True)
class VoiceRange:
    """A voice below the melody.

    Attributes:
        name: Of the voice.
        lowest: Semitones, as MIDI counts them.
        highest: Likewise.
    """

    name: str
    lowest: int
    highest: int

    @property
    def shift(self) -> int:
        """Semitones that it lies above its usual range."""
        return self.lowest - _RANGES[self.name][0]

    @property
    def text(self) -> str:
        """As ``Alto: G3 to C5``."""
        return f"{self.name}: {_pitch(self.lowest)} to {_pitch(self.highest)}"


def ranges(voices: int, melody: Melody) -> tuple[VoiceRange, ...]:
    """Return the voices below a melody, the highest first; they give way to a low or a high one.

    Args:
        voices: Number of all voices, the melody's included.
        melody: Which is above them.

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
            f"{_pitch(need - _MOST_DOWN)} or higher; this one goes down to {_pitch(lowest)}: transpose it up."
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
    """Ways to set one chord.

    Attributes:
        pitches: Voicings by voices, the highest voice first; semitones.
        members: Index of each note in the chord, likewise.
        costs: Of spacing, whatever the melody has.
    """

    pitches: Integers
    members: Integers
    costs: Costs


def voicings_of(chord: Chord, below: tuple[VoiceRange, ...], manner: Manner) -> Voicings:
    """Return all ways to set a chord in the ranges of the voices, without crossing."""
    member_of = np.full(OCTAVE, -1, dtype=np.int64)
    for index, each in reversed(list(enumerate(chord.pitch_classes))):
        member_of[each] = index
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
    return Voicings(rows, member_of[rows % OCTAVE], _spacing(rows, below, manner))


def _spacing(pitches: Integers, below: tuple[VoiceRange, ...], manner: Manner) -> Costs:
    found = np.zeros(len(pitches))
    gaps = pitches[:, :-1] - pitches[:, 1:]
    found += (gaps == 0).sum(axis=1) * _UNISON_COST
    found += wide_cost(gaps[:, :-1], manner).sum(axis=1)
    if gaps.shape[1]:
        found += np.where((pitches[:, -1] < _LOW) & (gaps[:, -1] > 0) & (gaps[:, -1] < 7), _LOW_COST, 0.0)
    centres = np.array([(voice.lowest + voice.highest) / 2 for voice in below])
    found += (np.maximum(np.abs(pitches - centres) - _FAR_FROM_CENTRE, 0) * _FAR_COST).sum(axis=1)
    return found


def wide_cost(gaps: Integers, manner: Manner) -> Costs:
    """Return what distances of more than an octave cost."""
    beyond = np.maximum(gaps - OCTAVE, 0)
    found: Costs = np.where(beyond > 0, manner.wide * (0.7 + 0.3 * beyond), 0.0)
    return found


def set_below(
    chord: Chord, ways: Voicings, manner: Manner, *, lowest: int, highest: int, tone: int | None
) -> tuple[Integers, Costs]:
    """Return which ways to set a chord are possible below a melody, and what they cost.

    Args:
        chord: Which is set.
        ways: From `voicings_of`.
        manner: How.
        lowest: Of the melody's notes above it; no voice goes higher.
        highest: Likewise, from which the distance counts.
        tone: Pitch class of the melody's note that belongs to the chord; None where none does.

    Returns:
        Indices of ways, and their costs.
    """
    chosen = np.flatnonzero(ways.pitches[:, 0] <= lowest)
    members, pitches = ways.members[chosen], ways.pitches[chosen]
    costs = ways.costs[chosen] + wide_cost(highest - pitches[:, 0], manner)
    costs = costs + np.where(pitches[:, 0] == lowest, _UNISON_COST, 0.0)
    for index, each in enumerate(chord.pitch_classes):
        count = (members == index).sum(axis=1) + (each == tone)
        role = min(index, EXTENSION)
        costs = costs + np.where(count == 0, manner.missing[role], 0.0)
        again = np.maximum(count - 1, 0)
        if each in (chord.lead, chord.seventh):
            costs = costs + again * manner.doubled_tendency
        else:
            costs = costs + again * _doubled(chord, role, manner)
    return chosen, costs


ROOT, THIRD, FIFTH, SEVENTH, EXTENSION = range(5)
"""What notes of a chord are, in their order; a fourth in the place of a third counts as one."""


def _doubled(chord: Chord, role: int, manner: Manner) -> float:
    """Return what it costs to double a note: best the root, in six-fours the bass, in viio6 the third."""
    if role == FIFTH and chord.bass == FIFTH:
        return 0.0
    if role == THIRD and chord.bass == THIRD and chord.quality == "diminished":
        return 0.0
    return manner.doubled[role]
