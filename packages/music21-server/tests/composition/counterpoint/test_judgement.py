"""What of a line is remembered, and what is judged of the note that comes next."""

from __future__ import annotations

from typing import Any

import pytest

from music21_server.composition.counterpoint.cantus import cantus_from_text, read_tone
from music21_server.composition.counterpoint.judgement import (
    Slot,
    State,
    Verdict,
    after,
    judges,
    slots,
    views,
    with_rhythm,
)
from music21_server.composition.counterpoint.rhythms import Rhythm
from music21_server.composition.counterpoint.rule import Course, Figure, Inflection, Melody
from music21_server.composition.counterpoint.task import Task

QUARTERS = Rhythm((2, 2, 2, 2))
CANTUS = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


def task(species: int, cantus: str = CANTUS) -> Task:
    read = cantus_from_text(cantus)
    return Task(read.tones, read.mode(None), species, "above")


def placed(names: str, rhythm: Rhythm, since: int, measures: int) -> list[tuple[Slot, str]]:
    """Return notes in their places, measure by measure in one rhythm."""
    found: list[tuple[Slot, str]] = []
    waiting = names.split()
    measure = since
    while waiting:
        here = slots(rhythm, measure, measures)
        found.extend(zip(here, waiting, strict=False))
        waiting = waiting[len(here) :]
        measure += 1
    return found


def line(wanted: Task, names: str, rhythm: Rhythm, since: int = 0) -> tuple[State, list[Any]]:
    """Return the state after some notes, and what is to be judged of the last one."""
    state = State()
    seen: list[Any] = []
    for slot, name in placed(names, rhythm, since, wanted.measures):
        if slot.onset == 0:
            state = with_rhythm(state, rhythm)
        seen = list(views(wanted, state, slot, read_tone(name)))
        state = after(wanted, state, slot, read_tone(name))
    return state, seen


def broken(seen: list[Any], species: int, kind: type[Any]) -> set[str]:
    verdicts: list[Verdict] = [judges(species)[kind](view) for view in seen if isinstance(view, kind)]
    assert verdicts
    return {rule.name for verdict in verdicts for rule in verdict.broken}


WHOLE = Rhythm((8,))


def test_the_course_of_a_line_is_remembered() -> None:
    state, _ = line(task(1), "A4 C5 B4 D5 F4 A4", WHOLE)
    assert (str(state.lowest), str(state.highest), str(state.start)) == ("F4", "D5", "F4")
    assert state.way == 1
    assert not state.is_repeated
    assert [tuple(move) for move in state.moves] == [(-5, -9), (2, 4)]


def test_the_highest_note_is_counted() -> None:
    assert line(task(1), "A4 D5 B4 D5", WHOLE)[0].is_repeated
    assert line(task(1), "A4 D5 B4 D5 C5 B4", WHOLE)[0].is_repeated
    # A higher one makes it good again.
    assert not line(task(1), "A4 D5 B4 D5 E5", WHOLE)[0].is_repeated
    assert not line(task(1), "A4 D5 B4 C5 A4", WHOLE)[0].is_repeated


@pytest.mark.parametrize(
    ("names", "rule", "kind"),
    [
        ("A4 B4 A4 B4", "to and fro", Melody),
        ("E5 F5 E5 F5 D5 F5 D5", "to and fro", Melody),
        ("D5 A4 F4 D4", "successive leaps", Melody),
        ("A4 A4 A4", "repeated note", Melody),
        ("A4 D5 G5 F5 A4 G4 D4", "range", Course),
        ("A4 F4 G4 A4 B4 A4", "outlined tritone", Course),
    ],
)
def test_the_line_is_judged_as_a_whole(names: str, rule: str, kind: type[Any]) -> None:
    assert rule in broken(line(task(1), names, WHOLE)[1], 1, kind)


@pytest.mark.parametrize(
    ("names", "rule", "kind"),
    [
        ("A4 B4 A4 C5", "to and fro", Melody),
        ("F4 A4 D5", "successive leaps", Melody),
        ("B4 A4 A4", "repeated note", Melody),
        ("A4 D5 F5 E5 A4 G4 F4", "range", Course),
        ("A4 F4 G4 A4 C5 B4", "outlined tritone", Course),
    ],
)
def test_a_lawful_line_is_left_alone(names: str, rule: str, kind: type[Any]) -> None:
    assert rule not in broken(line(task(1), names, WHOLE)[1], 1, kind)


@pytest.mark.parametrize(
    ("names", "is_lawful"),
    [
        ("D5 C5 B4 A4", True),  # C passes over D
        ("D5 C5 D5", True),  # from a neighbour back
        ("D5 C5 A4 B4 C5", True),  # a cambiata, and its two steps up
        ("D5 C5 A4 D5", False),  # a cambiata that does not go on
        ("D5 C5 E5", False),
        ("D5 C5 G4", False),
    ],
)
def test_figures_around_a_dissonance(names: str, is_lawful: bool) -> None:
    seen = line(task(3, "D4 D4 E4 D4"), names, QUARTERS)[1]
    rules = broken(seen, 3, Figure) & {"dissonance left", "cambiata"}
    assert bool(rules) is not is_lawful


def test_two_forms_of_a_step_may_not_come_close() -> None:
    """In the measure itself all notes count, from the one before only the last two."""
    wanted = task(3, "D4 A4 F4 E4 D4")
    assert "cross relation" in broken(line(wanted, "C5 B4 A4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" in broken(line(wanted, "B4 A4 G4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" not in broken(line(wanted, "C5 B4 A4 G4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" in broken(line(wanted, "B4 C5 A4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" not in broken(line(wanted, "G4 A4 C5 B4 C5 A4 B-4", QUARTERS)[1], 3, Inflection)


@pytest.mark.parametrize(("species", "counts"), [(4, "D5"), (5, "C5")])
def test_in_florid_counterpoint_the_resolution_counts_as_the_downbeat(species: int, counts: str) -> None:
    """The seventh above E resolves into the sixth; parallels are heard from there to the next downbeat."""
    wanted = task(species, "D4 E4 D4 E4 D4")
    state, _ = line(wanted, "A4 D5", Rhythm((4, 4)))
    state = with_rhythm(state, Rhythm((4, 4), begins_tied=True))
    for slot, name in ((Slot(1, 0, 4, is_tied=True), "D5"), (Slot(1, 4, 4), "C5")):
        state = after(wanted, state, slot, read_tone(name))
    assert str(state.downbeat) == counts
