"""Limits that hold while a part is built; test_musicxml_part has the rest."""

from __future__ import annotations

import pytest

from music21_server.errors import TooMuchScoreError
from music21_server.reading.part_builder import PartBuilder
from music21_server.score.limits import Limits
from music21_server.score.table import KeyChange


def build(measures, limits, fill=None):
    """Build empty measures, which have one rest each; the first one with other content."""
    builder = PartBuilder("P1", "", 0, limits)
    for number in range(measures):
        builder.begin_measure(str(number))
        if number == 0 and fill is not None:
            fill(builder)
        builder.end_measure()
    return builder.finish()


@pytest.mark.parametrize(
    "fill",
    [
        lambda builder: builder.add_mark(0, KeyChange(0, 0, 0, 1, "")),
        lambda builder: builder.add_transposition(0, -1, -2),
    ],
)
def test_rows_and_marks_are_bounded_before_each_measure(fill):
    assert len(build(3, Limits(max_notes=2)).rows) == 3
    with pytest.raises(TooMuchScoreError, match="max_notes"):
        build(4, Limits(max_notes=2))
    with pytest.raises(TooMuchScoreError, match="max_notes"):
        build(3, Limits(max_notes=2), fill)


def test_measures_are_bounded():
    assert len(build(3, Limits(max_measures=3)).numbers) == 3
    with pytest.raises(TooMuchScoreError, match="max_measures"):
        build(4, Limits(max_measures=3))
