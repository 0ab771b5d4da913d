"""The state of a line advance some notes, and the rules that its last note breaks."""

from __future__ import annotations

from typing import Any

import pytest

from music21_server.composition.counterpoint.cantus import cantus_from_text, read_tone
from music21_server.composition.counterpoint.line_state import Slot, State, advance, slots, start_measure
from music21_server.composition.counterpoint.rhythms import Rhythm
from music21_server.composition.counterpoint.rule import Contour, Figure, Inflection, Melody
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.verdicts import Verdict, judges
from music21_server.composition.counterpoint.views import note_views

QUARTERS = Rhythm((2, 2, 2, 2))
CANTUS = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


def task(species: int, cantus: str = CANTUS) -> Task:
    read = cantus_from_text(cantus)
    return Task(read.tones, read.mode(None), species, "above")


def placed(names: str, rhythm: Rhythm, measures: int) -> list[tuple[Slot, str]]:
    """Return notes with their places, in measures that all have one rhythm."""
    every_slot = [slot for measure in range(measures) for slot in slots(rhythm, measure, measures)]
    return list(zip(every_slot, names.split(), strict=False))


def line(task_: Task, names: str, rhythm: Rhythm) -> tuple[State, list[Any]]:
    """Return the state advance some notes, and the views of the last one."""
    state = State()
    views: list[Any] = []
    for slot, name in placed(names, rhythm, task_.measures):
        if slot.onset == 0:
            state = start_measure(state, rhythm)
        views = list(note_views(task_, state, slot, read_tone(name)))
        state = advance(task_, state, slot, read_tone(name))
    return state, views


def broken(views: list[Any], species: int, kind: type[Any]) -> set[str]:
    verdicts: list[Verdict] = [judges(species)[kind](view) for view in views if isinstance(view, kind)]
    assert verdicts
    return {rule.name for verdict in verdicts for rule in verdict.broken}


WHOLE = Rhythm((8,))


def test_state_has_range_and_last_turning_point() -> None:
    state, _ = line(task(1), "A4 C5 B4 D5 F4 A4", WHOLE)
    assert (str(state.lowest), str(state.highest), str(state.turning_point)) == ("F4", "D5", "F4")
    assert state.direction == 1
    assert not state.is_climax_repeated
    assert [tuple(move) for move in state.moves] == [(-5, -9), (2, 4)]


def test_a_repeated_climax_is_noted_until_a_higher_note_follows() -> None:
    assert line(task(1), "A4 D5 B4 D5", WHOLE)[0].is_climax_repeated
    assert line(task(1), "A4 D5 B4 D5 C5 B4", WHOLE)[0].is_climax_repeated
    assert not line(task(1), "A4 D5 B4 D5 E5", WHOLE)[0].is_climax_repeated
    assert not line(task(1), "A4 D5 B4 C5 A4", WHOLE)[0].is_climax_repeated


@pytest.mark.parametrize(
    ("names", "rule", "kind"),
    [
        ("A4 B4 A4 B4", "to and fro", Melody),
        ("E5 F5 E5 F5 D5 F5 D5", "to and fro", Melody),
        ("D5 A4 F4 D4", "successive leaps", Melody),
        ("A4 A4 A4", "repeated note", Melody),
        ("A4 D5 G5 F5 A4 G4 D4", "range", Contour),
        ("A4 F4 G4 A4 B4 A4", "outlined tritone", Contour),
    ],
)
def test_the_last_note_breaks_a_rule_about_the_line(names: str, rule: str, kind: type[Any]) -> None:
    assert rule in broken(line(task(1), names, WHOLE)[1], 1, kind)


@pytest.mark.parametrize(
    ("names", "rule", "kind"),
    [
        ("A4 B4 A4 C5", "to and fro", Melody),
        ("F4 A4 D5", "successive leaps", Melody),
        ("B4 A4 A4", "repeated note", Melody),
        ("A4 D5 F5 E5 A4 G4 F4", "range", Contour),
        ("A4 F4 G4 A4 C5 B4", "outlined tritone", Contour),
    ],
)
def test_the_last_note_keeps_a_rule_about_the_line(names: str, rule: str, kind: type[Any]) -> None:
    assert rule not in broken(line(task(1), names, WHOLE)[1], 1, kind)


@pytest.mark.parametrize(
    ("names", "is_lawful"),
    [
        ("D5 C5 B4 A4", True),  # C is a passing note above D
        ("D5 C5 D5", True),  # a neighbour note
        ("D5 C5 A4 B4 C5", True),  # a complete cambiata
        ("D5 C5 A4 D5", False),  # an incomplete cambiata
        ("D5 C5 E5", False),
        ("D5 C5 G4", False),
    ],
)
def test_figures_around_a_dissonance(names: str, is_lawful: bool) -> None:
    views = line(task(3, "D4 D4 E4 D4"), names, QUARTERS)[1]
    rules = broken(views, 3, Figure) & {"dissonance left", "cambiata"}
    assert bool(rules) is not is_lawful


def test_cross_relations_within_a_measure_or_two_notes_before_it() -> None:
    given = task(3, "D4 A4 F4 E4 D4")
    assert "cross relation" in broken(line(given, "C5 B4 A4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" in broken(line(given, "B4 A4 G4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" not in broken(line(given, "C5 B4 A4 G4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" in broken(line(given, "B4 C5 A4 B-4", QUARTERS)[1], 3, Inflection)
    assert "cross relation" not in broken(line(given, "G4 A4 C5 B4 C5 A4 B-4", QUARTERS)[1], 3, Inflection)


@pytest.mark.parametrize(("species", "downbeat"), [(4, "D5"), (5, "C5")])
def test_a_florid_suspension_counts_as_its_resolution(species: int, downbeat: str) -> None:
    """The seventh above E resolves to the sixth; parallels are heard from there to the next downbeat."""
    given = task(species, "D4 E4 D4 E4 D4")
    state, _ = line(given, "A4 D5", Rhythm((4, 4)))
    state = start_measure(state, Rhythm((4, 4), begins_tied=True))
    for slot, name in ((Slot(1, 0, 4, is_tied=True), "D5"), (Slot(1, 4, 4), "C5")):
        state = advance(given, state, slot, read_tone(name))
    assert str(state.downbeat) == downbeat
