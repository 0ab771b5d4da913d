"""Beam search for the cheapest line.

All lines grow together, note by note. Lines in equal states (`line_state.State`) have the same continuations,
so only the cheapest of them is kept, and of these the best `width` lines. A search that never dropped a line
for lack of width is exhaustive: if it has no solution, there is none. Otherwise the search is repeated with a
wider beam, up to a limit on the work, so that it ends for any input.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from music21_server.composition.counterpoint.costs import RuleCosts
from music21_server.composition.counterpoint.line_state import Slot, State, advance, slots, start_measure
from music21_server.composition.counterpoint.lower_bound import LowerBound
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.solution import Line, Outcome, solution_from
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Interval, Tone, degree
from music21_server.composition.counterpoint.views import line_views, melody_view, place_views, rhythm_view
from music21_server.workers.progress import report

_UNSETTLED_CLIMAX_COST: Final = 5.0
"""Cost, growing towards the end, while the highest note has occurred twice, or is the final, which will
return. It is not part of a line's own cost, so a higher note later removes it."""

_SEED_COST: Final = 1.2
"""Largest random cost that the seed adds to a tone or rhythm; a leap of a fourth costs 1."""

_WIDTHS: Final = {
    1: (60, 60, 240, 1000, 6000),
    2: (16, 16, 24, 60, 240, 1000),
    3: (15, 15, 20, 40, 160, 600),
    4: (15, 15, 15, 20, 60, 240, 1000),
    5: (7, 7, 7, 10, 20, 80, 320),
}
"""Beam widths of successive attempts, by species; each attempt draws new random costs."""

_ENDINGS: Final = 5
"""Smallest number of different last notes in the beam, if there are as many."""

_MAX_STEPS_PER_MEASURE: Final = 25_000
"""Limit on the candidate notes tried. Beyond it pruning keeps one line, and no further attempt begins."""

_MelodyKey = tuple[int, Tone | None, tuple[Interval, ...]]
"""A measure, the last note, and the intervals that led to it."""


def search(task: Task, seed: int, *, may_break: bool = False) -> Outcome:
    """Return the best line.

    Args:
        task: Cantus, mode, species and range.
        seed: Choice among the good lines.
        may_break: Whether strict rules may be broken where there is no other way.
    """
    outcome = Outcome(None, is_exhaustive=False, steps=0, reached=0)
    steps = 0
    rng = random.Random(seed)  # noqa: S311 - no secret
    costs = RuleCosts(task.species, may_break=may_break)
    bound = LowerBound(task, costs)
    if bound.dead_end is not None:
        return Outcome(None, is_exhaustive=True, steps=0, reached=bound.dead_end)
    for width in _WIDTHS[task.species]:
        max_steps = _MAX_STEPS_PER_MEASURE * task.measures - steps
        outcome = _Search(task, costs, bound, rng, width, max_steps).run()
        steps += outcome.steps
        if outcome.solution is not None or outcome.is_exhaustive or outcome.steps >= max_steps:
            break
    return replace(outcome, steps=steps)


