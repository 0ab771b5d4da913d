"""The task of a search, and the tones that each measure may have."""

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
"""Limits on the length of a cantus: textbooks use 8 to 16 notes; the time of the search is proportional."""

_MOST_STEPS: Final = 11
"""Largest distance from the cantus: a twelfth."""

_LOWEST_SEMITONE, _HIGHEST_SEMITONE = 12, 120
"""C0 and C9, the lowest and highest notes that are written."""


@dataclass(frozen=True)
class Task:
    """A cantus and the counterpoint to write against it.

    Attributes:
        cantus: One tone for each measure.
        mode: Mode of both voices.
        species: Species from 1 to 5.
        position: Whether the counterpoint is above or below the cantus.
        lowest: Lowest tone of the counterpoint; None for no limit.
        highest: Highest tone of the counterpoint; None for no limit.
    """

    cantus: tuple[Tone, ...]
    mode: Mode
    species: int
    position: Position
    lowest: Tone | None = None
    highest: Tone | None = None

    @property
    def measures(self) -> int:
        """Number of measures."""
        return len(self.cantus)

    def candidates(self, measure: int) -> tuple[Tone, ...]:
        """Return the tones that the counterpoint may have in a measure, from low to high."""
        names = set(self.mode.scale)
        if measure == self.measures - 2:
            names |= self.mode.raised
        elif measure < self.measures - 2:
            names |= self.mode.lowered
        if measure == self.measures - 3:
            names |= self.mode.raised & {self.mode.raised_sixth}
        cantus = self.cantus[measure]
        octave = cantus.place // 7
        tones = (tone(name, octave + shift) for shift in range(-2, 3) for name in names)
        return tuple(sorted(candidate for candidate in tones if self._is_in_range(cantus, candidate)))

    def _is_in_range(self, cantus: Tone, candidate: Tone) -> bool:
        steps = candidate.place - cantus.place
        return (
            0 <= (steps if self.position == "above" else -steps) <= _MOST_STEPS
            and _LOWEST_SEMITONE <= candidate.semitone <= _HIGHEST_SEMITONE
            and (self.lowest is None or candidate.semitone >= self.lowest.semitone)
            and (self.highest is None or candidate.semitone <= self.highest.semitone)
        )

    @cached_property
    def raised_steps(self) -> frozenset[int]:
        """Steps that the close raises; 0 is C."""
        return _steps(self.mode.raised)

    @cached_property
    def inflected_steps(self) -> frozenset[int]:
        """Steps that have two forms."""
        return self.raised_steps | _steps(self.mode.lowered)

    @cached_property
    def leading(self) -> Degree:
        """The seventh degree as the close has it."""
        return _degree(self.mode.leading_note)

    @cached_property
    def final(self) -> Degree:
        """The final."""
        return _degree(self.mode.final)

    @cached_property
    def raised_sixth(self) -> Degree | None:
        """The raised sixth degree; None if the mode has none."""
        name = self.mode.raised_sixth
        return _degree(name) if name in self.mode.raised else None

    def is_lowered(self, candidate: Tone) -> bool:
        """Return whether a tone is lowered by musica ficta."""
        return candidate.name in self.mode.lowered


def _steps(names: Sequence[Name] | frozenset[Name]) -> frozenset[int]:
    return frozenset(step for step, _ in names)


def _degree(name: Name) -> Degree:
    return degree(tone(name, 4))
