from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.writing.note_values import TYPES, NoteValue, note_value


@pytest.mark.parametrize(
    ("quarters", "expected"),
    [
        ("1", NoteValue("quarter", 0)),
        ("3/2", NoteValue("quarter", 1)),
        ("7/4", NoteValue("quarter", 2)),
        ("15/8", NoteValue("quarter", 3)),
        ("32", NoteValue("maxima", 0)),
        ("1/256", NoteValue("1024th", 0)),
        ("2/3", NoteValue("quarter", 0, 3, 2)),
        ("1/3", NoteValue("eighth", 0, 3, 2)),
        ("1/5", NoteValue("16th", 0, 5, 4)),
        ("1/7", NoteValue("16th", 0, 7, 4)),
        ("5/4", None),
        ("0", None),
        ("1/10007", None),
    ],
)
def test_note_values_of_durations(quarters, expected) -> None:
    assert note_value(Fraction(quarters)) == expected


def test_note_values_have_the_length_of_the_duration() -> None:
    lengths = dict(TYPES)
    count = 0
    for numerator in range(1, 200):
        for denominator in (1, 2, 3, 5, 6, 7, 8, 9, 12, 16, 24):
            quarters = Fraction(numerator, denominator)
            if value := note_value(quarters):
                plain = lengths[value.kind] * (2 - Fraction(1, 2**value.dots))
                assert plain * value.normal / value.actual == quarters
                count += 1
    assert count > 300
