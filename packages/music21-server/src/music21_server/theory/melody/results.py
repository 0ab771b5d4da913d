"""Results of the pattern analysis: motifs, rhythms and melodic sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from music21_server.theory.melody.symbol_series import Form
from music21_server.theory.time.positions import Position


@dataclass(frozen=True)
class Occurrence:
    """One occurrence of a motif."""

    voice: str
    """Name of the voice; others may double it."""
    position: Position
    """Beginning of the occurrence."""
    first_note: str
    """First note, such as `F#4`."""
    form: Form
    """`prime` is like the first occurrence, at any pitch; `inversion` is upside down, `retrograde` backwards.
    """
    same_rhythm: bool
    """Whether it has the rhythm of the first occurrence (reversed for a retrograde)."""


@dataclass(frozen=True)
class Motif:
    """A recurring series of intervals."""

    notes: tuple[str, ...]
    """Notes of the first occurrence."""
    intervals: tuple[float, ...]
    """Intervals between them, in steps (1 is a second up) or in semitones, as requested."""
    quarters: tuple[float, ...]
    """Quarter notes from each note to the next in the first occurrence."""
    occurrences: int
    """Number of occurrences; several voices at the same time count as one."""
    prime: int
    """Number of occurrences that are not mirrored."""
    inversions: int
    """Number of occurrences that are upside down."""
    retrogrades: int
    """Number of occurrences that are backwards."""
    retrograde_inversions: int
    """Number of occurrences that are both."""
    same_rhythm: int
    """Number of occurrences with the rhythm of the first."""
    voices: int
    """Number of voices with an occurrence."""
    interest: float
    """Bits saved by writing the motif once and then only the places of its occurrences; at or below 0 it may
    be chance."""
    first_occurrences: tuple[Occurrence, ...]
    """First occurrences in order of time."""


@dataclass(frozen=True)
class Place:
    """The beginning of a rhythm."""

    voice: str
    """Name of the voice; others may double it."""
    position: Position
    """Position of the first note."""


@dataclass(frozen=True)
class RhythmicMotif:
    """A recurring series of durations."""

    quarters: tuple[float, ...]
    """Quarter notes from the beginning of each note to that of the next; before a long rest, to the note's
    end."""
    occurrences: int
    """Number of occurrences; several voices at the same time count as one."""
    voices: int
    """Number of voices with an occurrence."""
    interest: float
    """Bits saved, as for a motif."""
    first_occurrences: tuple[Place, ...]
    """First occurrences in order of time."""


@dataclass(frozen=True)
class MelodicSequence:
    """A figure that a voice repeats immediately on other steps."""

    voice: str
    """Name of the voice."""
    begins: Position
    """Beginning of the first statement."""
    ends: Position
    """Beginning of the last note of the last statement."""
    figure: tuple[str, ...]
    """Notes of the first statement."""
    statements: int
    """Number of statements, including the first."""
    shift_steps: int
    """Steps from each statement up to the next; -1 is a second down."""
    kind: Literal["real", "tonal"]
    """`real` if all intervals keep their size in semitones, otherwise `tonal`."""
    doubled_by: int
    """Number of other voices with the sequence at the same time."""
