"""The search: repeatable, optimal where the beam is wide enough, and limited in its work."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from music21_server.composition.counterpoint import search as search_module
from music21_server.composition.counterpoint.cantus import cantus_from_text, read_tone
from music21_server.composition.counterpoint.costs import RuleCosts
from music21_server.composition.counterpoint.generation import compose
from music21_server.composition.counterpoint.line_state import (
    State,
    StruckNote,
    advance,
    slots,
    start_measure,
)
from music21_server.composition.counterpoint.lower_bound import LowerBound
from music21_server.composition.counterpoint.rhythms import Rhythm
from music21_server.composition.counterpoint.rule import Attack, Position
from music21_server.composition.counterpoint.search import search
from music21_server.composition.counterpoint.solution import Line, Outcome
from music21_server.composition.counterpoint.task import MOST_NOTES, Task
from music21_server.composition.counterpoint.tones import Tone
from music21_server.composition.counterpoint.verdicts import judges
from music21_server.composition.counterpoint.views import note_views

DORIAN = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
HOPELESS = "D4 F4 E4 D4 D4"
WHOLE = Rhythm((8,))


def task(notes: str = DORIAN, species: int = 1, position: Position = "above", key: str | None = None) -> Task:
    cantus = cantus_from_text(notes)
    return Task(cantus.tones, cantus.mode(key), species, position)


def line(task_: Task, seed: int) -> str:
    solution = search(task_, seed).solution
    assert solution is not None
    return " ".join(str(note.tone) for note in solution.notes)


@pytest.mark.parametrize("species", [1, 2, 4])
def test_a_seed_chooses_among_good_results(species: int) -> None:
    lines = [line(task(species=species), seed) for seed in range(3)]
    assert len(set(lines)) > 1
    assert lines[0] == line(task(species=species), 0)


@pytest.mark.process
def test_another_process_with_other_hashes_returns_the_same_line() -> None:
    script = (
        "from music21_server.composition.counterpoint.cantus import cantus_from_text as read\n"
        "from music21_server.composition.counterpoint.search import search\n"
        "from music21_server.composition.counterpoint.task import Task\n"
        f"cantus = read({DORIAN!r})\n"
        "solution = search(Task(cantus.tones, cantus.mode(None), 5, 'below'), 7).solution\n"
        "print(' '.join(str(note.tone) for note in solution.notes))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert process.stdout.strip() == line(task(species=5, position="below"), 7)


def strict_lines(task_: Task) -> Iterator[tuple[list[Tone], float]]:
    """Yield every line of whole notes that keeps all strict rules, with its cost."""

    def grow(tones: list[Tone], state: State, cost: float) -> Iterator[tuple[list[Tone], float]]:
        measure = len(tones)
        if measure == task_.measures:
            yield tones, cost
            return
        (slot,) = slots(WHOLE, measure, task_.measures)
        started = start_measure(state, WHOLE)
        for tone in task_.candidates(measure):
            verdicts = [judges(1)[type(view)](view) for view in note_views(task_, started, slot, tone)]
            if not any(verdict.strict for verdict in verdicts):
                more = sum(verdict.cost for verdict in verdicts)
                yield from grow([*tones, tone], advance(task_, started, slot, tone), cost + more)

    yield from grow([], State(), 0.0)


def test_an_exhaustive_search_returns_the_cheapest_of_all_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "_SEED_COST", 0.0)
    monkeypatch.setattr(search_module, "_WIDTHS", {1: (10_000,)})
    short = task("D4 F4 E4 D4 E4 D4")
    outcome = search(short, 0)
    assert outcome.solution is not None
    assert outcome.is_exhaustive
    lines = list(strict_lines(short))
    assert len(lines) > 10
    assert outcome.solution.cost == pytest.approx(min(cost for _, cost in lines))


class DeadEndsOnly(LowerBound):
    """A bound that excludes dead ends but is 0 otherwise."""

    def remaining(self, measure: int, rhythm: Rhythm, onset: int) -> dict[Tone, float]:
        return dict.fromkeys(super().remaining(measure, rhythm, onset), 0.0)


def test_the_lower_bound_makes_a_narrow_beam_find_better_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "_WIDTHS", dict.fromkeys((2, 3, 4), (4,)))

    def total_cost() -> float:
        outcomes = [search(task(species=species), seed) for species in (2, 3, 4) for seed in range(3)]
        return sum(outcome.solution.cost if outcome.solution else 50.0 for outcome in outcomes)

    cost = total_cost()
    monkeypatch.setattr(search_module, "LowerBound", DeadEndsOnly)
    assert cost < 0.8 * total_cost()


def test_no_solution_is_reported_as_final_only_after_an_exhaustive_search() -> None:
    """Neither the leading note nor the second degree is consonant with the final, which is repeated here."""
    outcome = search(task(HOPELESS), 0)
    assert outcome.solution is None
    assert outcome.is_exhaustive
    assert outcome.reached == 3
    assert list(strict_lines(task(HOPELESS))) == []


def test_unavoidable_violations_are_listed() -> None:
    assert compose(task(HOPELESS), 0).solution is None
    solution = compose(task(HOPELESS), 0, allow_violations=True).solution
    assert solution is not None
    strict = [(breach.rule, breach.measure) for breach in solution.breaches if breach.is_strict]
    assert strict == [("struck dissonance", 3)]


@pytest.mark.parametrize(
    ("notes", "species"),
    [("D4 " * 6, 1), ("D4 A4 D4 A4 D4", 2), ("C4 G5 C4 G5 C4", 4), ("D4 C#4 D4", 3), ("D4 E4 D4", 5)],
)
def test_an_awkward_cantus_still_gets_a_complete_line(notes: str, species: int) -> None:
    outcome = compose(task(notes, species), 0, allow_violations=True)
    assert outcome.solution is not None
    assert outcome.solution.notes[-1].measure == len(notes.split()) - 1


@pytest.mark.parametrize(("max_steps", "kept"), [(1, [0, 3]), (0, [0])])
def test_pruning_keeps_a_full_beam_below_the_step_limit_and_one_line_beyond(
    max_steps: int, kept: list[int]
) -> None:
    """With a beam of 2 no last note gets more than one place: line 3 is kept, 1 and 2 are dropped."""
    attempt = attempt_with_two_lines(max_steps)
    lines = [ending_line(name, cost) for cost, name in enumerate(["A4", "A4", "A4", "D5"])]
    assert [line.cost for line in attempt._prune(lines[::-1])] == kept
    assert not attempt._is_exhaustive


def attempt_with_two_lines(max_steps: int) -> search_module._Search:
    costs = RuleCosts(1, may_break=False)
    rng = random.Random(0)  # noqa: S311
    return search_module._Search(task(), costs, LowerBound(task(), costs), rng, width=2, max_steps=max_steps)


def ending_line(name: str, cost: float) -> Line:
    note = StruckNote(read_tone(name), Attack(0, 8, is_dissonant=False))
    return Line(State(recent=(None, None, note)), cost, cost)


def test_an_unsettled_climax_ranks_a_line_lower() -> None:
    attempt = attempt_with_two_lines(max_steps=1)
    attempt._climax_cost = 5.0
    states = [State(highest=read_tone("C5")), State(highest=read_tone("D5")), State(is_climax_repeated=True)]
    assert [attempt._rank(Line(state, 1.0, 2.0)) for state in states] == [2.0, 7.0, 7.0]


@pytest.mark.parametrize(("species", "most_steps"), [(1, 700), (2, 650), (3, 1050), (4, 850)])
def test_beyond_the_step_limit_the_search_ends_soon(
    monkeypatch: pytest.MonkeyPatch, random_cantus: Callable[..., Any], species: int, most_steps: int
) -> None:
    """Without the limit these searches take 1405 to 4088 steps, and more where no attempt succeeds."""
    monkeypatch.setattr(search_module, "_MAX_STEPS_PER_MEASURE", 20)
    outcome = search(task(" ".join(random_cantus(5, 12).names), species), 0)
    assert not outcome.is_exhaustive
    assert 240 <= outcome.steps <= most_steps


def test_attempts_share_one_step_limit(
    monkeypatch: pytest.MonkeyPatch, random_cantus: Callable[..., Any]
) -> None:
    attempts: list[int] = []

    class CountedSearch(search_module._Search):
        def run(self) -> Outcome:
            attempts.append(self.max_steps)
            return replace(super().run(), solution=None, is_exhaustive=False)

    monkeypatch.setattr(search_module, "_Search", CountedSearch)
    monkeypatch.setattr(search_module, "_MAX_STEPS_PER_MEASURE", 300)
    outcome = search(task(" ".join(random_cantus(5, 12).names), 2), 0)
    assert attempts[0] == 3600
    assert 1 < len(attempts) < len(search_module._WIDTHS[2])
    assert all(limit > 0 for limit in attempts)
    assert attempts[-1] <= outcome.steps - (3600 - attempts[-1])


@pytest.mark.parametrize(
    ("species", "widths"),
    [
        (1, [60, 60, 240, 1000, 6000]),
        (2, [16, 16, 24, 60, 240, 1000]),
        (3, [15, 15, 20, 40, 160, 600]),
        (4, [15, 15, 15, 20, 60, 240, 1000]),
        (5, [7, 7, 7, 10, 20, 80, 320]),
    ],
)
def test_failed_attempts_are_repeated_with_wider_beams(
    monkeypatch: pytest.MonkeyPatch, species: int, widths: list[int]
) -> None:
    attempts: list[tuple[int, int]] = []

    class FailingSearch(search_module._Search):
        def run(self) -> Outcome:
            attempts.append((self.width, self.max_steps))
            return Outcome(None, is_exhaustive=False, steps=7, reached=2)

    monkeypatch.setattr(search_module, "_Search", FailingSearch)
    assert search(task(species=species), 0) == Outcome(
        None, is_exhaustive=False, steps=7 * len(widths), reached=2
    )
    assert attempts == [(width, 25_000 * 11 - 7 * index) for index, width in enumerate(widths)]


@pytest.mark.parametrize(("species", "most_steps"), [(1, 15_000), (4, 12_000)])
def test_the_longest_cantus_gets_a_counterpoint(
    random_cantus: Callable[..., Any], species: int, most_steps: int
) -> None:
    names = random_cantus(1, 16).names
    notes = (names[:-1] * 5)[: MOST_NOTES - 2] + names[-2:]
    outcome = search(task(" ".join(notes), species), 0)
    assert outcome.solution is not None
    assert outcome.reached == outcome.solution.notes[-1].measure == MOST_NOTES - 1
    assert not any(breach.is_strict for breach in outcome.solution.breaches)
    assert outcome.steps < most_steps


def test_ligatures_hold_over_the_barline() -> None:
    solution = search(task(species=4), 0).solution
    assert solution is not None
    pairs = [(one, other) for one, other in pairwise(solution.notes) if other.is_tied]
    assert len(pairs) >= 7
    for one, other in pairs:
        assert (one.tone, one.measure + 1) == (other.tone, other.measure)
