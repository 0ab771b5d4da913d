"""Results keep the rules, checked by a reader that shares no code with the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from strict_reader import Reader, Sounding

from music21_server.composition.counterpoint import verdicts
from music21_server.composition.counterpoint.cantus import cantus_from_text
from music21_server.composition.counterpoint.generation import compose, sounding_notes
from music21_server.composition.counterpoint.rule import Position, Rule
from music21_server.composition.counterpoint.task import MOST_NOTES, Task


def written(task: Task, seed: int) -> list[Sounding] | None:
    solution = compose(task, seed).solution
    if solution is None:
        return None
    notes = sounding_notes(solution.notes)
    return [(8 * note.measure + note.onset, note.duration, str(note.tone)) for note in notes if note.tone]


def task_of(chant: Any, species: int, position: Position) -> Task:
    cantus = cantus_from_text(" ".join(chant.names))
    return Task(cantus.tones, cantus.mode(chant.key), species, position)


def faults_of(chant: Any, species: int, position: Position, seed: int) -> list[str] | None:
    """Return the rules that a counterpoint breaks; None if there is no counterpoint."""
    notes = written(task_of(chant, species, position), seed)
    if notes is None:
        return None
    return Reader(species, position, chant.key, list(chant.names), notes).faults()


def test_the_reader_accepts_fux_and_notices_changes() -> None:
    """Fux's own first example above the dorian cantus (book II, exercise I)."""
    cantus = ["D4", "F4", "E4", "D4", "G4", "F4", "A4", "G4", "F4", "E4", "D4"]
    fux = ["A4", "A4", "G4", "A4", "B4", "C5", "C5", "B4", "D5", "C#5", "D5"]

    def faults(names: list[str]) -> list[str]:
        return Reader(
            1, "above", "D dorian", cantus, [(8 * i, 8, name) for i, name in enumerate(names)]
        ).faults()

    # He repeats his highest note, which later textbooks forbid.
    assert faults(fux) == ["single climax"]
    assert "cadence" in faults([*fux[:-2], "C5", "D5"])
    assert "direct perfect consonances" in faults([*fux[:3], "B4", "D5", *fux[5:]])
    assert "parallel perfect consonances" in faults([*fux[:4], "D5", *fux[5:]])
    assert "struck dissonance" in faults([*fux[:4], "C5", *fux[5:]])


@pytest.mark.parametrize("position", ["above", "below"])
@pytest.mark.parametrize("species", [1, 2, 3, 4, 5])
def test_a_random_cantus_gets_a_strict_counterpoint(
    species: int, position: Position, random_cantus: Callable[..., Any]
) -> None:
    chant = random_cantus(species, 8)
    assert faults_of(chant, species, position, 1) == [], (chant, species, position)


@pytest.mark.nightly
@pytest.mark.parametrize("since", range(0, 200, 25))
@pytest.mark.parametrize("position", ["above", "below"])
@pytest.mark.parametrize("species", [1, 2, 3, 4, 5])
def test_200_random_cantus_get_strict_counterpoints(
    species: int, position: Position, since: int, random_cantus: Callable[..., Any]
) -> None:
    for seed in range(since, since + 25):
        chant = random_cantus(seed)
        assert faults_of(chant, species, position, seed) == [], (chant, species, position)


@pytest.mark.parametrize("species", [1, 4])
def test_the_longest_cantus_gets_a_strict_counterpoint(
    species: int, random_cantus: Callable[..., Any]
) -> None:
    chant = random_cantus(1, 16)
    long = replace(chant, names=(chant.names[:-1] * 5)[: MOST_NOTES - 2] + chant.names[-2:])
    assert len(long.names) == MOST_NOTES
    assert faults_of(long, species, "above", 0) == []


IMPLIED_BY = {
    "ending": "cadence",
    "voice crossing": "overlap",
    "dissonance entered by step": "dissonance left",
}
"""Rules that another rule implies: both have to be broken."""

STRICT = [rule for rule in verdicts.RULES if rule.is_strict]


@pytest.mark.nightly
@pytest.mark.parametrize("rule", STRICT, ids=[rule.name for rule in STRICT])
def test_the_reader_notices_each_broken_rule(
    rule: Rule, random_cantus: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks results of a search that is rewarded for breaking the rule."""
    broken = {rule.name, IMPLIED_BY.get(rule.name)}
    changed = {
        view: tuple(
            replace(each, is_strict=False, cost=-8.0) if each.name in broken else each for each in rules
        )
        for view, rules in verdicts.RULES_BY_VIEW.items()
    }
    monkeypatch.setattr(verdicts, "RULES_BY_VIEW", changed)
    verdicts.judges.cache_clear()
    try:
        assert any(
            rule.name in (faults_of(random_cantus(seed, 8), species, position, seed) or ())
            for seed in range(8)
            for species in sorted(rule.species)
            for position in ("above", "below")
        )
    finally:
        verdicts.judges.cache_clear()
