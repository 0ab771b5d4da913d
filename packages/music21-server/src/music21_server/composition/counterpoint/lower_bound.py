"""What the rest of a line costs at least, told from its last note.

Going backwards from the close, only rules that look at a note in its place, or at two successive notes, are
judged: whatever else a line has behind it, going on costs no less than that. So a search may leave lines that
lead nowhere, and prefers those which get on well, before it sees how they end. (Such a bound is what the
heuristic of A* is: Hart, Nilsson and Raphael, 1968.)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music21_server.composition.counterpoint.costs import Prices
from music21_server.composition.counterpoint.judgement import Slot, State, place_views, rhythm_view, slots
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.rule import (
    Cadence,
    Figure,
    Melody,
    Motion,
    Stroke,
    is_consonant,
    vertical,
)
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone, interval

_Costs = NDArray[np.float64]

_BEFORE: Final = Stroke(2, 2, is_dissonant=False)
_NOW: Final = Stroke(4, 2, is_dissonant=False)
"""Of notes that rules ask least of: quarters, going to an accent."""


class Outlook:
    """Of one task.

    Attributes:
        closed: The last measure, from 0, that no line can come to and go on to the end; None without one.
    """

    def __init__(self, task: Task, prices: Prices) -> None:
        """Judge all pairs of notes, from the end to the beginning."""
        self.closed: int | None = None
        self._task = task
        self._prices = prices
        self._candidates = [frozenset(task.candidates(measure)) for measure in range(task.measures)]
        self._tones = tuple(sorted(frozenset().union(*self._candidates)))
        self._into_consonance = self._moves(_NOW)
        self._into_dissonance = self._moves(_NOW._replace(is_dissonant=True))
        self._rest: dict[tuple[int, Rhythm, int], dict[Tone, float]] = {}
        free = np.zeros(len(self._tones))
        held = free + inf
        for measure in reversed(range(task.measures)):
            free, held = self._measure(measure, free, held)
            if measure > 0 and self.closed is None and min(free.min(), held.min()) == inf:
                self.closed = measure

    def after(self, measure: int, rhythm: Rhythm, onset: int) -> dict[Tone, float]:
        """Return the least cost of all that follows a note, by its tone; without tones that lead nowhere.

        Args:
            measure: From 0.
            rhythm: Of the measure.
            onset: Of the note, in eighths.
        """
        return self._rest[measure, rhythm, onset]

    def _measure(self, measure: int, free: _Costs, held: _Costs) -> tuple[_Costs, _Costs]:
        """Go back over a measure.

        Args:
            measure: From 0.
            free: Least cost of what follows it, by its last tone, where that is not held on.
            held: Likewise where it is.

        Returns:
            The same two for the measure before.
        """
        task = self._task
        within, motion = self._within(measure), self._motion(measure)
        free_before = np.full(len(self._tones), inf)
        held_before = free_before.copy()
        for rhythm in rhythms(task.species, measure, task.measures):
            first, *others = slots(rhythm, measure, task.measures)
            rest = np.full(len(self._tones), inf) if rhythm.must_be_held else free
            if rhythm.can_be_held:
                rest = np.minimum(rest, held)
            for slot in reversed(others):
                self._keep(slot, rhythm, rest)
                rest = (within + self._places(slot) + rest).min(axis=1)
            self._keep(first, rhythm, rest)
            rest = rest + self._places(first) + self._prices.of((rhythm_view(task, State(), rhythm),))
            if first.is_tied:
                held_before = np.minimum(held_before, motion.diagonal() + rest)
            else:
                free_before = np.minimum(free_before, (within + motion + rest).min(axis=1))
        return free_before, held_before

    def _keep(self, slot: Slot, rhythm: Rhythm, rest: _Costs) -> None:
        self._rest[slot.measure, rhythm, slot.onset] = {
            tone: cost for tone, cost in zip(self._tones, rest.tolist(), strict=True) if cost < inf
        }

    def _places(self, slot: Slot) -> _Costs:
        """Return what tones cost in their place."""
        possible = self._candidates[slot.measure - 1 if slot.is_tied else slot.measure]
        return np.array([
            self._prices.of(place_views(self._task, slot, tone)) if tone in possible else inf
            for tone in self._tones
        ])  # fmt: skip

    def _moves(self, now: Stroke) -> _Costs:
        """Return what it costs to go from one tone (a row) to another."""
        species = self._task.species
        found = np.full((len(self._tones), len(self._tones)), inf)
        for row, tone in enumerate(self._tones):
            for column, other in enumerate(self._tones):
                move = interval(tone, other)
                views = (Melody(species, (move,)), Figure(species, None, _BEFORE, now, None, move, ""))
                found[row, column] = self._prices.of(views)
        return found

    def _within(self, measure: int) -> _Costs:
        """Return what moves cost in a measure."""
        cantus = self._task.cantus[measure]
        is_fit = [is_consonant(interval(cantus, tone)) for tone in self._tones]
        return np.where(is_fit, self._into_consonance, self._into_dissonance)

    def _motion(self, measure: int) -> _Costs:
        """Return what moves into a measure cost more, with a view to the cantus."""
        if measure == 0:
            return np.zeros((len(self._tones), len(self._tones)))
        found = np.full((len(self._tones), len(self._tones)), inf)
        for row, before in enumerate(self._tones):
            if before not in self._candidates[measure - 1]:
                continue
            for column, now in enumerate(self._tones):
                # A note that is held does not move, which is no melodic interval.
                if row == column or self._into_consonance[row, column] < inf:
                    found[row, column] = self._prices.of(self._motion_views(measure, before, now))
        return found

    def _motion_views(self, measure: int, before: Tone, now: Tone) -> Iterator[Motion | Cadence]:
        task = self._task
        cantus_before, cantus = task.cantus[measure - 1 : measure + 1]
        yield Motion(
            task.species,
            task.position,
            vertical(task.position, cantus_before, before),
            vertical(task.position, cantus, now),
            interval(cantus_before, cantus),
            interval(before, now),
        )
        if measure == task.measures - 1:
            yield Cadence(cantus_before, cantus, before, now, task.final, task.leading)
