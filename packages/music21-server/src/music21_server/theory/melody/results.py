"""Motifs, rhythms and melodic sequences, as they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from music21_server.theory.melody.symbol_series import Form
from music21_server.theory.time.positions import Position


@dataclass(frozen=True)
class Occurrence:
    """One occurrence of a motif.

    Attributes:
        voice: Name of the voice; others may double it.
        position: Where it begins.
        first_note: Such as ``F#4``.
        form: ``prime`` is as at first, at any pitch; ``inversion`` is upside down, ``retrograde`` backwards.
        same_rhythm: Whether it has the rhythm of the first occurrence (read backwards for a retrograde).
    """

    voice: str
    position: Position
    first_note: str
    form: Form
    same_rhythm: bool


@dataclass(frozen=True)
class Motif:
    """A succession of intervals that comes again.

    Attributes:
        notes: As at its first occurrence.
        intervals: Between them, in steps (1 is a second up) or semitones, as asked.
        quarters: Quarter notes from each note to the next, at the first occurrence.
        occurrences: How many there are; several voices at the same time count as one.
        prime: How many of them are not mirrored.
        inversions: How many are upside down.
        retrogrades: How many are backwards.
        retrograde_inversions: How many are both.
        same_rhythm: How many have the rhythm of the first.
        voices: In how many voices they are.
        interest: Bits that are saved by writing it once, and then only where it comes again; at or below 0 it
            may as well be chance.
        first_occurrences: The first ones in time.
    """

    notes: tuple[str, ...]
    intervals: tuple[float, ...]
    quarters: tuple[float, ...]
    occurrences: int
    prime: int
    inversions: int
    retrogrades: int
    retrograde_inversions: int
    same_rhythm: int
    voices: int
    interest: float
    first_occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True)
class Place:
    """Where a rhythm begins.

    Attributes:
        voice: Name of the voice; others may double it.
        position: Of the first note.
    """

    voice: str
    position: Position


@dataclass(frozen=True)
class RhythmicMotif:
    """A succession of durations that comes again.

    Attributes:
        quarters: Quarter notes from the beginning of each note to that of the next; before a long rest, until
            the note's end.
        occurrences: How many there are; several voices at the same time count as one.
        voices: In how many voices they are.
        interest: As of a motif.
        first_occurrences: The first ones in time.
    """

    quarters: tuple[float, ...]
    occurrences: int
    voices: int
    interest: float
    first_occurrences: tuple[Place, ...]


@dataclass(frozen=True)
class MelodicSequence:
    """A figure that a voice repeats at once at other steps.

    Attributes:
        voice: Name of the voice.
        begins: Where the first statement begins.
        ends: Where the last note of the last statement begins.
        figure: Notes of the first statement.
        statements: How often the figure comes, the first time included.
        shift_steps: By how many steps each statement is higher than the one before; -1 is a second down.
        kind: ``real`` where all intervals keep their size in semitones, else ``tonal``.
        doubled_by: How many more voices have it at the same time.
    """

    voice: str
    begins: Position
    ends: Position
    figure: tuple[str, ...]
    statements: int
    shift_steps: int
    kind: Literal["real", "tonal"]
    doubled_by: int
