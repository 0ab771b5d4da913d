"""Whole results: exact lines for Fux's cantus, and the limits on a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from music21_server.composition.counterpoint.generation import Request, generate, sounding_notes
from music21_server.composition.counterpoint.rule import Position
from music21_server.composition.counterpoint.solution import Note
from music21_server.composition.counterpoint.task import MOST_NOTES
from music21_server.composition.counterpoint.tones import Tone
from music21_server.errors import ScoreError
from music21_server.score.limits import Limits

FUX = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
REQUEST = Request(1, "above", cantus=FUX, seed=1)


@pytest.mark.parametrize(
    ("species", "position", "line", "cost", "notes_tried"),
    [
        (1, "above", "D5 C5 G5 F5 E5 D5 C5 B4 D5 C#5 D5", 4.8, 1346),
        (1, "below", "D4 D4 C4 B3 B3 D4 C4 E4 D4 C#4 D4", 6.8, 1315),
        (
            2, "above",
            "rest D5 A4 B4 C5 E5 F5 E5 D5 B4 A4 B4 C5 A4 B4 C5 D5 A4 B4 C#5 D5", 5.8, 1482,
        ),
        (
            2, "below",
            "rest D4 A3 B3 C4 A3 B3 D4 C4 B3 A3 B3 C4 F4 E4 C4 A3 B3 C#4 D4", 11.2, 1396,
        ),
        (
            3, "above",
            "D5 E5 F5 E5 D5 C5 B4 A4 G4 F4 G4 A4 B4 C5 D5 C5 B4 A4 B4 G4 A4 B4 C5 D5 C5 A4 B4 C5 E5 D5 C5 B4 "
            "D5 C5 B4 A4 G4 A4 B4 C#5 D5", 5.0, 4061,
        ),
        (
            3, "below",
            "rest D4 C4 B3 A3 F3 E3 D3 G3 F3 G3 A3 B3 C4 D4 C4 B3 E4 D4 C4 D4 F4 E4 D4 C4 A3 B3 C4 E4 D4 C4 "
            "B3 A3 G3 A3 F3 G3 A3 B3 C#4 D4", 7.7, 3971,
        ),
        (4, "above", "rest D5 C5 G5 F5 E5 D5 C5 D5 E5 D5 C#5 D5", 9.4, 1395),
        (4, "below", "rest D3 D4 C4 B3 E4 D4 F4 E4 D4 C#4 D4", 5.2, 1289),
        (
            5, "above",
            "rest D5 C5 B4 A4 C5 B4 D5 E5 D5 C5 D5 F5 E5 C5 B4 A4 F4 G4 A4 B4 C#5 D5", 7.1, 12644,
        ),
        (
            5, "below",
            "rest D3 E3 F3 G3 A3 B3 G3 F3 E3 D3 F3 G3 F3 E3 A3 G3 A3 C#4 D4", 9.3, 11895,
        ),
    ],
)  # fmt: skip
def test_rules_costs_and_search_give_exactly_this_line(
    species: int, position: Position, line: str, cost: float, notes_tried: int
) -> None:
    """A deliberate change of a rule, a cost or the search changes these lines; update them then."""
    report = generate((), replace(REQUEST, species=species, position=position), Limits()).report
    assert " ".join(note["pitch"] for note in report["counterpoint"]) == line
    assert report["search"] == {"notes_tried": notes_tried, "saw_all_lines": False, "cost": cost}


def test_tied_notes_sound_as_one() -> None:
    tone = Tone(29, 62)
    parts = [Note(0, 0, 4, None), Note(0, 4, 4, tone), Note(1, 0, 4, tone, is_tied=True), Note(1, 4, 4, tone)]
    assert sounding_notes(parts) == [parts[0], Note(0, 4, 8, tone), parts[3]]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"species": 0}, "species 1 to 5, got 0"),
        ({"species": 6}, "species 1 to 5, got 6"),
        ({"cantus": "D4 " * (MOST_NOTES + 1)}, "got 65: send one phrase of it"),
        ({"cantus": "D4 D4"}, "3 to 64 notes in a cantus, got 2"),
        ({"lowest": "D5", "highest": "D5"}, "lowest to be below highest"),
        ({"lowest": "B6"}, "not below B6; got none in measure 1"),
        ({"cantus": None}, "got both or neither"),
    ],
)
def test_invalid_requests_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ScoreError, match="Expected") as error:
        generate((), replace(REQUEST, **changes), Limits())  # type: ignore[arg-type]
    assert problem in str(error.value)


def test_a_failure_names_the_measure_and_what_to_do() -> None:
    with pytest.raises(ScoreError, match=r"None exists .* reached measure 4. .* allow_violations: true"):
        generate((), replace(REQUEST, cantus="D4 F4 E4 D4 D4"), Limits())
