"""What a rule is, and what of the music the rules look at.

Each kind of view is what some rules need to know and nothing more, mostly intervals, so that a judgement is
remembered for all places that look alike, in any key.
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


class Stroke(NamedTuple):
    """How a note is struck.

    Attributes:
        onset: Eighths since the beginning of its measure.
        duration: In eighths, within its measure.
        is_dissonant: With the cantus, where it is struck.
    """

    onset: int
    duration: int
    is_dissonant: bool


class Melody(NamedTuple):
    """Up to three moves in succession, the one to the note that is judged at the end."""

    species: int
    moves: tuple[Interval, ...]


class Sonority(NamedTuple):
    """A note with the cantus below or above it.

    Attributes:
        between: From the lower to the upper voice; below zero where they cross.
        onset: In eighths.
        duration: In eighths.
        is_tied: Whether it is held from the measure before.
        is_beginning: Whether it is the first note.
        is_last_measure: Whether it is that of the last measure.
    """

    species: int
    position: Position
    between: Interval
    onset: int
    duration: int
    is_tied: bool
    is_beginning: bool
    is_last_measure: bool

    @property
    def is_dissonant(self) -> bool:
        """Whether it is."""
        return not is_consonant(self.between)


class Motion(NamedTuple):
    """Both voices from the last note of one measure to the first of the next.

    Attributes:
        before: From the lower to the upper voice, there.
        now: Likewise, here.
        cantus: How the cantus moves.
        line: How the counterpoint moves.
    """

    species: int
    position: Position
    before: Interval
    now: Interval
    cantus: Interval
    line: Interval


class Figure(NamedTuple):
    """Three notes around a dissonance, the last one being judged, and what it owes.

    Attributes:
        into: From the first to the middle one; None where there are fewer.
        out: From the middle one to the last; likewise.
    """

    species: int
    before: Stroke | None
    middle: Stroke | None
    now: Stroke
    into: Interval | None
    out: Interval | None
    owed: Owed


class Suspension(NamedTuple):
    """A note held into a dissonance; `between` is from the lower to the upper voice."""

    position: Position
    between: Interval


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
        outline: From where it last turned to the note before.
        way: Its direction since, see `tones.way`.
        move: From the note before to the one being judged.
        from_lowest: From the lowest of all notes before to the one being judged.
        from_highest: Likewise from the highest.
        is_repeated: Whether the highest one has come twice.
        is_last: Whether the line ends here.
    """

    outline: Interval
    way: int
    move: Interval
    from_lowest: Interval
    from_highest: Interval
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


@lru_cache(maxsize=1 << 10)
def is_consonant(between: Interval) -> bool:
    """Return whether two voices are consonant, whichever is the lower one."""
    return simple(between) in CONSONANT
