"""Spelled pitches as two small numbers, and the intervals between them."""

from __future__ import annotations

from typing import Final, NamedTuple

from music21_server.score.spelling import pitch_name
from music21_server.theory.pitch.names import STEP_CENTS, Name


class Tone(NamedTuple):
    """A spelled pitch.

    Attributes:
        place: Steps above the C of octave 0, accidentals aside.
        semitone: Semitones above the C of octave -1, as MIDI counts.
    """

    place: int
    semitone: int

    @property
    def name(self) -> Name:
        """Its name without the octave."""
        octave, step = divmod(self.place, 7)
        return step, 100 * (self.semitone - 12 * (octave + 1)) - STEP_CENTS[step]

    def __str__(self) -> str:
        step, alter_cents = self.name
        return pitch_name(step, alter_cents, self.place // 7)


class Degree(NamedTuple):
    """A tone in any octave.

    Attributes:
        step: From 0 for C, accidentals aside.
        pitch_class: From 0 for C.
    """

    step: int
    pitch_class: int


class Interval(NamedTuple):
    """From one tone to another; above zero is upwards.

    Attributes:
        steps: On the staff.
        semitones: As heard.
    """

    steps: int
    semitones: int


def tone(name: Name, octave: int) -> Tone:
    """Return a name's tone in an octave; 4 begins with middle C."""
    step, alter_cents = name
    return Tone(octave * 7 + step, 12 * (octave + 1) + (STEP_CENTS[step] + alter_cents) // 100)


def degree(each: Tone) -> Degree:
    """Return a tone without its octave."""
    return Degree(each.place % 7, each.semitone % 12)


def interval(lower: Tone, upper: Tone) -> Interval:
    """Return what leads from one tone to another."""
    return Interval(upper.place - lower.place, upper.semitone - lower.semitone)


def together(one: Interval, other: Interval) -> Interval:
    """Return where two moves lead, one after the other."""
    return Interval(one.steps + other.steps, one.semitones + other.semitones)


def simple(between: Interval) -> Interval:
    """Return an interval without its octaves and without its direction; the octave is a unison."""
    steps, semitones = between
    if (steps, semitones) < (0, 0):
        steps, semitones = -steps, -semitones
    return Interval(steps % 7, semitones - 12 * (steps // 7))


UNISON: Final = Interval(0, 0)
FIFTH: Final = Interval(4, 7)
PERFECT: Final = frozenset({UNISON, FIFTH})
IMPERFECT: Final = frozenset({Interval(2, 3), Interval(2, 4), Interval(5, 8), Interval(5, 9)})
CONSONANT: Final = PERFECT | IMPERFECT
"""Consonances of two voices, without octaves: the fourth is none."""

_QUALITIES: Final = {
    0: {-1: "diminished", 0: "perfect", 1: "augmented"},
    1: {-2: "diminished", -1: "minor", 0: "major", 1: "augmented"},
}
_ORDINALS: Final = (
    "unison", "second", "third", "fourth", "fifth", "sixth", "seventh", "octave", "ninth", "tenth",
    "eleventh", "twelfth",
)  # fmt: skip


def interval_text(between: Interval) -> str:
    """Return an interval's name, such as ``major sixth``, without direction."""
    steps, semitones = between
    if (steps, semitones) < (0, 0):
        steps, semitones = -steps, -semitones
    natural = STEP_CENTS[steps % 7] // 100 + 12 * (steps // 7)
    kind = 0 if steps % 7 in (0, 3, 4) else 1
    quality = _QUALITIES[kind].get(semitones - natural, f"{semitones} semitones wide")
    ordinal = _ORDINALS[steps] if steps < len(_ORDINALS) else f"{steps + 1}th"
    return f"{quality} {ordinal}"


def way(between: Interval) -> int:
    """Return 1 for upwards, -1 for downwards, 0 for the same tone."""
    return (between.semitones > 0) - (between.semitones < 0)


def is_step(between: Interval) -> bool:
    """Return whether it is a major or minor second."""
    return abs(between.steps) == 1 and abs(between.semitones) in (1, 2)


def is_inflected_alike(one: Tone, other: Tone) -> bool:
    """Return whether two tones are not two forms of one step, such as B and B flat."""
    return one.place % 7 != other.place % 7 or (one.semitone - other.semitone) % 12 == 0
