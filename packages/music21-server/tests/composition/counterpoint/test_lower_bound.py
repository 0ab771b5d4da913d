"""The lower bound never exceeds the cost of a line, and excludes dead ends."""

from __future__ import annotations

from math import inf

import pytest

from music21_server.composition.counterpoint.cantus import cantus_from_text
from music21_server.composition.counterpoint.costs import RuleCosts
from music21_server.composition.counterpoint.line_state import Slot, State, advance, slots, start_measure
from music21_server.composition.counterpoint.lower_bound import LowerBound
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.search import search
from music21_server.composition.counterpoint.solution import Solution
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone, degree
from music21_server.composition.counterpoint.views import note_views, place_views, rhythm_view

DORIAN = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


def task(species: int, position: Position = "above", notes: str = DORIAN) -> Task:
    cantus = cantus_from_text(notes)
    return Task(cantus.tones, cantus.mode(None), species, position)


def lower_bound(task_: Task) -> LowerBound:
    return LowerBound(task_, RuleCosts(task_.species, may_break=False))


def rhythm_of(task_: Task, solution: Solution, measure: int) -> Rhythm:
    """Return the rhythm that a line has in a measure."""
    notes = [note for note in solution.notes if note.measure == measure]
    values = tuple(note.duration for note in notes)
    shape = (values, notes[0].tone is None, notes[0].is_tied)
    return next(
        rhythm
        for rhythm in rhythms(task_.species, measure, task_.measures)
        if (rhythm.values, rhythm.begins_with_rest, rhythm.begins_tied) == shape
    )


def bounds_and_costs(task_: Task, solution: Solution) -> list[tuple[float, float]]:
    """Return for each note the lower bound on everything after it, and what that really cost."""
    costs, bound = RuleCosts(task_.species, may_break=False), lower_bound(task_)
    tones = {(note.measure, note.onset): note.tone for note in solution.notes}
    state, cost = State(), 0.0
    bounds: list[tuple[float, float]] = []
    for measure in range(task_.measures):
        rhythm = rhythm_of(task_, solution, measure)
        cost += costs.total((rhythm_view(task_, state, rhythm),))
        state = start_measure(state, rhythm)
        for slot in slots(rhythm, measure, task_.measures):
            tone = tones[measure, slot.onset]
            assert tone is not None
            cost += costs.total(note_views(task_, state, slot, tone))
            state = advance(task_, state, slot, tone)
            bounds.append((bound.remaining(measure, rhythm, slot.onset).get(tone, inf), cost))
    return [(least, cost - so_far) for least, so_far in bounds]


@pytest.mark.parametrize("position", ["above", "below"])
@pytest.mark.parametrize("species", [1, 2, 3, 4, 5])
def test_no_line_costs_less_than_the_bound(species: int, position: Position) -> None:
    given = task(species, position)
    solution = search(given, 3).solution
    assert solution is not None
    pairs = bounds_and_costs(given, solution)
    assert len(pairs) >= given.measures
    assert all(least <= cost + 1e-9 for least, cost in pairs)
    # A bound of 0 would pass the line above and be useless.
    assert sum(least for least, _ in pairs) > 0.15 * sum(cost for _, cost in pairs)


@pytest.mark.parametrize("position", ["above", "below"])
def test_only_notes_that_lead_to_a_cadence_remain_before_the_end(position: Position) -> None:
    given = task(1, position)
    bound, close = lower_bound(given), given.measures - 2
    (whole,) = rhythms(1, close, given.measures)
    # The cantus descends from the second degree to the final, so the counterpoint ascends from the seventh.
    assert {degree(tone) for tone in allowed(given, close) if tone in bound.remaining(close, whole, 0)} == {
        given.leading
    }
    # Only a step leads to the final, even for tones that are excluded by their place.
    assert {tone.place % 7 for tone in bound.remaining(close, whole, 0)} <= {0, 2}
    # No chromatic, augmented or diminished interval leads there: not C, F or G.
    before = allowed(given, close - 1)
    steps = {tone.place % 7 for tone in before if tone in bound.remaining(close - 1, whole, 0)}
    assert steps
    assert not steps & {0, 3, 4}
    assert {tone.place % 7 for tone in before} & {0, 3, 4}


def test_a_leap_of_the_cantus_excludes_notes_that_it_would_overlap() -> None:
    given = task(1, notes="D4 E4 D4 A4 G4 F4 E4 D4")
    (whole,) = rhythms(1, 2, given.measures)
    before = lower_bound(given).remaining(2, whole, 0)
    highest = given.cantus[3].semitone
    assert before
    assert all(tone.semitone >= highest for tone in before)
    assert any(tone.semitone < highest for tone in allowed(given, 2))


def allowed(task_: Task, measure: int) -> list[Tone]:
    """Return the tones that the rules for a single note allow in a measure."""
    costs = RuleCosts(1, may_break=False)
    (rhythm,) = rhythms(1, measure, task_.measures)
    (slot,) = slots(rhythm, measure, task_.measures)
    return [tone for tone in task_.candidates(measure) if costs.total(place_views(task_, slot, tone)) < inf]


def test_nothing_is_excluded_where_rules_may_be_broken() -> None:
    given = task(1)
    bound = LowerBound(given, RuleCosts(1, may_break=True))
    assert bound.dead_end is None
    for measure in range(given.measures):
        (rhythm,) = rhythms(1, measure, given.measures)
        assert set(bound.remaining(measure, rhythm, 0)) >= set(given.candidates(measure))


def test_the_last_dead_end_is_reported() -> None:
    assert lower_bound(task(1)).dead_end is None
    assert lower_bound(task(1, notes="D4 F4 E4 D4 D4")).dead_end == 3


@pytest.mark.parametrize("position", ["above", "below"])
def test_a_note_that_must_be_held_is_one_that_can_be_held(position: Position) -> None:
    given = task(5, position)
    bound, costs = lower_bound(given), RuleCosts(5, may_break=False)
    measure = 4
    held = next(rhythm for rhythm in rhythms(5, measure, given.measures) if rhythm.must_be_held)
    tones = bound.remaining(measure, held, 4)
    next_slot = Slot(measure + 1, 0, 4, is_tied=True)
    assert tones
    assert all(costs.total(place_views(given, next_slot, tone)) < inf for tone in tones)
    assert not all(
        costs.total(place_views(given, next_slot, tone)) < inf for tone in given.candidates(measure)
    )
