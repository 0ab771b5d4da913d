from __future__ import annotations

from dataclasses import replace

import pytest

from music21_server.score.table import TimeChange
from music21_server.writing.abc_meters import meter_field, meters
from music21_server.writing.marks import by_measure


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("4/4", "4/4"),
        ("2+3/8", "5/8"),
        ("3/8+2/8", "5/8"),
        ("3/8+1/4", "5/8"),
        ("1/4+3/8", "5/8"),
        ("2+2+3/8+1/4", "9/8"),
        ("1/4+1/6", "3/6"),  # 5/12, rounded up to sixths
        ("", "none"),
        ("4", "none"),
        ("3/4+2", "none"),
        ("4/0", "none"),
        ("0/4", "none"),
        ("4/x", "none"),
        ("senza misura", "none"),
    ],
)
def test_additive_signatures_are_summed(text, field) -> None:
    assert meter_field(text) == field


def times(*changes: tuple[int, int, str], part: int = 0) -> tuple[TimeChange, ...]:
    """Return time signatures from measure, tick and text; their lengths are taken from the text."""
    return tuple(TimeChange(part, measure, onset, text, 0) for measure, onset, text in changes)


@pytest.mark.parametrize(
    ("measures", "changes", "expected", "long_measures"),
    [
        ([16, 16, 12], [(0, 0, "4/4"), (2, 0, "3/4")], ["4/4", "", "3/4"], set()),
        # No change before a measure of the right length, or a shorter one.
        ([12, 4], [(0, 0, "6/8")], ["6/8", ""], set()),
        ([16, 20, 16], [(0, 0, "4/4")], ["4/4", "5/4", "4/4"], {1}),
        ([16, 20, 20], [(0, 0, "4/4")], ["4/4", "5/4", ""], {1, 2}),
        ([8, 18, 10], [(0, 0, "2/4")], ["2/4", "9/8", "5/8"], {1, 2}),
        ([8, 17], [(0, 0, "2/4")], ["2/4", "17/16"], {1}),
        # A change within a measure is written after it.
        ([16, 8], [(0, 0, "4/4"), (0, 8, "2/4")], ["4/4", "2/4"], set()),
        # A measure without time signature has any length, but music21 assumes the last length it read.
        ([40, 40], [(0, 0, "senza")], ["none", ""], set()),
        ([16, 16, 20, 20, 24], [(0, 0, "4/4"), (1, 0, "x")], ["4/4", "none", "5/4", "none", "6/4"], {2, 4}),
        ([16, 16], [], ["", ""], set()),
    ],
)
def test_changes_of_the_time_signature(score, measures, changes, expected, long_measures) -> None:
    written = meters(score([{}], measures=measures), by_measure(times(*changes)), 0)
    assert list(written.changes) == expected
    assert written.long_measures == long_measures
    assert written.first == (expected[0] or "none")


def test_lengths_that_are_no_whole_number_of_beats_are_rounded_up(score) -> None:
    """Five triplet eighths are 26.67 64ths."""
    written = meters(score([{}], measures=[3, 5], ticks_per_quarter=3), by_measure(times((0, 0, "1/4"))), 0)
    assert written.changes == ("1/4", "27/64")
    fine = meters(score([{}], measures=[3, 9], ticks_per_quarter=8), by_measure(times((0, 0, "1/4"))), 0)
    assert fine.changes == ("1/4", "9/32")


def test_each_part_has_its_time_signatures(score) -> None:
    both = by_measure([*times((0, 0, "6/8")), *times((0, 0, "3/4"), part=1)])
    some = score([{"part": 0}, {"part": 1}], measures=[12], names="AB")
    assert [meters(some, both, part).first for part in (0, 1)] == ["6/8", "3/4"]


def test_score_without_measures_has_no_time_signature(score) -> None:
    some = score([{}])
    none = replace(some, measure_ticks=some.measure_ticks[:0])
    assert meters(none, {}, 0).first == "none"
