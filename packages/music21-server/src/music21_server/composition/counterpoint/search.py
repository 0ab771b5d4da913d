"""Looks for the line that the rules like best.

Lines grow note by note, all of them together. Lines with equal states (`judging.State`) may be continued
alike, so of these only the best one is kept, and of all lines the best ones (a beam). Where none was ever
dropped for want of room, the search has seen everything: then there is no solution beyond what it found.
Otherwise it is repeated with more room, up to a bound of work, so that it ends for any input.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from music21_server.composition.counterpoint.judging import (
    Slot,
    State,
    Verdict,
    after,
    judges,
    rhythm_view,
    slots,
    views,
    with_rhythm,
)
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone
from music21_server.workers.progress import report

_STRICT_COST: Final = 1000.0
"""Of breaking a strict rule, where that is allowed: more than all preferences together."""

_REPEATED_CLIMAX_COST: Final = 2.5
"""While the highest note stands twice; given back when a higher one comes."""

_TASTE: Final = 1.2
"""How much the seed may make of a note; a leap of a fourth costs 1."""

_WIDTHS: Final = {
    1: (60, 60, 240, 1000, 6000),
    2: (24, 24, 24, 24, 60, 240, 1000),
    3: (20, 20, 20, 20, 40, 160, 600),
    4: (20, 20, 20, 20, 60, 60, 240, 1000),
    5: (10, 10, 10, 10, 20, 20, 80, 320),
}
"""Lines that are kept at once, by species; each as the one before has failed, with another taste."""

_ENDINGS: Final = 5
"""How many notes at least the lines that are kept end on."""

_MOST_STEPS_PER_MEASURE: Final = 60_000
"""Notes tried."""


@dataclass(frozen=True)
class Note:
    """A note of the line that was found; `tone` is None for a rest."""

    measure: int
    onset: int
    duration: int
    tone: Tone | None
    is_tied: bool = False


@dataclass(frozen=True)
class Breach:
    """A rule that is broken at a place."""

    rule: str
    is_strict: bool
    measure: int
    onset: int


@dataclass(frozen=True)
class Found:
    """The best line.

    Attributes:
        notes: In order.
        breaches: Of all rules, in order.
        cost: Of the preferences that are not met.
    """

    notes: tuple[Note, ...]
    breaches: tuple[Breach, ...]
    cost: float


@dataclass(frozen=True)
class Outcome:
    """What came of a search.

    Attributes:
        found: None when there is nothing.
        is_exhaustive: Whether no line was dropped unseen.
        steps: Notes tried.
        reached: The measure, from 0, that no line got beyond; the last one if something was found.
    """

    found: Found | None
    is_exhaustive: bool
    steps: int
    reached: int


@dataclass(slots=True)
class _Line:
    """A line as it grows; `slot` and `tone` are its last note, `rank` is its cost with taste and all."""

    state: State
    rank: float
    before: _Line | None = None
    slot: Slot | None = None
    tone: Tone | None = None


def search(task: Task, seed: int, *, may_break: bool = False) -> Outcome:
    """Return the best line.

    Args:
        task: What is wanted.
        seed: Which of the good lines.
        may_break: Whether strict rules may be broken where it cannot be helped.
    """
    outcome = Outcome(None, is_exhaustive=False, steps=0, reached=0)
    steps = 0
    taste = random.Random(seed)  # noqa: S311 - no secret
    for width in _WIDTHS[task.species]:
        most = _MOST_STEPS_PER_MEASURE * task.measures - steps
        outcome = _Search(task, taste, width, most, may_break=may_break).run()
        steps += outcome.steps
        if outcome.found is not None or outcome.is_exhaustive or outcome.steps >= most:
            break
    return replace(outcome, steps=steps)


class _Search:
    """One search with a given room."""

    def __init__(
        self, task: Task, taste: random.Random, width: int, most_steps: int, *, may_break: bool
    ) -> None:
        self._task = task
        self._width = width
        self._most_steps = most_steps
        self._may_break = may_break
        self._judges = judges(task.species)
        self._random = taste
        self._steps = 0
        self._is_exhaustive = True

    def run(self) -> Outcome:
        lines = [_Line(State(), 0.0)]
        measures = self._task.measures
        for measure in range(measures):
            report(measure, measures, "writing the counterpoint")
            lines = self._cut(self._measure(lines, measure))
            if not lines:
                return Outcome(None, self._is_exhaustive, self._steps, measure)
        return Outcome(retraced(self._task, lines[0]), self._is_exhaustive, self._steps, measures - 1)

    def _measure(self, lines: list[_Line], measure: int) -> list[_Line]:
        """Return the lines continued by a measure."""
        candidates = self._task.candidates(measure)
        tastes = {tone: _TASTE * self._random.random() for tone in candidates}
        ended: list[_Line] = []
        for rhythm in rhythms(self._task.species, measure, self._task.measures):
            taste = _TASTE * self._random.random()
            grown = self._begun(lines, rhythm, taste)
            for slot in slots(rhythm, measure, self._task.measures):
                grown = self._cut(self._continued(grown, slot, candidates, tastes))
            ended.extend(grown)
        return ended

    def _begun(self, lines: list[_Line], rhythm: Rhythm, taste: float) -> list[_Line]:
        """Return the lines that a measure's rhythm may follow."""
        found = []
        for line in lines:
            state = line.state
            if state.rhythm is not None and not rhythm.may_follow(state.rhythm):
                continue
            verdict = self._judges_of(rhythm_view(self._task, state, rhythm))
            if verdict.strict and not self._may_break:
                continue
            rank = line.rank + verdict.cost + verdict.strict * _STRICT_COST + taste
            found.append(_Line(with_rhythm(state, rhythm), rank, line))
        return found

    def _judges_of(self, view: object) -> Verdict:
        return self._judges[type(view)](view)

    def _continued(
        self, lines: list[_Line], slot: Slot, candidates: tuple[Tone, ...], tastes: dict[Tone, float]
    ) -> list[_Line]:
        """Return the lines with one more note."""
        best: dict[State, _Line] = {}
        for line in lines:
            last = line.state.recent[-1]
            for tone in (last.tone,) if slot.is_tied and last else candidates:
                self._steps += 1
                cost = self._cost(line.state, slot, tone)
                if cost is None:
                    continue
                state = after(self._task, line.state, slot, tone)
                rank = line.rank + cost + tastes.get(tone, 0.0)
                known = best.get(state)
                if known is None or rank < known.rank:
                    best[state] = _Line(state, rank, line, slot, tone)
        return list(best.values())

    def _cost(self, state: State, slot: Slot, tone: Tone) -> float | None:
        """Return what a note costs; None where it may not stand."""
        cost = 0.0
        for view in views(self._task, state, slot, tone):
            verdict = self._judges[type(view)](view)
            if verdict.strict:
                if not self._may_break:
                    return None
                cost += verdict.strict * _STRICT_COST
            cost += verdict.cost
        return cost

    def _cut(self, lines: list[_Line]) -> list[_Line]:
        """Return the best lines, best first; not too many end on one note, lest all be in one corner."""
        lines.sort(key=_standing)
        if len(lines) <= self._width:
            return lines
        self._is_exhaustive = False
        room = self._width if self._steps < self._most_steps else 1
        share = max(1, room // _ENDINGS)
        kept: list[_Line] = []
        counts: Counter[Tone | None] = Counter()
        for line in lines:
            last = line.state.recent[-1]
            ending = last.tone if last is not None else None
            if counts[ending] < share:
                counts[ending] += 1
                kept.append(line)
                if len(kept) == room:
                    break
        return kept


def _standing(line: _Line) -> float:
    return line.rank + (_REPEATED_CLIMAX_COST if line.state.is_repeated else 0.0)


def retraced(task: Task, line: _Line) -> Found:
    """Return a line's notes, and all rules that they break, judged once more from the beginning."""
    chosen: list[tuple[Slot, Tone]] = []
    rhythm_of: dict[int, Rhythm] = {}
    step: _Line | None = line
    while step is not None:
        if step.slot is not None and step.tone is not None:
            chosen.append((step.slot, step.tone))
            if step.state.rhythm is not None:
                rhythm_of[step.slot.measure] = step.state.rhythm
        step = step.before
    notes: list[Note] = []
    breaches: list[Breach] = []
    cost = 0.0
    state = State()
    measure = -1
    for slot, tone in reversed(chosen):
        seen: list[object] = []
        if slot.measure != measure:
            measure = slot.measure
            rhythm = rhythm_of[measure]
            seen.append(rhythm_view(task, state, rhythm))
            state = with_rhythm(state, rhythm)
            if rhythm.begins_with_rest:
                notes.append(Note(measure, 0, rhythm.values[0], None))
        seen.extend(views(task, state, slot, tone))
        for view in seen:
            verdict = judges(task.species)[type(view)](view)
            cost += verdict.cost
            breaches.extend(Breach(rule.name, rule.is_strict, measure, slot.onset) for rule in verdict.broken)
        notes.append(Note(measure, slot.onset, slot.duration, tone, slot.is_tied))
        state = after(task, state, slot, tone)
    return Found(tuple(notes), tuple(breaches), cost)
