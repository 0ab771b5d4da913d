"""One line of one player on its way through the score."""

from __future__ import annotations

import random
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

from music21_server.synthetic_scores.form import Slot

Pitch = tuple[int, int]
"""Steps from C of octave 0, and alteration in semitones."""


class Event(NamedTuple):
    """A note, chord or rest as it is written.

    Attributes:
        ticks: Its length.
        pitches: The lowest first; none for a rest.
        from_tie: Whether it goes on from the one before.
        to_tie: Whether the next goes on from it.
        slur: ``start`` or ``stop`` of a slur, or nothing.
        grace: Pitch of a grace note before it.
    """

    ticks: int
    pitches: tuple[Pitch, ...]
    from_tie: bool = False
    to_tie: bool = False
    slur: str = ""
    grace: Pitch | None = None


class Hand:
    """One line of one player, as it goes through the score.

    Attributes:
        lowest: Its range.
        highest: Its range.
        at: Where it is, in steps; every figure goes on from there.
        upward: Where scales and arpeggios are going.
        chance: Decides what the figure leaves open.
        bars: What has been played.
    """

    def __init__(self, lowest: int, highest: int, home: int, chance: random.Random) -> None:
        self.lowest = lowest
        self.highest = highest
        self.at = home
        self.upward = True
        self.chance = chance
        self.bars: list[list[Event]] = []
        self._home = home

    def begin_bar(self) -> None:
        """Begin the next bar."""
        self.bars.append([])

    def play(self, ticks: int, steps: tuple[int, ...], slot: Slot, *, slur: str = "") -> None:
        """Play a note or a chord with the alterations of the moment, or a rest without steps."""
        pitches = tuple([(step, slot.alterations[step % 7]) for step in steps])
        self.bars[-1].append(Event(ticks, pitches, slur=slur))

    def go_on(self, ticks: int) -> None:
        """Tie what was played last over into another note."""
        bar = self.bars[-1] or self.bars[-2]
        last = bar[-1]
        bar[-1] = last._replace(to_tie=True)
        self.bars[-1].append(Event(ticks, last.pitches, from_tie=True))

    @property
    def last(self) -> tuple[Pitch, ...]:
        """What was played last; nothing after a rest."""
        for bar in reversed(self.bars[-2:]):
            if bar:
                return bar[-1].pitches
        return ()

    def tone(self, slot: Slot) -> int:
        """Go to the nearest tone of the chord, with a mind to come home, and return it."""
        self.at = nearest(ladder(slot.letters, self.lowest, self.highest), (self.at * 3 + self._home) // 4)
        return self.at


@lru_cache(maxsize=4096)
def ladder(letters: tuple[int, ...], lowest: int, highest: int) -> tuple[int, ...]:
    """Return every step of a range that has one of these letters; the middle of the range if none has."""
    found = tuple(step for step in range(lowest, highest + 1) if step % 7 in letters)
    return found or ((lowest + highest) // 2,)


def nearest(rungs: tuple[int, ...], wanted: int) -> int:
    """Return the nearest of sorted steps."""
    above = bisect_left(rungs, wanted)
    if above == 0:
        return rungs[0]
    if above == len(rungs) or wanted - rungs[above - 1] < rungs[above] - wanted:
        return rungs[above - 1]
    return rungs[above]
