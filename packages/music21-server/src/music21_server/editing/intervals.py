"""Named intervals, and the spelling of pitches transposed by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from music21_server.errors import ScoreError
from music21_server.score.table import STEP_SEMITONES, STEPS
from music21_server.theory.pitch.intervals import interval_name

STEP: Final = {name: index for index, name in enumerate(STEPS)}
SEMITONES: Final = tuple(int(semitones) for semitones in STEP_SEMITONES)
"""Semitones of the naturals above C."""

MAX_ALTERATION: Final = 2
"""Most sharps or flats on one note."""

_MAX_STEPS: Final = 35
"""Five octaves; a larger interval is surely a mistake."""

_SHARPS_IN_ORDER: Final = "FCGDAEB"
"""Order in which a key signature adds sharps."""

_NAME: Final = re.compile(
    r"(?P<before>up\s+|down\s+|[+-])?(?P<quality>P|M|m|A{1,2}|d{1,2})(?P<inside>-)?(?P<number>\d{1,2})"
    r"(?P<after>\s+up|\s+down)?"
)
_PERFECT: Final = (0, 3, 4)
_OFFSET_FROM_PERFECT: Final = {"dd": -2, "d": -1, "P": 0, "A": 1, "AA": 2}
_OFFSET_FROM_MAJOR: Final = {"dd": -3, "d": -2, "m": -1, "M": 0, "A": 1, "AA": 2}
_SIMPLE_NAMES: Final = ("unison", "second", "third", "fourth", "fifth", "sixth", "seventh")


@dataclass(frozen=True)
class Interval:
    """A directed interval.

    Attributes:
        steps: Diatonic steps, 2 for a third; negative downwards.
        semitones: Semitones; negative downwards.
    """

    steps: int
    semitones: int

    @property
    def fifths(self) -> int:
        """Sharps that the interval adds to every key signature; flats are negative."""
        return 7 * self.semitones - 12 * self.steps

    @property
    def down(self) -> Interval:
        """The same interval in the other direction."""
        return Interval(-self.steps, -self.semitones)

    @property
    def is_up(self) -> bool:
        """Whether the interval is a unison or goes up."""
        return (self.steps, self.semitones) >= (0, 0)

    @property
    def name(self) -> str:
        """Name such as ``M3``, or ``M-3`` downwards, as music21 writes it."""
        name = interval_name(self.steps, self.semitones * 100)
        return name if self.is_up else re.sub(r"(\d)", r"-\1", name, count=1)

    def respelled(self, steps: int) -> Interval:
        """Return the enharmonically equal interval with `steps` more steps."""
        return Interval(self.steps + steps, self.semitones)


def parse_interval(text: str) -> Interval:
    """Return the interval for a name such as ``M3``, ``-P5``, ``P-5`` or ``down m6``.

    Raises:
        ScoreError: The text names no interval.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise ScoreError(
            "Expected an interval such as `M3` (major third), `m6`, `P5`, `A4` (augmented) or `d5` "
            f"(diminished), downwards `-P5`, got {text[:40]!r}."
        )
    steps = int(match["number"]) - 1
    if not 0 <= steps <= _MAX_STEPS:
        raise ScoreError(
            f"Expected an interval from a unison (P1) to five octaves (P36), got {text.strip()[:40]!r}."
        )
    octaves, simple = divmod(steps, 7)
    offset = (_OFFSET_FROM_PERFECT if simple in _PERFECT else _OFFSET_FROM_MAJOR).get(match["quality"])
    if offset is None:
        kind = "perfect (P)" if simple in _PERFECT else "major (M) or minor (m)"
        raise ScoreError(
            f"Expected a {_SIMPLE_NAMES[simple]}/{simple + 1} to be {kind}, augmented (A) or diminished (d), "
            f"got {text.strip()[:40]!r}."
        )
    interval = Interval(steps, 12 * octaves + SEMITONES[simple] + offset)
    if interval.semitones < 0:
        raise ScoreError(
            f"Expected an interval no narrower than a unison, got {text.strip()[:40]!r}: for a chromatic "
            "semitone down use `-A1`."
        )
    directions = [match["before"] or "", match["inside"] or "", match["after"] or ""]
    return interval.down if any("-" in each or "down" in each for each in directions) else interval


def transpose_name(step: str, sharps: float, interval: Interval) -> tuple[str, float, int]:
    """Transpose the name of a pitch.

    Args:
        step: Letter of the pitch, A to G.
        sharps: Alteration in semitones; flats are negative.
        interval: Interval to transpose by.

    Returns:
        Letter, alteration and number of octaves crossed (negative downwards).
    """
    octave, index = divmod(STEP[step] + interval.steps, 7)
    natural = SEMITONES[index] + 12 * octave
    return STEPS[index], sharps + SEMITONES[STEP[step]] + interval.semitones - natural, octave


def respell(step: str, sharps: float, *, max_sharps: float = MAX_ALTERATION) -> tuple[str, float, int]:
    """Return the nearest enharmonically equal name with at most `max_sharps` sharps or flats.

    Args:
        step: Letter of the pitch, A to G.
        sharps: Alteration in semitones; flats are negative.
        max_sharps: Most sharps or flats that may be written.

    Returns:
        Letter, alteration and number of octaves crossed (negative downwards).
    """
    position = STEP[step]
    while abs(sharps) > max_sharps:
        direction = 1 if sharps > 0 else -1
        sharps -= _natural(position + direction) - _natural(position)
        position += direction
    octave, index = divmod(position, 7)
    return STEPS[index], sharps, octave


def _natural(steps_above_c: int) -> int:
    octave, index = divmod(steps_above_c, 7)
    return SEMITONES[index] + 12 * octave


def signature_sharps(step: str, fifths: int) -> int:
    """Return how many sharps a key signature puts on a step; flats are negative."""
    return (fifths + 6 - _SHARPS_IN_ORDER.index(step)) // 7
