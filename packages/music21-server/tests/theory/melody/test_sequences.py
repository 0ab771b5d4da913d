"""Melodic sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.score.table import STEPS, Score
from music21_server.theory.melody.lines import melodic_lines, phrases
from music21_server.theory.melody.sequences import SequenceColumns, sequences
from music21_server.theory.pitch.transposition import written_pitches

ScoreMaker = Callable[..., Score]


def _sequences(score: Score) -> SequenceColumns:
    lines = melodic_lines(score, written_pitches(score))
    return sequences(lines, phrases(lines, 48), 48)


def _rows(result: SequenceColumns) -> list[tuple[int, int, int, int, bool]]:
    columns = (result.note, result.size, result.statements, result.shift, result.is_real)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("C4 D4 E4 C4 D4 E4 F4 D4 E4 F4 G4 E4", [(0, 4, 3, 1, False)]),  # a tonal one, up by steps
        ("C4 D4 E-4 C4 D4 E4 F4 D4", [(0, 4, 2, 1, True)]),  # a real one, two statements
        ("C5 A4 B4 G4 A4 F4 G4", [(0, 2, 3, -1, False)]),  # thirds, down
        ("C4 E4 C4 E4 C4 E4 C4 E4", []),  # an exact repetition
        ("C4 D4 E4 F4 G4 A4 B4 C5 D5", []),  # a scale
        ("C4 D4 F4 D4 E4 G4", []),  # three notes twice
        ("C4 D4 F4 D4 E4 G4 E4 F4 A4", [(0, 3, 3, 1, False)]),
        ("C4 D4 E4 C4:1/2 D4 E4 F4 D4", [(0, 4, 2, 1, False)]),  # the length of the last note does not matter
        ("C4 D4:1/2 E4 C4 D4 E4 F4 D4", []),  # another rhythm
        ("C4 D4 E4 C4 r:5 D4 E4 F4 D4", []),  # not immediately
        ("C4 D4 E4 C4 C5 D5 E5 C5", []),  # at the octave it is a repetition
        ("C4 C4 D4 D4 E4 E4 F4 F4", []),  # a scale of repeated notes
    ],
)
def test_sequences_are_found_by_figure_and_shift(
    make_score: ScoreMaker, line: str, expected: list[tuple[int, int, int, int, bool]]
) -> None:
    assert _rows(_sequences(make_score(line))) == expected


def test_the_shortest_figure_is_listed(make_score: ScoreMaker) -> None:
    line = "C4 E4 D4 F4 E4 G4 F4 A4 G4 B4 A4 C5"
    assert _rows(_sequences(make_score(line))) == [(0, 2, 6, 1, False)]


def test_a_figure_begins_on_a_quarter_where_it_can(make_score: ScoreMaker) -> None:
    line = "G4:1/2 C4:1/2 E4:1/2 D4:1/2 F4:1/2 E4:1/2 G4:1/2 F4:1/2"
    upbeat = f"A4:1/2 {line}"
    # C E, D F, E G would begin between two quarters; E D, F E, G F would not. One eighth later it is the
    # reverse.
    assert _rows(_sequences(make_score(line))) == [(2, 2, 3, 1, False)]
    assert _rows(_sequences(make_score(upbeat))) == [(2, 2, 3, 1, False)]


def test_sequences_with_three_statements_are_listed_first(make_score: ScoreMaker) -> None:
    twice = "C4 E4 F4 D4 G4 D4 F4 G4 E4 A4"
    thrice = "C4 D4 F4 D4 E4 G4 E4 F4 A4"
    assert [row[1:3] for row in _rows(_sequences(make_score(twice, thrice)))] == [(3, 3), (5, 2)]


def test_doubling_voices_are_one_sequence(make_score: ScoreMaker) -> None:
    line = "C4 D4 E4 C4 D4 E4 F4 D4"
    result = _sequences(make_score(line, line.replace("4", "5"), "r:8 " + line))
    assert len(result.note) == 2
    assert result.doubled.tolist() == [1, 0]


@pytest.mark.parametrize("line", ["C4", "C4 D4", "C4 D4 E4", "r"])
def test_short_lines_have_no_sequences(make_score: ScoreMaker, line: str) -> None:
    assert _rows(_sequences(make_score(line))) == []


@settings(max_examples=40, deadline=None)
@given(
    st.permutations([-4, -3, -1, 0, 1, 2, 3]),
    st.integers(4, 7),
    st.integers(2, 4),
    st.sampled_from([-2, -1, 1, 2]),
)
def test_a_planted_sequence_is_found(
    make_score: ScoreMaker, steps: list[int], length: int, statements: int, shift: int
) -> None:
    figure = np.cumsum([35, *steps[: length - 1]]).tolist()
    places = [place + shift * time for time in range(statements) for place in figure]
    line = " ".join(f"{STEPS[place % 7]}{place // 7}" for place in places)
    note, size, times, climb, _ = _rows(_sequences(make_score(line)))[0]
    assert (note, size, times, climb) == (0, length, statements, shift)


@pytest.mark.parametrize(("length", "expected"), [(32, [(0, 32, 2, 1)]), (33, [])])
def test_a_figure_has_at_most_32_notes(
    make_score: ScoreMaker, length: int, expected: list[tuple[int, int, int, int]]
) -> None:
    figure = np.random.default_rng(length).integers(21, 42, length).tolist()
    line = " ".join(
        f"{STEPS[place % 7]}{place // 7}:1/2" for at in (0, 1) for place in [x + at for x in figure]
    )
    assert [row[:4] for row in _rows(_sequences(make_score(line))) if row[1] > 7] == expected
