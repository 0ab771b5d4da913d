"""Turns a request into a score and a report of which rules are kept and broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from music21_server.composition.counterpoint.cantus import (
    Cantus,
    cantus_from_score,
    cantus_from_text,
    read_tone,
)
from music21_server.composition.counterpoint.notation import score_of
from music21_server.composition.counterpoint.rhythms import SPECIES
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.search import search
from music21_server.composition.counterpoint.solution import Breach, Note, Outcome, Solution
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.verdicts import RULES
from music21_server.errors import ScoreError
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.writing.musicxml_writer import write_musicxml


@dataclass(frozen=True)
class Request:
    """A request for a counterpoint.

    Attributes:
        species: Species from 1 to 5.
        position: Whether the counterpoint is above or below the cantus.
        cantus: Note names of the cantus; None if the cantus is in a score.
        part: Part of the score that has the cantus.
        key: Key or mode; None to detect it from the cantus.
        lowest: Lowest note of the counterpoint, such as ``C4``; None for no limit.
        highest: Highest note of the counterpoint; None for no limit.
        seed: Choice among the good results.
        allow_violations: Whether strict rules may be broken where there is no other way.
    """

    species: int
    position: Position = "above"
    cantus: str | None = None
    part: str | None = None
    key: str | None = None
    lowest: str | None = None
    highest: str | None = None
    seed: int = 0
    allow_violations: bool = False


def generate(entries: tuple[Entry, ...], request: Request, limits: Limits) -> DerivedScore:
    """Compose a counterpoint and return it with a report.

    Args:
        entries: The score that has the cantus; empty if the request has it.
        request: Cantus, species and options.
        limits: Limits on the new score.

    Raises:
        ScoreError: The cantus is unusable, or there is no counterpoint to it.
    """
    cantus = _cantus(entries, request)
    task = _task(cantus, request)
    outcome = compose(task, request.seed, allow_violations=request.allow_violations)
    if outcome.solution is None:
        raise ScoreError(_failure_message(task, outcome))
    document = Document("musicxml", write_musicxml(score_of(task, outcome.solution.notes)))
    return derive(document, _report(task, request.seed, outcome, outcome.solution), limits)


def compose(task: Task, seed: int, *, allow_violations: bool = False) -> Outcome:
    """Return a strict counterpoint or, if there is none and that is allowed, the one that breaks least."""
    outcome = search(task, seed)
    if outcome.solution is None and allow_violations:
        return search(task, seed, may_break=True)
    return outcome


def _cantus(entries: tuple[Entry, ...], request: Request) -> Cantus:
    if bool(entries) == (request.cantus is not None):
        raise ScoreError(
            "Expected either score_id or cantus, got both or neither: send the name of a score that has the "
            "cantus, or its notes (`D4 F4 E4 D4`)."
        )
    if request.cantus is not None:
        if request.part is not None:
            raise ScoreError("Expected no part with a cantus sent as notes, got one: leave part out.")
        return cantus_from_text(request.cantus)
    return cantus_from_score(codec.decode(entries[0].columns), request.part)


def _task(cantus: Cantus, request: Request) -> Task:
    if request.species not in SPECIES:
        raise ScoreError(f"Expected species 1 to 5, got {request.species}.")
    lowest = read_tone(request.lowest) if request.lowest is not None else None
    highest = read_tone(request.highest) if request.highest is not None else None
    if lowest is not None and highest is not None and lowest.semitone >= highest.semitone:
        raise ScoreError(f"Expected lowest to be below highest, got {lowest} and {highest}.")
    task = Task(cantus.tones, cantus.mode(request.key), request.species, request.position, lowest, highest)
    empty = [measure + 1 for measure in range(task.measures) if not task.candidates(measure)]
    if empty:
        raise ScoreError(
            f"Expected room for a voice {task.position} the cantus, within a twelfth of it"
            f"{_bounds(task)}; got none in measure {empty[0]}: widen lowest and highest, or move the cantus."
        )
    return task


def _bounds(task: Task) -> str:
    named = [
        f"{word} {tone}"
        for word, tone in (("not below", task.lowest), ("not above", task.highest))
        if tone is not None
    ]
    return f" and {' and '.join(named)}" if named else ""


def _failure_message(task: Task, outcome: Outcome) -> str:
    reason = (
        "None exists that keeps all strict rules of the species"
        if outcome.is_exhaustive
        else f"The search tried {outcome.steps:,} notes without keeping all strict rules of the species"
    )
    return (
        f"Expected a cantus that allows a counterpoint of species {task.species} {task.position} it, in "
        f"{task.mode.text}{_bounds(task)}. {reason}; the last attempt reached measure "
        f"{outcome.reached + 1}. A cantus should move mostly by step and end with a step to its final. "
        "Change it, try another species, position or key, or send allow_violations: true for the result that "
        "breaks the fewest strict rules, with a list of them."
    )


# The report


def _report(task: Task, seed: int, outcome: Outcome, solution: Solution) -> dict[str, Any]:
    strict = [breach for breach in solution.breaches if breach.is_strict]
    return {
        "species": task.species,
        "position": task.position,
        "key": task.mode.text,
        "seed": seed,
        "cantus": [str(tone) for tone in task.cantus],
        "counterpoint": [_note(note) for note in sounding_notes(solution.notes)],
        "is_strict": not strict,
        "violations": [_violation(breach) for breach in strict],
        "rules": list(_rules(task, solution)),
        "search": {
            "notes_tried": outcome.steps,
            "saw_all_lines": outcome.is_exhaustive,
            "cost": round(solution.cost, 2),
        },
    }


def sounding_notes(notes: Iterable[Note]) -> list[Note]:
    """Return notes as they sound: tied notes become one, with their total duration."""
    sounding: list[Note] = []
    for note in notes:
        if note.is_tied and sounding:
            last = sounding[-1]
            sounding[-1] = replace(last, duration=last.duration + note.duration)
        else:
            sounding.append(note)
    return sounding


def _note(note: Note) -> dict[str, Any]:
    return {
        "measure": note.measure + 1,
        "beat": 1 + note.onset / 2,
        "quarters": note.duration / 2,
        "pitch": str(note.tone) if note.tone is not None else "rest",
    }


def _violation(breach: Breach) -> dict[str, Any]:
    return {
        "measure": breach.measure + 1,
        "beat": 1 + breach.onset / 2,
        "rule": breach.rule,
        "says": next(rule.statement for rule in RULES if rule.name == breach.rule),
    }


def _rules(task: Task, solution: Solution) -> Iterator[dict[str, Any]]:
    times = Counter(breach.rule for breach in solution.breaches)
    for rule in sorted(RULES, key=lambda rule: not rule.is_strict):
        if task.species in rule.species:
            yield {
                "rule": rule.name,
                "is_strict": rule.is_strict,
                "says": rule.statement,
                "source": rule.source,
                "broken": times[rule.name],
            }
