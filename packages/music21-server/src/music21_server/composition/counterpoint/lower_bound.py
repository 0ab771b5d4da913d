"""Admissible A* bound on completing a line (Hart, Nilsson and Raphael, 1968).

The bound is computed backwards from the close with only those rules that look at one note in its place, or at
two successive notes; whatever precedes them, a continuation costs no less. With it the search can drop lines
that have no continuation, and rank the others by what they will cost in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music21_server.composition.counterpoint.costs import RuleCosts
from music21_server.composition.counterpoint.line_state import Slot, State, slots
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.rule import (
    Attack,
    Cadence,
    Figure,
    Melody,
    Motion,
    is_consonant,
    vertical,
)
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone, interval
from music21_server.composition.counterpoint.views import place_views, rhythm_view

_Costs = NDArray[np.float64]

_QUARTER: Final = Attack(2, 2, is_dissonant=False)
_ACCENTED_QUARTER: Final = Attack(4, 2, is_dissonant=False)
"""The two attacks that break the fewest rules: a quarter on the second beat, and one on the third."""


class LowerBound:
    """Admissible A* bound on completing a line.

    Attributes:
        dead_end: Index of the last measure that no line can pass; None if there is none.
    """

    def __init__(self, task: Task, costs: RuleCosts) -> None:
        self.dead_end: int | None = None
        self._task = task
        self._costs = costs
        self._candidates = [frozenset(task.candidates(measure)) for measure in range(task.measures)]
        self._tones = tuple(sorted(frozenset().union(*self._candidates)))
        self._into_consonance = self._move_costs(_ACCENTED_QUARTER)
        self._into_dissonance = self._move_costs(_ACCENTED_QUARTER._replace(is_dissonant=True))
        self._remaining: dict[tuple[int, Rhythm, int], dict[Tone, float]] = {}
        free = np.zeros(len(self._tones))
        held = free + inf
        for measure in reversed(range(task.measures)):
            free, held = self._step_back(measure, free, held)
            if measure > 0 and self.dead_end is None and min(free.min(), held.min()) == inf:
                self.dead_end = measure

    def remaining(self, measure: int, rhythm: Rhythm, onset: int) -> dict[Tone, float]:
        """Return the lower bound on the cost of everything after a note, by its tone, without dead ends."""
        return self._remaining[measure, rhythm, onset]

    def _step_back(self, measure: int, free: _Costs, held: _Costs) -> tuple[_Costs, _Costs]:
        """Extend the bound backwards by one measure.

        Args:
            measure: Index of the measure.
            free: Bound on what follows it, by its last tone, if that tone is not held over.
            held: The same if that tone is held over.

        Returns:
            Both bounds for the previous measure.
        """
        task = self._task
        within, motion = self._costs_within(measure), self._costs_into(measure)
        free_before = np.full(len(self._tones), inf)
        held_before = free_before.copy()
        for rhythm in rhythms(task.species, measure, task.measures):
            first, *others = slots(rhythm, measure, task.measures)
            rest = np.full(len(self._tones), inf) if rhythm.must_be_held else free
            if rhythm.can_be_held:
                rest = np.minimum(rest, held)
            for slot in reversed(others):
                self._store(slot, rhythm, rest)
                rest = (within + self._place_costs(slot) + rest).min(axis=1)
            self._store(first, rhythm, rest)
            rest = rest + self._place_costs(first) + self._costs.total((rhythm_view(task, State(), rhythm),))
            if first.is_tied:
                held_before = np.minimum(held_before, motion.diagonal() + rest)
            else:
                free_before = np.minimum(free_before, (within + motion + rest).min(axis=1))
        return free_before, held_before

    def _store(self, slot: Slot, rhythm: Rhythm, rest: _Costs) -> None:
        self._remaining[slot.measure, rhythm, slot.onset] = {
            tone: cost for tone, cost in zip(self._tones, rest.tolist(), strict=True) if cost < inf
        }

    def _place_costs(self, slot: Slot) -> _Costs:
        possible = self._candidates[slot.measure - 1 if slot.is_tied else slot.measure]
        return np.array([
            self._costs.total(place_views(self._task, slot, tone)) if tone in possible else inf
            for tone in self._tones
        ])  # fmt: skip

    def _move_costs(self, now: Attack) -> _Costs:
        """Return the melodic cost of each move, tones before by tones after."""
        species = self._task.species
        costs = np.full((len(self._tones), len(self._tones)), inf)
        for row, tone in enumerate(self._tones):
            for column, other in enumerate(self._tones):
                move = interval(tone, other)
                views = (Melody(species, (move,)), Figure(species, None, _QUARTER, now, None, move, ""))
                costs[row, column] = self._costs.total(views)
        return costs

    def _costs_within(self, measure: int) -> _Costs:
        cantus = self._task.cantus[measure]
        is_tone_consonant = [is_consonant(interval(cantus, tone)) for tone in self._tones]
        return np.where(is_tone_consonant, self._into_consonance, self._into_dissonance)

    def _costs_into(self, measure: int) -> _Costs:
        """Return the additional cost of moves into a measure, due to the motion of the cantus."""
        if measure == 0:
            return np.zeros((len(self._tones), len(self._tones)))
        costs = np.full((len(self._tones), len(self._tones)), inf)
        for row, before in enumerate(self._tones):
            if before not in self._candidates[measure - 1]:
                continue
            for column, now in enumerate(self._tones):
                # A held note stays on its tone, which counts as no melodic interval.
                if row == column or self._into_consonance[row, column] < inf:
                    costs[row, column] = self._costs.total(self._motion_views(measure, before, now))
        return costs

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
