"""What a rule is, and what of the music the rules look at.

Each kind of view is what some rules need to know and nothing more, so that a judgement is remembered for all
places that look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from music21_server.composition.counterpoint.tones import CONSONANT, Degree, Interval, Tone, interval, simple

Position = Literal["above", "below"]
Owed = Literal["", "step up twice", "step up", "resolution", "lower neighbour", "return"]
"""What the note to come owes to those before: the end of a cambiata, or of a suspension."""

ALL_SPECIES: Final = frozenset({1, 2, 3, 4, 5})


class Event(NamedTuple):
    """A note as it is struck.

    Attributes:
        tone: Its pitch.
        onset: Eighths since the beginning of its measure.
        duration: In eighths, within its measure.
        is_dissonant: With the cantus, where it is struck.
    """

    tone: Tone
    onset: int
    duration: int
    is_dissonant: bool


class Melody(NamedTuple):
    """Up to four notes in succession, the last one being judged."""

    species: int
    first: Tone | None
    earlier: Tone | None
    before: Tone | None
    now: Tone


class Sonority(NamedTuple):
    """A note with the cantus below or above it; `is_tied` where it is held from the measure before."""

    species: int
    position: Position
    cantus: Tone
    tone: Tone
    onset: int
    duration: int
    is_tied: bool
    is_beginning: bool
    is_last_measure: bool

    @property
    def between(self) -> Interval:
        """From the lower to the upper voice; below zero where they cross."""
        return vertical(self.position, self.cantus, self.tone)

    @property
    def is_dissonant(self) -> bool:
        """Whether it is."""
        return simple(self.between) not in CONSONANT


class Motion(NamedTuple):
    """Both voices from the last note of one measure to the first of the next."""

    species: int
    position: Position
    cantus_before: Tone
    cantus: Tone
    before: Tone
    now: Tone


class Figure(NamedTuple):
    """Notes around a dissonance, the last one being judged, and what it owes."""

    species: int
    before: Event | None
    middle: Event | None
    now: Event
    owed: Owed


class Suspension(NamedTuple):
    """A note held into a dissonance."""

    position: Position
    cantus: Tone
    tone: Tone


class Accents(NamedTuple):
    """Notes that stand out in two successive measures.

    Attributes:
        downbeat: Of the measure before, or what it resolves to.
        half: Struck on the second half of the measure before.
        now: On the downbeat, or on the second half of the measure.
        onset: Which of these, in eighths.
        is_tied: Whether it is held from the measure before.
    """

    species: int
    position: Position
    cantus_before: Tone
    cantus: Tone
    downbeat: Tone | None
    half: Tone | None
    now: Tone
    onset: int
    is_tied: bool
    is_resolution: bool


class Inflection(NamedTuple):
    """A note of which there are two forms, or near one.

    Attributes:
        recent: Those shortly before, the last one first.
        cantus: Of this measure and of those beside it.
        leading: The seventh of the close where it is raised.
        raised_sixth: The raised sixth; None without one.
        is_lowered: Whether the note is lowered by custom.
    """

    recent: tuple[Tone, ...]
    now: Tone
    cantus: tuple[Tone, ...]
    leading: Degree | None
    raised_sixth: Degree | None
    is_lowered: bool


class Cadence(NamedTuple):
    """The close; `now` is the last note, or None while the one before it is judged."""

    cantus_before: Tone
    cantus: Tone
    before: Tone
    now: Tone | None
    final: Degree
    leading: Degree


class Course(NamedTuple):
    """The line so far.

    Attributes:
        start: Where it last turned.
        way: Its direction since, see `tones.way`.
        before: The note before.
        now: The one being judged.
        lowest: Of all notes before.
        highest: Likewise.
        is_repeated: Whether the highest one has come twice.
        is_last: Whether the line ends here.
    """

    start: Tone
    way: int
    before: Tone
    now: Tone
    lowest: Tone
    highest: Tone
    is_repeated: bool
    is_last: bool


class Chain(NamedTuple):
    """How often the same imperfect consonance has come on successive downbeats."""

    species: int
    length: int


class RhythmChoice(NamedTuple):
    """A measure's rhythm after others; how often it has come at a stretch, itself included."""

    species: int
    cost: float
    begins_tied: bool
    has_eighths: bool
    had_eighths: bool
    times: int


@dataclass(frozen=True)
class Rule:
    """A rule of counterpoint.

    Attributes:
        name: Short.
        is_strict: Whether a result that breaks it is wrong; others are preferences.
        says: What it asks for.
        source: Where it is found.
        breaks: Takes the view that it is listed with, returns how badly it is broken, 0 if it is kept.
        cost: Of a breach of a preference.
        species: Where it holds.
    """

    name: str
    is_strict: bool
    says: str
    source: str
    breaks: Callable[[Any], float]
    cost: float = 1.0
    species: frozenset[int] = ALL_SPECIES


def vertical(position: Position, cantus: Tone, tone: Tone) -> Interval:
    """Return the interval from the voice that should be lower to the other."""
    return interval(cantus, tone) if position == "above" else interval(tone, cantus)


@lru_cache(maxsize=1 << 14)
def is_consonant(cantus: Tone, tone: Tone) -> bool:
    """Return whether two tones are consonant."""
    return simple(interval(cantus, tone)) in CONSONANT
