"""Spelled pitches as two small integers, and the intervals between them."""

from __future__ import annotations

from typing import Final, NamedTuple

from music21_server.score.spelling import pitch_name
from music21_server.theory.pitch.names import STEP_CENTS, Name


class Tone(NamedTuple):
    """A spelled pitch.

    Attributes:
        place: Diatonic steps above C0, ignoring accidentals.
        semitone: MIDI note number.
    """

    place: int
    semitone: int

    @property
    def name(self) -> Name:
        """Step and alteration, without the octave."""
        octave, step = divmod(self.place, 7)
        return step, 100 * (self.semitone - 12 * (octave + 1)) - STEP_CENTS[step]

    def __str__(self) -> str:
        step, alter_cents = self.name
        return pitch_name(step, alter_cents, self.place // 7)


class Degree(NamedTuple):
    """A tone regardless of its octave.

    Attributes:
        step: 0 for C to 6 for B, ignoring accidentals.
        pitch_class: 0 for C to 11 for B.
    """

    step: int
    pitch_class: int


class Interval(NamedTuple):
    """Signed distance from one tone to another; positive is upwards.

    Attributes:
        steps: Diatonic steps.
        semitones: Semitones.
    """

    steps: int
    semitones: int


def tone(name: Name, octave: int) -> Tone:
    """Return the tone with a name in an octave; octave 4 begins with middle C."""
    step, alter_cents = name
    return Tone(octave * 7 + step, 12 * (octave + 1) + (STEP_CENTS[step] + alter_cents) // 100)


def degree(pitch: Tone) -> Degree:
    """Return a tone without its octave."""
    return Degree(pitch.place % 7, pitch.semitone % 12)


def interval(lower: Tone, upper: Tone) -> Interval:
    """Return the interval from one tone to another."""
    return Interval(upper.place - lower.place, upper.semitone - lower.semitone)


def combined(one: Interval, other: Interval) -> Interval:
    """Return the sum of two successive intervals."""
    return Interval(one.steps + other.steps, one.semitones + other.semitones)


def simple(between: Interval) -> Interval:
    """Return an interval without its octaves and direction; the octave becomes a unison."""
    steps, semitones = between
    if (steps, semitones) < (0, 0):
        steps, semitones = -steps, -semitones
    return Interval(steps % 7, semitones - 12 * (steps // 7))


UNISON: Final = Interval(0, 0)
FIFTH: Final = Interval(4, 7)
PERFECT: Final = frozenset({UNISON, FIFTH})
IMPERFECT: Final = frozenset({Interval(2, 3), Interval(2, 4), Interval(5, 8), Interval(5, 9)})
CONSONANT: Final = PERFECT | IMPERFECT
"""Consonances of two voices, as simple intervals; the fourth is a dissonance."""


def direction(between: Interval) -> int:
    """Return 1 for upwards, -1 for downwards, 0 for a repeated tone."""
    return (between.semitones > 0) - (between.semitones < 0)


def is_step(between: Interval) -> bool:
    """Return whether an interval is a major or minor second."""
    return abs(between.steps) == 1 and abs(between.semitones) in (1, 2)


def is_cross_relation(one: Tone, other: Tone) -> bool:
    """Return whether two tones are different forms of one step, such as B and B flat."""
    return one.place % 7 == other.place % 7 and (one.semitone - other.semitone) % 12 != 0