@dataclass(slots=True)
class _Search:
    """One attempt with a given beam width and limit on the candidate notes tried."""

    task: Task
    costs: RuleCosts
    bound: LowerBound
    rng: random.Random
    width: int
    max_steps: int
    _steps: int = 0
    _is_exhaustive: bool = True
    _climax_cost: float = 0.0
    _melodies: dict[_MelodyKey, tuple[tuple[Tone, float], ...]] = field(default_factory=dict)

    def run(self) -> Outcome:
        lines = [Line(State(), 0.0, 0.0)]
        measures = self.task.measures
        for measure in range(measures):
            report(measure, measures, "writing the counterpoint")
            self._climax_cost = _UNSETTLED_CLIMAX_COST * (measure + 1) / measures
            lines = self._prune(self._add_measure(lines, measure))
            if not lines:
                return Outcome(None, self._is_exhaustive, self._steps, measure)
        best = min(lines, key=lambda line: line.cost)
        return Outcome(solution_from(self.task, best), self._is_exhaustive, self._steps, measures - 1)

    def _add_measure(self, lines: list[Line], measure: int) -> list[Line]:
        seed_costs = {tone: _SEED_COST * self.rng.random() for tone in self.task.candidates(measure)}
        complete: list[Line] = []
        for rhythm in rhythms(self.task.species, measure, self.task.measures):
            grown = self._add_rhythm(lines, rhythm, _SEED_COST * self.rng.random())
            for slot in slots(rhythm, measure, self.task.measures):
                remaining = self.bound.remaining(measure, rhythm, slot.onset)
                grown = self._prune(self._add_note(grown, slot, seed_costs, remaining))
            complete.extend(grown)
        return complete

    def _add_rhythm(self, lines: list[Line], rhythm: Rhythm, seed_cost: float) -> list[Line]:
        grown = []
        for line in lines:
            state = line.state
            if state.rhythm is not None and not rhythm.may_follow(state.rhythm):
                continue
            rule_cost = self.costs.total((rhythm_view(self.task, state, rhythm),))
            if rule_cost < inf:
                cost = line.cost + rule_cost + seed_cost
                grown.append(Line(start_measure(state, rhythm), cost, cost, line))
        return grown

    def _add_note(
        self, lines: list[Line], slot: Slot, seed_costs: dict[Tone, float], remaining: dict[Tone, float]
    ) -> list[Line]:
        """Return the lines with one more note, the cheapest for each state.

        Args:
            slot: Place of the note.
            seed_costs: Random cost of each tone that the measure may have.
            remaining: Lower bound on the cost of everything after the note, by its tone.
        """
        best: dict[State, Line] = {}
        # What does not depend on the line so far is judged once for all lines.
        held = {
            last.tone: seed_costs.get(last.tone, 0.0) for line in lines if (last := line.state.recent[-1])
        }
        place_costs = {
            tone: seed_cost + rule_cost
            for tone, seed_cost in (held if slot.is_tied else seed_costs).items()
            if tone in remaining and (rule_cost := self.costs.total(place_views(self.task, slot, tone))) < inf
        }
        for line in lines:
            for tone, melody_cost in self._next_tones(line.state, slot, seed_costs):
                if tone not in place_costs:
                    continue
                self._steps += 1
                line_cost = self.costs.total(line_views(self.task, line.state, slot, tone))
                if line_cost == inf:
                    continue
                state = advance(self.task, line.state, slot, tone)
                cost = line.cost + melody_cost + place_costs[tone] + line_cost
                rival = best.get(state)
                if rival is None or cost < rival.cost:
                    best[state] = Line(state, cost, cost + remaining[tone], line, slot, tone)
        return list(best.values())

    def _next_tones(
        self, state: State, slot: Slot, seed_costs: dict[Tone, float]
    ) -> tuple[tuple[Tone, float], ...]:
        """Return the tones that may follow the last notes, with their melodic cost."""
        last = state.recent[-1].tone if state.recent[-1] is not None else None
        if slot.is_tied:
            return ((last, 0.0),) if last is not None else ()
        key = (slot.measure, last, state.moves)
        cached = self._melodies.get(key)
        if cached is None:
            species = self.task.species
            costs = [(tone, self.costs.total((melody_view(species, state, tone),))) for tone in seed_costs]
            cached = self._melodies[key] = tuple((tone, cost) for tone, cost in costs if cost < inf)
        return cached

    def _prune(self, lines: list[Line]) -> list[Line]:
        """Return the best lines, best first, with a limited share for each last note to keep them diverse."""
        lines.sort(key=self._rank)
        if len(lines) <= self.width:
            return lines
        self._is_exhaustive = False
        room = self.width if self._steps < self.max_steps else 1
        share = max(1, room // _ENDINGS)
        kept: list[Line] = []
        others: list[Line] = []
        counts: Counter[Tone | None] = Counter()
        for line in lines:
            last = line.state.recent[-1]
            ending = last.tone if last is not None else None
            counts[ending] += 1
            (kept if counts[ending] <= share else others).append(line)
        return sorted([*kept, *others][:room], key=self._rank)

    def _rank(self, line: Line) -> float:
        """Return the lower bound on a line's cost, plus a cost while its climax is not settled."""
        return line.bound + (self._climax_cost if self._is_climax_unsettled(line.state) else 0.0)

    def _is_climax_unsettled(self, state: State) -> bool:
        highest = state.highest
        return state.is_climax_repeated or (highest is not None and degree(highest) == self.task.final)
