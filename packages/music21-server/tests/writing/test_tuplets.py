from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.writing.note_values import note_value
from music21_server.writing.tuplets import tuplet_runs

UNIT = 960 * 7


def runs_of(*quarters: str) -> list[tuple[int, str]]:
    """Return the number of notes and the ratio of each run."""
    lengths = [Fraction(each) for each in quarters]
    ticks = [int(each * UNIT) for each in lengths]
    assert [Fraction(each, UNIT) for each in ticks] == lengths
    runs = list(tuplet_runs([note_value(each) for each in lengths], ticks, UNIT))
    assert [run.begin for run in runs[1:]] == [run.end for run in runs[:-1]]
    return [(run.end - run.begin, f"{run.actual}:{run.normal}") for run in runs]


TRIPLET = ("1/3",) * 3


@pytest.mark.parametrize(
    ("quarters", "expected"),
    [
        ((), []),
        (("1", "1/2", "3/2"), [(3, "1:1")]),
        (TRIPLET, [(3, "3:2")]),
        (TRIPLET * 2, [(3, "3:2"), (3, "3:2")]),
        (("2/3", "1/3", "1/3", "2/3"), [(2, "3:2"), (2, "3:2")]),
        (("1/6", "1/6", "1/3", "1/3"), [(4, "3:2")]),
        (("1", *TRIPLET, "1", "1"), [(1, "1:1"), (3, "3:2"), (2, "1:1")]),
        (("1/5",) * 5, [(5, "5:4")]),
        ((*TRIPLET, *("1/5",) * 5), [(3, "3:2"), (5, "5:4")]),
        # Incomplete tuplets.
        (("1/3", "1/3", "1"), [(2, "3:2"), (1, "1:1")]),
        (("1/3", "1/3", "1/5", "1/5"), [(2, "3:2"), (2, "5:4")]),
        # A length that takes several notes is in no tuplet.
        (("1/3", "5/4", "1/3"), [(1, "3:2"), (1, "1:1"), (1, "3:2")]),
        (("5/4",), [(1, "1:1")]),
        # Three notes in the time of half a 64th do not complete a tuplet.
        (("1/96",) * 6, [(6, "3:2")]),
        (("1/24",) * 6, [(3, "3:2"), (3, "3:2")]),
        (("1/7", "9/28"), [(1, "7:4"), (1, "7:6")]),
        (("1/3", *("1/5",) * 10), [(1, "3:2"), (5, "5:4"), (5, "5:4")]),
    ],
)
def test_tuplet_ends_as_soon_as_it_is_complete(quarters, expected) -> None:
    assert runs_of(*quarters) == expected
