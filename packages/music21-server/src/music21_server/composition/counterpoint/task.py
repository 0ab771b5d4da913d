"""What is asked for, and what follows from it for each measure before any note is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from music21_server.composition.counterpoint.modes import Mode
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.tones import Degree, Tone, degree, tone
from music21_server.theory.pitch.names import Name

FEWEST_NOTES: Final = 3
MOST_NOTES: Final = 64
"""Of a cantus: those of the books have 8 to 16; the search takes time in proportion."""

_MOST_STEPS: Final = 11
_LOWEST_SEMITONE, _HIGHEST_SEMITONE = 12, 120
"""C0 and C9: what lies beyond is not written."""


@dataclass(frozen=True)
class Task:
    """A cantus and what is wanted against it.

    Attributes:
        cantus: A tone for each measure.
        mode: Of both voices.
        species: 1 to 5.
        position: Where the counterpoint is.
        lowest: Of the counterpoint; None for no bound.
        highest: Likewise.
    """

    cantus: tuple[Tone, ...]
    mode: Mode
    species: int
    position: Position
    lowest: Tone | None = None
    highest: Tone | None = None

    @property
    def measures(self) -> int:
        """How many there are."""
        return len(self.cantus)

    def candidates(self, measure: int) -> tuple[Tone, ...]:
        """Return the tones that a measure may have, from low to high."""
        names = set(self.mode.scale)
        if measure == self.measures - 2:
            names |= self.mode.raised
        elif measure < self.measures - 2:
            names |= self.mode.lowered
        if measure == self.measures - 3:
            names |= self.mode.raised & {self.mode.raised_sixth}
        here = self.cantus[measure]
        found = [
            each
            for octave in range(here.place // 7 - 2, here.place // 7 + 3)
            for each in (tone(name, octave) for name in sorted(names))
            if self._is_near(here, each)
        ]
        return tuple(sorted(found))

    def _is_near(self, cantus: Tone, each: Tone) -> bool:
        up = each.place - cantus.place if self.position == "above" else cantus.place - each.place
        return (
            0 <= up <= _MOST_STEPS
            and _LOWEST_SEMITONE <= each.semitone <= _HIGHEST_SEMITONE
            and (self.lowest is None or each.semitone >= self.lowest.semitone)
            and (self.highest is None or each.semitone <= self.highest.semitone)
        )

    @cached_property
    def raised_steps(self) -> frozenset[int]:
        """Steps (0 is C) that the close raises."""
        return _steps(self.mode.raised)

    @cached_property
    def inflected_steps(self) -> frozenset[int]:
        """Steps that have two forms."""
        return self.raised_steps | _steps(self.mode.lowered)

    @cached_property
    def leading(self) -> Degree:
        """Step and pitch class of the seventh as the close has it."""
        return _degree(self.mode.leading_note)

    @cached_property
    def final(self) -> Degree:
        """Step and pitch class of the final."""
        return _degree(self.mode.final)

    @cached_property
    def raised_sixth(self) -> Degree | None:
        """Step and pitch class of the raised sixth; None without one."""
        name = self.mode.raised_sixth
        return _degree(name) if name in self.mode.raised else None

    def is_lowered(self, each: Tone) -> bool:
        """Return whether a tone is lowered by custom."""
        return each.name in self.mode.lowered


def _steps(names: Sequence[Name] | frozenset[Name]) -> frozenset[int]:
    return frozenset(step for step, _ in names)


def _degree(name: Name) -> Degree:
    return degree(tone(name, 4))
