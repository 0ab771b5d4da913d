"""The search: repeatable, bounded, and honest about what it has seen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from music21_server.composition.counterpoint import search as searching
from music21_server.composition.counterpoint.cantus import cantus_from_text
from music21_server.composition.counterpoint.generation import compose
from music21_server.composition.counterpoint.judgement import (
    State,
    after,
    judges,
    slots,
    views,
    with_rhythm,
)
from music21_server.composition.counterpoint.lower_bound import Outlook
from music21_server.composition.counterpoint.rhythms import Rhythm
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.search import search
from music21_server.composition.counterpoint.task import MOST_NOTES, Task
from music21_server.composition.counterpoint.tones import Tone

DORIAN = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
HOPELESS = "D4 F4 E4 D4 D4"
WHOLE = Rhythm((8,))


def task(notes: str = DORIAN, species: int = 1, position: Position = "above", key: str | None = None) -> Task:
    cantus = cantus_from_text(notes)
    return Task(cantus.tones, cantus.mode(key), species, position)


def line(wanted: Task, seed: int) -> str:
    found = search(wanted, seed).found
    assert found is not None
    return " ".join(str(note.tone) for note in found.notes)


@pytest.mark.parametrize("species", [1, 2, 4])
def test_a_seed_chooses_among_good_results(species: int) -> None:
    wanted = task(species=species)
    lines = [line(wanted, seed) for seed in range(3)]
    assert len(set(lines)) > 1
    assert lines == [line(wanted, seed) for seed in range(3)]


def test_another_process_finds_the_same() -> None:
    """Whatever the order of sets and the seed of hashes there."""
    script = (
        "from music21_server.composition.counterpoint.cantus import cantus_from_text as read\n"
        "from music21_server.composition.counterpoint.search import search\n"
        "from music21_server.composition.counterpoint.task import Task\n"
        f"cantus = read({DORIAN!r})\n"
        "found = search(Task(cantus.tones, cantus.mode(None), 5, 'below'), 7).found\n"
        "print(' '.join(str(note.tone) for note in found.notes))\n"
    )
    here = line(task(species=5, position="below"), 7)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert ran.stdout.strip() == here


def strict_lines(wanted: Task) -> Iterator[tuple[list[Tone], float]]:
    """Yield every line of whole notes that keeps all strict rules, and what it costs."""

    def grow(tones: list[Tone], state: State, cost: float) -> Iterator[tuple[list[Tone], float]]:
        measure = len(tones)
        if measure == wanted.measures:
            yield tones, cost
            return
        (slot,) = slots(WHOLE, measure, wanted.measures)
        begun = with_rhythm(state, WHOLE)
        for tone in wanted.candidates(measure):
            verdicts = [judges(1)[type(view)](view) for view in views(wanted, begun, slot, tone)]
            if not any(verdict.strict for verdict in verdicts):
                more = sum(verdict.cost for verdict in verdicts)
                yield from grow([*tones, tone], after(wanted, begun, slot, tone), cost + more)

    yield from grow([], State(), 0.0)


def test_the_best_of_all_lines_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_TASTE", 0.0)
    monkeypatch.setattr(searching, "_WIDTHS", {1: (10_000,)})
    wanted = task("D4 F4 E4 D4 E4 D4")
    outcome = search(wanted, 0)
    assert outcome.found is not None
    assert outcome.is_exhaustive
    lines = list(strict_lines(wanted))
    assert len(lines) > 10
    assert outcome.found.cost == pytest.approx(min(cost for _, cost in lines))


class Blind(Outlook):
    """Sees what leads nowhere, but not what the rest costs."""

    def after(self, measure: int, rhythm: Rhythm, onset: int) -> dict[Tone, float]:
        return dict.fromkeys(super().after(measure, rhythm, onset), 0.0)


def test_foresight_makes_better_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """With little room, where a blind search often finds nothing at all."""
    monkeypatch.setattr(searching, "_WIDTHS", dict.fromkeys((2, 3, 4), (4,)))

    def cost() -> float:
        found = [search(task(species=species), seed).found for species in (2, 3, 4) for seed in range(3)]
        return sum(each.cost if each is not None else 50.0 for each in found)

    with_foresight = cost()
    monkeypatch.setattr(searching, "Outlook", Blind)
    assert with_foresight < 0.8 * cost()


def test_none_is_said_to_exist_only_if_every_line_was_seen() -> None:
    """Neither the leading note nor the second degree is consonant with the final that comes twice."""
    wanted = task(HOPELESS)
    outcome = search(wanted, 0)
    assert outcome.found is None
    assert outcome.is_exhaustive
    assert outcome.reached == wanted.measures - 2
    assert list(strict_lines(wanted)) == []


def test_where_rules_must_be_broken_they_are_named() -> None:
    wanted = task(HOPELESS)
    assert compose(wanted, 0).found is None
    found = compose(wanted, 0, allow_violations=True).found
    assert found is not None
    strict = [breach for breach in found.breaches if breach.is_strict]
    assert 1 <= len(strict) <= 2
    assert all(0 <= breach.measure < 5 for breach in strict)


@pytest.mark.parametrize(
    ("notes", "species"),
    [("D4 " * 6, 1), ("D4 A4 D4 A4 D4", 2), ("C4 G5 C4 G5 C4", 4), ("D4 C#4 D4", 3), ("D4 E4 D4", 5)],
)
def test_odd_cantus_end(notes: str, species: int) -> None:
    outcome = compose(task(notes, species), 0, allow_violations=True)
    assert outcome.found is not None
    assert outcome.found.notes[-1].measure == len(notes.split()) - 1


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch, random_cantus: Callable[..., Any]) -> None:
    """Beyond its bound a search goes on with one line, which ends soon."""
    monkeypatch.setattr(searching, "_MOST_STEPS_PER_MEASURE", 20)
    wanted = task(" ".join(random_cantus(5, 12).names), 2)
    outcome = search(wanted, 0)
    most_per_slot = max(searching._WIDTHS[2]) * 25
    assert outcome.steps < 20 * 12 + 24 * most_per_slot
    assert not outcome.is_exhaustive


def test_the_longest_cantus_is_served(random_cantus: Callable[..., Any]) -> None:
    names = random_cantus(1, 16).names
    notes = (names[:-1] * 5)[: MOST_NOTES - 2] + names[-2:]
    outcome = search(task(" ".join(notes), 1), 0)
    assert outcome.found is not None or outcome.steps > 0


def test_ligatures_hold_over_the_bar() -> None:
    found = search(task(species=4), 0).found
    assert found is not None
    tied = [note for note in found.notes if note.is_tied]
    assert len(tied) >= 7
    for one, other in pairwise(found.notes):
        if other.is_tied:
            assert (one.tone, one.measure + 1) == (other.tone, other.measure)
