"""Intervals: by their names, and what becomes of a name that is moved by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from music21_server.errors import ScoreError
from music21_server.score.table import STEP_SEMITONES, STEPS
from music21_server.theory.pitch.intervals import interval_name

STEP: Final = {name: index for index, name in enumerate(STEPS)}
SEMITONES: Final = tuple(int(semitones) for semitones in STEP_SEMITONES)
"""Of the naturals above C."""

MOST_ALTERATION: Final = 2
"""Sharps or flats of one note."""

_MOST_STEPS: Final = 35
"""Five octaves; nobody asks for more by intent."""

_NAME: Final = re.compile(
    r"(?P<before>up\s+|down\s+|[+-])?(?P<quality>P|M|m|A{1,2}|d{1,2})(?P<within>-)?(?P<number>\d{1,2})"
    r"(?P<after>\s+up|\s+down)?"
)
_PERFECT: Final = (0, 3, 4)
_OFF_PERFECT: Final = {"dd": -2, "d": -1, "P": 0, "A": 1, "AA": 2}
_OFF_MAJOR: Final = {"dd": -3, "d": -2, "m": -1, "M": 0, "A": 1, "AA": 2}


@dataclass(frozen=True)
class Interval:
    """An interval.

    Attributes:
        steps: Steps up, or down below zero; 2 for a third.
        semitones: Semitones up, or down below zero.
    """

    steps: int
    semitones: int

    @property
    def fifths(self) -> int:
        """On the line of fifths: what is added to every key signature."""
        return 7 * self.semitones - 12 * self.steps

    @property
    def down(self) -> Interval:
        """The same downwards."""
        return Interval(-self.steps, -self.semitones)

    @property
    def is_up(self) -> bool:
        """Whether it leads up, or nowhere."""
        return (self.steps, self.semitones) >= (0, 0)

    @property
    def name(self) -> str:
        """Such as ``M3``; ``M-3`` downwards, as music21 writes it."""
        name = interval_name(self.steps, self.semitones * 100)
        return name if self.is_up else re.sub(r"(\d)", r"-\1", name, count=1)

    def respelled(self, steps: int) -> Interval:
        """Return an interval that sounds alike and has so many steps more."""
        return Interval(self.steps + steps, self.semitones)


def interval_named(text: str) -> Interval:
    """Return the interval that somebody means by ``M3``, ``-P5``, ``P-5`` or ``down m6``.

    Raises:
        ScoreError: It means none.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise ScoreError(
            "Expected an interval such as `M3` (major third), `m6`, `P5`, `A4` (augmented) or `d5` "
            f"(diminished), downwards `-P5`, got {text[:40]!r}."
        )
    steps = int(match["number"]) - 1
    if not 0 <= steps <= _MOST_STEPS:
        raise ScoreError(
            f"Expected an interval from a unison (P1) to five octaves (P36), got {text.strip()[:40]!r}."
        )
    octaves, simple = divmod(steps, 7)
    off = (_OFF_PERFECT if simple in _PERFECT else _OFF_MAJOR).get(match["quality"])
    if off is None:
        kind = "perfect (P)" if simple in _PERFECT else "major (M) or minor (m)"
        raise ScoreError(
            f"Expected a {'/'.join(_like(simple))} to be {kind}, augmented (A) or diminished (d), got "
            f"{text.strip()[:40]!r}."
        )
    interval = Interval(steps, 12 * octaves + SEMITONES[simple] + off)
    if interval.semitones < 0:
        raise ScoreError(
            f"Expected an interval that is not narrower than a unison, got {text.strip()[:40]!r}: for a "
            "semitone down without a step ask for `-A1`."
        )
    downs = [match["before"] or "", match["within"] or "", match["after"] or ""]
    return interval.down if any("-" in each or "down" in each for each in downs) else interval


def _like(simple: int) -> tuple[str, str]:
    names = ("unison", "second", "third", "fourth", "fifth", "sixth", "seventh")
    return names[simple], str(simple + 1)


def moved(step: str, sharps: float, interval: Interval) -> tuple[str, float, int]:
    """Return a name at an interval.

    Args:
        step: A letter.
        sharps: Flats below zero.
        interval: From it.

    Returns:
        Letter, sharps, and octaves from the one that it was in.
    """
    octave, index = divmod(STEP[step] + interval.steps, 7)
    natural = SEMITONES[index] + 12 * octave
    return STEPS[index], sharps + SEMITONES[STEP[step]] + interval.semitones - natural, octave


def within_signs(step: str, sharps: float, *, most: float = MOST_ALTERATION) -> tuple[str, float, int]:
    """Return a name that sounds alike and has no more signs than can be written.

    Args:
        step: A letter.
        sharps: Flats below zero.
        most: Signs that may be written.

    Returns:
        Letter, sharps, and octaves from the one that it was in.
    """
    place = STEP[step]
    while abs(sharps) > most:
        way = 1 if sharps > 0 else -1
        sharps -= _natural(place + way) - _natural(place)
        place += way
    octave, index = divmod(place, 7)
    return STEPS[index], sharps, octave


def _natural(place: int) -> int:
    octave, index = divmod(place, 7)
    return SEMITONES[index] + 12 * octave
