from __future__ import annotations

import pytest

from music21_server.score.table import ChordSymbol, Part, TempoChange, TimeChange
from music21_server.writing.marks import (
    by_measure,
    instruments,
    is_pickup,
    moved_to_barlines,
    tempos_by_measure,
)


def symbol(text: str, measure: int, onset: int = 0, part: int = 0) -> ChordSymbol:
    return ChordSymbol(part, measure, onset, text)


def test_marks_of_a_measure_are_ordered_by_onset() -> None:
    late, soon = symbol("G", 2, 8), symbol("C", 2, 4)
    other, following = symbol("D", 2, part=1), symbol("E", 3)
    grouped = {(0, 2): [soon, late], (1, 2): [other], (0, 3): [following]}
    assert by_measure([late, soon, other, following]) == grouped


def test_marks_within_a_measure_precede_those_of_the_next_barline() -> None:
    marks = by_measure([symbol("at", 1), symbol("within", 1, 8), symbol("next", 2), symbol("later", 2, 4)])
    moved = [[mark.text for mark in moved_to_barlines(marks, 0, measure)] for measure in range(4)]
    assert moved == [[], ["at"], ["within", "next"], ["later"]]


def test_one_tempo_at_each_onset_from_any_part() -> None:
    class Tempos:
        tempos = (
            TempoChange(0, 1, 8, 90.0), TempoChange(0, 1, 0, 60.0), TempoChange(1, 1, 0, 61.0),
            TempoChange(1, 3, 0, 72.0),
        )  # fmt: skip

    tempos = tempos_by_measure(Tempos())
    assert sorted(tempos) == [1, 3]
    assert [each.quarters_per_minute for each in tempos[1] + tempos[3]] == [60.0, 90.0, 72.0]


@pytest.mark.parametrize(
    ("first_measure", "times", "expected"),
    [
        (4, [(0, 0, 0, 12)], True),
        (12, [(0, 0, 0, 12)], False),
        (16, [(0, 0, 0, 12)], False),
        (0, [(0, 0, 0, 12)], False),
        # 4/4 without a time signature at the beginning of this part.
        (12, [], True),
        (16, [], False),
        (14, [(1, 0, 0, 12)], True),
        (14, [(0, 1, 0, 12)], True),
        (14, [(0, 0, 8, 12)], True),
    ],
)
def test_pickup_is_shorter_than_its_time_signature(score, first_measure, times, expected) -> None:
    changes = tuple(TimeChange(part, measure, onset, "", ticks) for part, measure, onset, ticks in times)
    some = score([{}, {"part": 1}], measures=[first_measure, 16], names="AB", times=changes)
    assert is_pickup(some, 0) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("P1", 0), ("P2", 0)], [[0], [1]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P2", 0)], [[0, 1], [2]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P2-Staff1", 1), ("P2-Staff2", 2)], [[0, 1], [2, 3]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P1-Staff3", 3)], [[0, 1, 2]]),
        ([("P1-Staff1", 1), ("P2", 0), ("P1-Staff2", 2)], [[0], [1], [2]]),
        # Equal ids do not make an instrument.
        ([("", 0), ("", 0)], [[0], [1]]),
        ([("P1-Staff1", 1), ("P1", 0), ("P1-Staff2", 2)], [[0], [1], [2]]),
        ([("P1-Staff1", 1), ("P10-Staff1", 1)], [[0], [1]]),
    ],
)
def test_staves_are_grouped_by_instrument(score, parts, expected) -> None:
    staves = [Part(identity, "", staff) for identity, staff in parts]
    assert instruments(score([{}], parts=staves)) == expected
