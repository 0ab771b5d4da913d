"""A line of one player while it is being composed: its range, its position and the bars so far."""

from __future__ import annotations

import random
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

from music21_server.synthetic_scores.form import Slot

Pitch = tuple[int, int]
"""Steps above C0, and alteration in semitones."""


class Event(NamedTuple):
    """A written note, chord or rest.

    Attributes:
        ticks: Its length.
        pitches: Pitches, lowest first; empty for a rest.
        from_tie: Whether it is tied to the event before.
        to_tie: Whether it is tied to the event after.
        slur: ``start`` or ``stop`` of a slur, or "".
        grace: Pitch of a grace note before it.
    """

    ticks: int
    pitches: tuple[Pitch, ...]
    from_tie: bool = False
    to_tie: bool = False
    slur: str = ""
    grace: Pitch | None = None


class PlayerLine:
    """One line of one player, composed figure by figure.

    Attributes:
        lowest: Lowest step of the range.
        highest: Highest step of the range.
        position: Current step, from which the next figure goes on.
        upward: Direction of scales and arpeggios.
        rng: Source of the choices that a figure leaves open.
        bars: Events so far, by bar.
    """

    def __init__(self, lowest: int, highest: int, center: int, rng: random.Random) -> None:
        self.lowest = lowest
        self.highest = highest
        self.position = center
        self.upward = True
        self.rng = rng
        self.bars: list[list[Event]] = []
        self._center = center

    def begin_bar(self) -> None:
        """Begin the next bar."""
        self.bars.append([])

    def play(self, ticks: int, steps: tuple[int, ...], slot: Slot, *, slur: str = "") -> None:
        """Append a note or chord with the slot's alterations, or a rest if there are no steps."""
        pitches = tuple([(step, slot.alterations[step % 7]) for step in steps])
        self.bars[-1].append(Event(ticks, pitches, slur=slur))

    def tie_over(self, ticks: int) -> None:
        """Append the last pitches again, tied."""
        bar = self.bars[-1] or self.bars[-2]
        last = bar[-1]
        bar[-1] = last._replace(to_tie=True)
        self.bars[-1].append(Event(ticks, last.pitches, from_tie=True))

    @property
    def last_pitches(self) -> tuple[Pitch, ...]:
        """Pitches of the last event; empty after a rest."""
        for bar in reversed(self.bars[-2:]):
            if bar:
                return bar[-1].pitches
        return ()

    def move_to_chord_tone(self, slot: Slot) -> int:
        """Move to the nearest chord tone, drifting towards the center of the line, and return it."""
        target = (self.position * 3 + self._center) // 4
        self.position = nearest(steps_in_range(slot.letters, self.lowest, self.highest), target)
        return self.position


@lru_cache(maxsize=4096)
def steps_in_range(letters: tuple[int, ...], lowest: int, highest: int) -> tuple[int, ...]:
    """Return every step of a range that has one of these letters, or else the middle of the range."""
    steps = tuple(step for step in range(lowest, highest + 1) if step % 7 in letters)
    return steps or ((lowest + highest) // 2,)


def nearest(steps: tuple[int, ...], target: int) -> int:
    """Return the step nearest to the target, the higher one of two; `steps` are sorted."""
    above = bisect_left(steps, target)
    if above == 0:
        return steps[0]
    if above == len(steps) or target - steps[above - 1] < steps[above] - target:
        return steps[above - 1]
    return steps[above]
