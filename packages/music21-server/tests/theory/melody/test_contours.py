"""Contours of voices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from music21_server.score.table import Score
from music21_server.theory.melody.contours import Contour, OutlineCount, contours, outline_of
from music21_server.theory.melody.lines import melodic_lines
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.theory.time.positions import Clock

ScoreMaker = Callable[..., Score]


def _contours(score: Score) -> tuple[Contour, ...]:
    return contours(melodic_lines(score, written_pitches(score)), Clock(score))


@pytest.mark.parametrize(
    ("semitones", "outline"),
    [
        ([0, 4, 7, 4, 0], "convex"),
        ([7, 4, 0, 4, 7], "concave"),
        ([0, 2, 4, 5, 7], "ascending"),
        ([7, 5, 4, 2, 0], "descending"),
        ([0, 0, 0], "horizontal"),
        ([0, 0, 0, 5], "horizontal-ascending"),
        ([5, 5, 5, 0], "horizontal-descending"),
        ([0, 5, 5, 5], "ascending-horizontal"),
        ([5, 0, 0, 0], "descending-horizontal"),
        ([2, 0, 0, 9, 0, 2], "horizontal"),  # the mean counts, not the highest note
        ([0, 5], "ascending"),
        ([5, 0], "descending"),
        ([5], "horizontal"),
    ],
)
def test_outlines_of_phrases(semitones: list[int], outline: str) -> None:
    assert outline_of(np.array(semitones) * 100) == outline


def test_the_contour_of_a_voice(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4 C4 C4 r G4 B4 A4 r F4 D4", "C3")
    first, second = _contours(score)
    assert (first.voice, first.notes, first.outline) == ("Voice 1", 10, "convex")
    assert (first.lowest, first.lowest_at.offset, first.highest, first.highest_at.offset) == (
        "C4",
        0.0,
        "B4",
        7.0,
    )
    assert first.phrase_outlines == (OutlineCount("convex", 2),)
    assert (first.rising, first.falling, first.repeating) == (0.444, 0.444, 0.111)
    assert first.stepwise == 0.375
    assert first.opening == "*UUDRUUDDD"
    assert (second.notes, second.opening, second.outline, second.phrase_outlines) == (
        1,
        "*",
        "horizontal",
        (),
    )


def test_the_opening_has_at_most_32_notes(make_score: ScoreMaker) -> None:
    (contour,) = _contours(make_score("C4 D4 " * 20))
    assert contour.opening == "*" + "UD" * 15 + "U"


def test_only_phrases_of_three_notes_have_an_outline(make_score: ScoreMaker) -> None:
    (contour,) = _contours(make_score("C4 D4 r C4 D4 E4 r C4"))
    assert contour.phrase_outlines == (OutlineCount("ascending", 1),)
