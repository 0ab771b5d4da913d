"""Looks for the line that the rules like best.

Lines grow note by note, all of them together. Lines with equal states (`judging.State`) may be continued
alike, so of these only the best one is kept, and of all lines the best ones (a beam). Where none was ever
dropped for want of room, the search has seen everything: then there is no solution beyond what it found.
Otherwise it is repeated with more room, up to a bound of work, so that it ends for any input.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from music21_server.composition.counterpoint.costs import Prices
from music21_server.composition.counterpoint.judgement import (
    Slot,
    State,
    after,
    judges,
    line_views,
    melody_view,
    place_views,
    rhythm_view,
    slots,
    views,
    with_rhythm,
)
from music21_server.composition.counterpoint.lower_bound import Outlook
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Interval, Tone, degree
from music21_server.workers.progress import report

_CLIMAX_IN_DOUBT_COST: Final = 5.0
"""Towards the end, while the highest note stands twice, or is the final, which will come again; given back
when a higher one comes."""

_TASTE: Final = 1.2
"""How much the seed may make of a note; a leap of a fourth costs 1."""

_WIDTHS: Final = {
    1: (60, 60, 240, 1000, 6000),
    2: (16, 16, 24, 60, 240, 1000),
    3: (15, 15, 20, 40, 160, 600),
    4: (15, 15, 15, 20, 60, 240, 1000),
    5: (7, 7, 7, 10, 20, 80, 320),
}
"""Lines that are kept at once, by species; each as the one before has failed, with another taste."""

_ENDINGS: Final = 5
"""How many notes at least the lines that are kept end on."""

_MOST_STEPS_PER_MEASURE: Final = 25_000
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
    """A line as it grows.

    Attributes:
        state: What of it matters.
        cost: With taste and all.
        prospect: What it will cost in the end, at least.
        before: The line without its last note or rhythm.
        slot: Of its last note.
        tone: Likewise.
    """

    state: State
    cost: float
    prospect: float
    before: _Line | None = None
    slot: Slot | None = None
    tone: Tone | None = None


_MelodyKey = tuple[int, Tone | None, tuple[Interval, ...]]
"""A measure, the last note, and the moves to it."""


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
    prices = Prices(task.species, may_break=may_break)
    outlook = Outlook(task, prices)
    if outlook.closed is not None:
        return Outcome(None, is_exhaustive=True, steps=0, reached=outlook.closed)
    for width in _WIDTHS[task.species]:
        most = _MOST_STEPS_PER_MEASURE * task.measures - steps
        outcome = _Search(task, prices, outlook, taste, width, most).run()
        steps += outcome.steps
        if outcome.found is not None or outcome.is_exhaustive or outcome.steps >= most:
            break
    return replace(outcome, steps=steps)


@dataclass(slots=True)
class _Search:
    """One search with a given room: so many lines at once, so many notes tried."""

    task: Task
    prices: Prices
    outlook: Outlook
    taste: random.Random
    width: int
    most_steps: int
    _steps: int = 0
    _is_exhaustive: bool = True
    _doubt: float = 0.0
    _melodies: dict[_MelodyKey, tuple[tuple[Tone, float], ...]] = field(default_factory=dict)

    def run(self) -> Outcome:
        lines = [_Line(State(), 0.0, 0.0)]
        measures = self.task.measures
        for measure in range(measures):
            report(measure, measures, "writing the counterpoint")
            self._doubt = _CLIMAX_IN_DOUBT_COST * (measure + 1) / measures
            lines = self._cut(self._measure(lines, measure))
            if not lines:
                return Outcome(None, self._is_exhaustive, self._steps, measure)
        best = min(lines, key=lambda line: line.cost)
        return Outcome(retraced(self.task, best), self._is_exhaustive, self._steps, measures - 1)

    def _measure(self, lines: list[_Line], measure: int) -> list[_Line]:
        """Return the lines continued by a measure."""
        tastes = {tone: _TASTE * self.taste.random() for tone in self.task.candidates(measure)}
        ended: list[_Line] = []
        for rhythm in rhythms(self.task.species, measure, self.task.measures):
            taste = _TASTE * self.taste.random()
            grown = self._begun(lines, rhythm, taste)
            for slot in slots(rhythm, measure, self.task.measures):
                rest = self.outlook.after(measure, rhythm, slot.onset)
                grown = self._cut(self._continued(grown, slot, tastes, rest))
            ended.extend(grown)
        return ended

    def _begun(self, lines: list[_Line], rhythm: Rhythm, taste: float) -> list[_Line]:
        """Return the lines that a measure's rhythm may follow."""
        found = []
        for line in lines:
            state = line.state
            if state.rhythm is not None and not rhythm.may_follow(state.rhythm):
                continue
            price = self.prices.of((rhythm_view(self.task, state, rhythm),))
            if price < inf:
                cost = line.cost + price + taste
                found.append(_Line(with_rhythm(state, rhythm), cost, cost, line))
        return found

    def _continued(
        self, lines: list[_Line], slot: Slot, tastes: dict[Tone, float], rest: dict[Tone, float]
    ) -> list[_Line]:
        """Return the lines with one more note.

        Args:
            lines: To be continued.
            slot: Where the note stands.
            tastes: What the seed makes of the tones that the measure may have.
            rest: What all that comes after the note costs at least, by its tone.
        """
        best: dict[State, _Line] = {}
        # What depends on less than the line so far is judged once for all lines.
        held = {last.tone: tastes.get(last.tone, 0.0) for line in lines if (last := line.state.recent[-1])}
        fitting = {
            tone: taste + price
            for tone, taste in (held if slot.is_tied else tastes).items()
            if tone in rest and (price := self.prices.of(place_views(self.task, slot, tone))) < inf
        }
        for line in lines:
            for tone, melody_price in self._onward(line.state, slot, tastes):
                if tone not in fitting:
                    continue
                self._steps += 1
                price = self.prices.of(line_views(self.task, line.state, slot, tone))
                if price == inf:
                    continue
                state = after(self.task, line.state, slot, tone)
                cost = line.cost + melody_price + fitting[tone] + price
                known = best.get(state)
                if known is None or cost < known.cost:
                    best[state] = _Line(state, cost, cost + rest[tone], line, slot, tone)
        return list(best.values())

    def _onward(self, state: State, slot: Slot, tastes: dict[Tone, float]) -> tuple[tuple[Tone, float], ...]:
        """Return which tones may follow the last ones, wherever they stand, and at what price."""
        last = state.recent[-1].tone if state.recent[-1] is not None else None
        if slot.is_tied:
            return ((last, 0.0),) if last is not None else ()
        key = (slot.measure, last, state.moves)
        known = self._melodies.get(key)
        if known is None:
            species = self.task.species
            prices = [(tone, self.prices.of((melody_view(species, state, tone),))) for tone in tastes]
            known = self._melodies[key] = tuple((tone, price) for tone, price in prices if price < inf)
        return known

    def _cut(self, lines: list[_Line]) -> list[_Line]:
        """Return the best lines, best first; not too many end on one note, lest all be in one corner."""
        lines.sort(key=self._standing)
        if len(lines) <= self.width:
            return lines
        self._is_exhaustive = False
        room = self.width if self._steps < self.most_steps else 1
        share = max(1, room // _ENDINGS)
        kept: list[_Line] = []
        others: list[_Line] = []
        counts: Counter[Tone | None] = Counter()
        for line in lines:
            last = line.state.recent[-1]
            ending = last.tone if last is not None else None
            counts[ending] += 1
            (kept if counts[ending] <= share else others).append(line)
        return sorted([*kept, *others][:room], key=self._standing)

    def _standing(self, line: _Line) -> float:
        """Return what a line will cost at least, and more where its highest note may well come again."""
        return line.prospect + (self._doubt if self._is_in_doubt(line.state) else 0.0)

    def _is_in_doubt(self, state: State) -> bool:
        highest = state.highest
        return state.is_repeated or (highest is not None and degree(highest) == self.task.final)


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
