from __future__ import annotations

import pytest

from music21_server.score.table import ChordSymbol, Part, TempoChange, TimeChange
from music21_server.writing.marks import by_bar, instruments, is_pickup, moved_to_barlines, tempos_by_bar


def symbol(text: str, measure: int, onset: int = 0, part: int = 0) -> ChordSymbol:
    return ChordSymbol(part, measure, onset, text)


def test_marks_of_a_bar_are_in_the_order_of_time() -> None:
    late, soon, other, next_bar = symbol("G", 2, 8), symbol("C", 2, 4), symbol("D", 2, part=1), symbol("E", 3)
    assert by_bar([late, soon, other, next_bar]) == {
        (0, 2): [soon, late],
        (1, 2): [other],
        (0, 3): [next_bar],
    }


def test_marks_within_a_bar_come_before_those_of_the_next_barline() -> None:
    marks = by_bar([symbol("at", 1), symbol("within", 1, 8), symbol("next", 2), symbol("later", 2, 4)])
    moved = [[mark.text for mark in moved_to_barlines(marks, 0, bar)] for bar in range(4)]
    assert moved == [[], ["at"], ["within", "next"], ["later"]]


def test_a_moment_has_one_tempo_whichever_part_says_it() -> None:
    class Tempos:
        tempos = (
            TempoChange(0, 1, 8, 90.0), TempoChange(0, 1, 0, 60.0), TempoChange(1, 1, 0, 61.0),
            TempoChange(1, 3, 0, 72.0),
        )  # fmt: skip

    found = tempos_by_bar(Tempos())
    assert {bar: [each.quarters_per_minute for each in tempos] for bar, tempos in found.items()} == {
        1: [60.0, 90.0], 3: [72.0]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first_bar", "times", "expected"),
    [
        (4, [(0, 0, 0, 12)], True),
        (12, [(0, 0, 0, 12)], False),
        (16, [(0, 0, 0, 12)], False),
        (0, [(0, 0, 0, 12)], False),
        # 4/4 where nothing is said at the beginning of this part.
        (12, [], True),
        (16, [], False),
        (14, [(1, 0, 0, 12)], True),
        (14, [(0, 1, 0, 12)], True),
        (14, [(0, 0, 8, 12)], True),
    ],
)
def test_a_pick_up_is_shorter_than_its_time_signature(score, first_bar, times, expected) -> None:
    changes = tuple(TimeChange(part, bar, onset, "", ticks) for part, bar, onset, ticks in times)
    some = score([{}, {"part": 1}], bars=[first_bar, 16], names="AB", times=changes)
    assert is_pickup(some, 0) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("P1", 0), ("P2", 0)], [[0], [1]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P2", 0)], [[0, 1], [2]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P2-Staff1", 1), ("P2-Staff2", 2)], [[0, 1], [2, 3]]),
        ([("P1-Staff1", 1), ("P1-Staff2", 2), ("P1-Staff3", 3)], [[0, 1, 2]]),
        ([("P1-Staff1", 1), ("P2", 0), ("P1-Staff2", 2)], [[0], [1], [2]]),
        # Names that are alike make no instrument.
        ([("", 0), ("", 0)], [[0], [1]]),
        ([("P1-Staff1", 1), ("P1", 0), ("P1-Staff2", 2)], [[0], [1], [2]]),
        ([("P1-Staff1", 1), ("P10-Staff1", 1)], [[0], [1]]),
    ],
)
def test_staves_of_one_instrument_are_together(score, parts, expected) -> None:
    made = [Part(identity, "", staff) for identity, staff in parts]
    assert instruments(score([{}], parts=made)) == expected
