"""The outlook promises no line more than it costs, and sees where lines lead nowhere."""

from __future__ import annotations

from math import inf

import pytest

from music21_server.composition.counterpoint.cantus import cantus_from_text
from music21_server.composition.counterpoint.costs import Prices
from music21_server.composition.counterpoint.judgement import (
    Slot,
    State,
    after,
    place_views,
    rhythm_view,
    slots,
    views,
    with_rhythm,
)
from music21_server.composition.counterpoint.lower_bound import Outlook
from music21_server.composition.counterpoint.rhythms import Rhythm, rhythms
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.search import Found, search
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone, degree

DORIAN = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


def task(species: int, position: Position = "above", notes: str = DORIAN) -> Task:
    cantus = cantus_from_text(notes)
    return Task(cantus.tones, cantus.mode(None), species, position)


def outlook_of(wanted: Task) -> Outlook:
    return Outlook(wanted, Prices(wanted.species, may_break=False))


def rhythm_of(wanted: Task, found: Found, measure: int) -> Rhythm:
    """Return the rhythm that a line has in a measure."""
    notes = [note for note in found.notes if note.measure == measure]
    values = tuple(note.duration for note in notes)
    shape = (values, notes[0].tone is None, notes[0].is_tied)
    return next(
        rhythm
        for rhythm in rhythms(wanted.species, measure, wanted.measures)
        if (rhythm.values, rhythm.begins_with_rest, rhythm.begins_tied) == shape
    )


def promised_and_paid(wanted: Task, found: Found) -> list[tuple[float, float]]:
    """Return for each note what the rest costs at least by the outlook, and what it did cost."""
    prices, outlook = Prices(wanted.species, may_break=False), outlook_of(wanted)
    tones = {(note.measure, note.onset): note.tone for note in found.notes}
    state, paid = State(), 0.0
    seen: list[tuple[float, float]] = []
    for measure in range(wanted.measures):
        rhythm = rhythm_of(wanted, found, measure)
        paid += prices.of((rhythm_view(wanted, state, rhythm),))
        state = with_rhythm(state, rhythm)
        for slot in slots(rhythm, measure, wanted.measures):
            tone = tones[measure, slot.onset]
            assert tone is not None
            paid += prices.of(views(wanted, state, slot, tone))
            state = after(wanted, state, slot, tone)
            seen.append((outlook.after(measure, rhythm, slot.onset).get(tone, inf), paid))
    return [(promised, paid - so_far) for promised, so_far in seen]


@pytest.mark.parametrize("position", ["above", "below"])
@pytest.mark.parametrize("species", [1, 2, 3, 4, 5])
def test_no_line_costs_less_than_promised(species: int, position: Position) -> None:
    wanted = task(species, position)
    found = search(wanted, 3).found
    assert found is not None
    pairs = promised_and_paid(wanted, found)
    assert all(promised <= paid + 1e-9 for promised, paid in pairs)
    # A promise of nothing would be kept as well, and help nobody.
    assert sum(promised for promised, _ in pairs) > 0.15 * sum(paid for _, paid in pairs)


@pytest.mark.parametrize("position", ["above", "below"])
def test_only_what_closes_may_stand_at_the_close(position: Position) -> None:
    wanted = task(1, position)
    outlook, close = outlook_of(wanted), wanted.measures - 2
    (whole,) = rhythms(1, close, wanted.measures)
    # The cantus goes down from the second degree to the final: the counterpoint comes from the seventh.
    assert {degree(tone) for tone in allowed(wanted, close) if tone in outlook.after(close, whole, 0)} == {
        wanted.leading
    }
    # Whatever its place says, only a step leads to the final.
    assert {tone.place % 7 for tone in outlook.after(close, whole, 0)} <= {0, 2}
    # Before it may stand what is no chromatic, augmented or diminished step from it: neither C, nor F, nor G.
    before = allowed(wanted, close - 1)
    steps = {tone.place % 7 for tone in before if tone in outlook.after(close - 1, whole, 0)}
    assert steps
    assert not steps & {0, 3, 4}
    assert {tone.place % 7 for tone in before} & {0, 3, 4}


def test_a_leap_of_the_cantus_shuts_out_what_is_behind_it() -> None:
    """No voice goes below where the other has just been: what lies below the leap may not come before it."""
    wanted = task(1, notes="D4 E4 D4 A4 G4 F4 E4 D4")
    (whole,) = rhythms(1, 2, wanted.measures)
    before = outlook_of(wanted).after(2, whole, 0)
    highest = wanted.cantus[3].semitone
    assert before
    assert all(tone.semitone >= highest for tone in before)
    assert any(tone.semitone < highest for tone in allowed(wanted, 2))


def allowed(wanted: Task, measure: int) -> list[Tone]:
    """Return the tones that may stand in a measure whatever is beside it."""
    prices = Prices(1, may_break=False)
    (rhythm,) = rhythms(1, measure, wanted.measures)
    (slot,) = slots(rhythm, measure, wanted.measures)
    return [tone for tone in wanted.candidates(measure) if prices.of(place_views(wanted, slot, tone)) < inf]


def test_where_rules_may_be_broken_nothing_is_shut_out() -> None:
    wanted = task(1)
    outlook = Outlook(wanted, Prices(1, may_break=True))
    for measure in range(wanted.measures):
        (rhythm,) = rhythms(1, measure, wanted.measures)
        assert set(outlook.after(measure, rhythm, 0)) >= set(wanted.candidates(measure))


@pytest.mark.parametrize("position", ["above", "below"])
def test_a_note_that_must_be_held_is_one_that_can_be(position: Position) -> None:
    wanted = task(5, position)
    outlook, prices = outlook_of(wanted), Prices(5, may_break=False)
    measure = 4
    (held, *_) = (rhythm for rhythm in rhythms(5, measure, wanted.measures) if rhythm.must_be_held)
    on = outlook.after(measure, held, 4)
    next_place = Slot(measure + 1, 0, 4, is_tied=True)
    assert on
    assert all(prices.of(place_views(wanted, next_place, tone)) < inf for tone in on)
    assert not all(
        prices.of(place_views(wanted, next_place, tone)) < inf for tone in wanted.candidates(measure)
    )
