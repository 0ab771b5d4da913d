"""Rules of counterpoint, and the views of the music that they judge.

A view holds only what a group of rules needs, mostly as intervals. Verdicts can therefore be cached and
shared by all places that look alike, in any key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from music21_server.composition.counterpoint.tones import CONSONANT, Degree, Interval, Tone, interval, simple

Position = Literal["above", "below"]
Obligation = Literal["", "step up twice", "step up", "resolution", "lower neighbour", "return"]
"""Demands on the next note, which completes a cambiata or a suspension."""

ALL_SPECIES: Final = frozenset({1, 2, 3, 4, 5})


class Attack(NamedTuple):
    """The attack of a note that is not tied to the one before.

    Attributes:
        onset: Eighths since the beginning of its measure.
        duration: Eighths, within its measure.
        is_dissonant: Whether it is dissonant with the cantus when it is struck.
    """

    onset: int
    duration: int
    is_dissonant: bool


class Melody(NamedTuple):
    """Up to three successive melodic intervals; the last one leads to the note that is judged."""

    species: int
    moves: tuple[Interval, ...]


class Sonority(NamedTuple):
    """A note together with the cantus.

    Attributes:
        between: Interval from the lower to the upper voice; negative where they cross.
        onset: Eighths.
        duration: Eighths.
        is_tied: Whether the note is held over from the previous measure.
        is_beginning: Whether it is the first note.
        is_last_measure: Whether it is in the last measure.
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
        """Whether the two voices are dissonant."""
        return not is_consonant(self.between)


class Motion(NamedTuple):
    """Both voices from the last note of one measure to the first note of the next.

    Attributes:
        before: Interval from the lower to the upper voice in the first measure.
        now: The same in the second measure.
        cantus: Interval by which the cantus moves.
        line: Interval by which the counterpoint moves.
    """

    species: int
    position: Position
    before: Interval
    now: Interval
    cantus: Interval
    line: Interval


class Figure(NamedTuple):
    """Three notes around a dissonance; the last one is judged.

    Attributes:
        into: Interval from the first to the middle note; None where there are fewer notes.
        out: Interval from the middle note to the last; None where there is one note only.
        obligation: What the last note must do.
    """

    species: int
    before: Attack | None
    middle: Attack | None
    now: Attack
    into: Interval | None
    out: Interval | None
    obligation: Obligation


class Suspension(NamedTuple):
    """A note held into a dissonance; `between` is the interval from the lower to the upper voice."""

    position: Position
    between: Interval


class Accents(NamedTuple):
    """The accented notes of two successive measures.

    Attributes:
        downbeat: Downbeat of the first measure, or the note that its suspension resolves to.
        half: Note struck on the second half of the first measure.
        now: The note that is judged, on the downbeat or the second half of the second measure.
        onset: Onset of that note in eighths: 0 or 4.
        is_tied: Whether it is held over from the first measure.
        is_resolution: Whether it resolves a suspension.
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
    """A step that has two forms, such as B and B flat, or a note after one.

    Attributes:
        recent: The notes shortly before, latest first.
        cantus: Cantus notes of this and the neighbouring measures.
        leading: The seventh degree of the close, where it is raised.
        raised_sixth: The raised sixth degree; None where the mode has none.
        is_lowered: Whether the note is lowered by musica ficta.
    """

    recent: tuple[Tone, ...]
    now: Tone
    cantus: tuple[Tone, ...]
    leading: Degree | None
    raised_sixth: Degree | None
    is_lowered: bool


class Cadence(NamedTuple):
    """The close; `now` is the last note, or None while the penultimate note is judged."""

    cantus_before: Tone
    cantus: Tone
    before: Tone
    now: Tone | None
    final: Degree
    leading: Degree


class Contour(NamedTuple):
    """The shape of the line so far.

    Attributes:
        outline: Interval from the last turning point to the previous note.
        direction: Direction of the line since then, see `tones.direction`.
        move: Interval from the previous note to the one that is judged.
        from_lowest: Interval to the judged note from the lowest one before it.
        from_highest: Interval to the judged note from the highest one before it.
        is_climax_repeated: Whether the highest note has already occurred twice.
        is_last: Whether the line ends with the judged note.
    """

    outline: Interval
    direction: int
    move: Interval
    from_lowest: Interval
    from_highest: Interval
    is_climax_repeated: bool
    is_last: bool


class Chain(NamedTuple):
    """The number of successive downbeats with the same imperfect consonance."""

    species: int
    length: int


class RhythmChoice(NamedTuple):
    """The rhythm of a measure; `times` counts how often it has been used in succession, itself included."""

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
        name: Short name, used in reports.
        is_strict: Whether breaking it makes a result wrong; other rules are preferences.
        statement: What the rule demands.
        source: Textbook that it is taken from.
        severity: Function of a view; returns how badly the view breaks the rule, 0 if it keeps it.
        cost: Cost per unit of severity; strict rules ignore it.
        species: Species that it applies to.
    """

    name: str
    is_strict: bool
    statement: str
    source: str
    severity: Callable[[Any], float]
    cost: float = 1.0
    species: frozenset[int] = ALL_SPECIES


def vertical(position: Position, cantus: Tone, tone: Tone) -> Interval:
    """Return the interval from the lower to the upper voice, negative where they cross."""
    return interval(cantus, tone) if position == "above" else interval(tone, cantus)


@lru_cache(maxsize=1 << 10)
def is_consonant(between: Interval) -> bool:
    """Return whether two voices are consonant, whichever is lower."""
    return simple(between) in CONSONANT
