"""Lines as the search grows them, and the notes and broken rules of the line that it returns."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.composition.counterpoint.line_state import Slot, State, advance, start_measure
from music21_server.composition.counterpoint.rhythms import Rhythm
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone
from music21_server.composition.counterpoint.verdicts import judges
from music21_server.composition.counterpoint.views import note_views, rhythm_view


@dataclass(frozen=True)
class Note:
    """A note within one measure; `tone` is None for a rest, onset and duration are in eighths."""

    measure: int
    onset: int
    duration: int
    tone: Tone | None
    is_tied: bool = False


@dataclass(frozen=True)
class Breach:
    """A rule that is broken, and where."""

    rule: str
    is_strict: bool
    measure: int
    onset: int


@dataclass(frozen=True)
class Solution:
    """A complete line.

    Attributes:
        notes: Notes in order.
        breaches: Breaches of strict rules and preferences, in order.
        cost: Cost of the preferences that are not met.
    """

    notes: tuple[Note, ...]
    breaches: tuple[Breach, ...]
    cost: float


@dataclass(frozen=True)
class Outcome:
    """The result of a search.

    Attributes:
        solution: The best line; None if the search did not complete any.
        is_exhaustive: Whether every possible line was considered.
        steps: Number of candidate notes tried.
        reached: Index of the measure that no line got past; the last one if there is a solution.
    """

    solution: Solution | None
    is_exhaustive: bool
    steps: int
    reached: int


@dataclass(slots=True)
class Line:
    """A growing line, as a linked list from its last element to its first.

    Attributes:
        state: State after its last note.
        cost: Cost so far, with the random cost that the seed adds.
        bound: Lower bound on its cost when it is complete.
        previous: The line without its last note or rhythm.
        slot: Place of its last note.
        tone: Its last note.
    """

    state: State
    cost: float
    bound: float
    previous: Line | None = None
    slot: Slot | None = None
    tone: Tone | None = None


def solution_from(task: Task, line: Line) -> Solution:
    """Return the notes of a line, with all rules that they break, judged again from the beginning."""
    placed_tones: list[tuple[Slot, Tone]] = []
    rhythm_of: dict[int, Rhythm] = {}
    step: Line | None = line
    while step is not None:
        if step.slot is not None and step.tone is not None:
            placed_tones.append((step.slot, step.tone))
            if step.state.rhythm is not None:
                rhythm_of[step.slot.measure] = step.state.rhythm
        step = step.previous
    notes: list[Note] = []
    breaches: list[Breach] = []
    cost = 0.0
    state = State()
    measure = -1
    for slot, tone in reversed(placed_tones):
        views: list[object] = []
        if slot.measure != measure:
            measure = slot.measure
            rhythm = rhythm_of[measure]
            views.append(rhythm_view(task, state, rhythm))
            state = start_measure(state, rhythm)
            if rhythm.begins_with_rest:
                notes.append(Note(measure, 0, rhythm.values[0], None))
        views.extend(note_views(task, state, slot, tone))
        for view in views:
            verdict = judges(task.species)[type(view)](view)
            cost += verdict.cost
            breaches.extend(Breach(rule.name, rule.is_strict, measure, slot.onset) for rule in verdict.broken)
        notes.append(Note(measure, slot.onset, slot.duration, tone, slot.is_tied))
        state = advance(task, state, slot, tone)
    return Solution(tuple(notes), tuple(breaches), cost)
