from __future__ import annotations

from dataclasses import replace

import pytest

from music21_server.score.table import TimeChange
from music21_server.writing.abc_meters import meter_field, meters
from music21_server.writing.marks import by_bar


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("4/4", "4/4"),
        ("2+3/8", "5/8"),
        ("3/8+2/8", "5/8"),
        ("3/8+1/4", "5/8"),
        ("1/4+3/8", "5/8"),
        ("2+2+3/8+1/4", "9/8"),
        ("1/4+1/6", "3/6"),  # 5/12, of which no bar may be longer
        ("", "none"),
        ("4", "none"),
        ("3/4+2", "none"),
        ("4/0", "none"),
        ("0/4", "none"),
        ("4/x", "none"),
        ("senza misura", "none"),
    ],
)
def test_sums_are_added_up(text, field) -> None:
    assert meter_field(text) == field


def times(*changes: tuple[int, int, str], part: int = 0) -> tuple[TimeChange, ...]:
    """Return time signatures by bar, tick and text; how long their bars are is read from the text."""
    return tuple(TimeChange(part, bar, onset, text, 0) for bar, onset, text in changes)


@pytest.mark.parametrize(
    ("bars", "changes", "expected", "long_bars"),
    [
        ([16, 16, 12], [(0, 0, "4/4"), (2, 0, "3/4")], ["4/4", "", "3/4"], set()),
        # A bar as long as it should be, or shorter, needs nothing.
        ([12, 4], [(0, 0, "6/8")], ["6/8", ""], set()),
        ([16, 20, 16], [(0, 0, "4/4")], ["4/4", "5/4", "4/4"], {1}),
        ([16, 20, 20], [(0, 0, "4/4")], ["4/4", "5/4", ""], {1, 2}),
        ([8, 18, 10], [(0, 0, "2/4")], ["2/4", "9/8", "5/8"], {1, 2}),
        ([8, 17], [(0, 0, "2/4")], ["2/4", "17/16"], {1}),
        # What changes within a bar is written behind it.
        ([16, 8], [(0, 0, "4/4"), (0, 8, "2/4")], ["4/4", "2/4"], set()),
        # Without a time signature a bar is as long as it is, but music21 keeps to the last length it read.
        ([40, 40], [(0, 0, "senza")], ["none", ""], set()),
        ([16, 16, 20, 20, 24], [(0, 0, "4/4"), (1, 0, "x")], ["4/4", "none", "5/4", "none", "6/4"], {2, 4}),
        ([16, 16], [], ["", ""], set()),
    ],
)
def test_a_bar_longer_than_its_time_signature_has_another(score, bars, changes, expected, long_bars) -> None:
    found = meters(score([{}], bars=bars), by_bar(times(*changes)), 0)
    assert list(found.changes) == expected
    assert found.long_bars == long_bars
    assert found.first == (expected[0] or "none")


def test_lengths_that_no_beats_fill_are_rounded_up(score) -> None:
    """Five triplet eighths are 26.67 64ths."""
    found = meters(score([{}], bars=[3, 5], ticks_per_quarter=3), by_bar(times((0, 0, "1/4"))), 0)
    assert found.changes == ("1/4", "27/64")
    fine = meters(score([{}], bars=[3, 9], ticks_per_quarter=8), by_bar(times((0, 0, "1/4"))), 0)
    assert fine.changes == ("1/4", "9/32")


def test_each_part_has_its_own(score) -> None:
    both = by_bar([*times((0, 0, "6/8")), *times((0, 0, "3/4"), part=1)])
    some = score([{"part": 0}, {"part": 1}], bars=[12], names="AB")
    assert [meters(some, both, part).first for part in (0, 1)] == ["6/8", "3/4"]


def test_a_score_without_bars_has_none(score) -> None:
    some = score([{}])
    none = replace(some, measure_ticks=some.measure_ticks[:0])
    assert meters(none, {}, 0).first == "none"
