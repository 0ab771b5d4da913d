from __future__ import annotations

import pytest

from music21_server.reading.abc_scan import abc_workload

HEAD = "X:1\nT:A|b|c\nM:4/4\nL:1/4\nK:C\n"


@pytest.mark.parametrize(
    ("music", "notes", "measures", "staves"),
    [
        ("cdef|gabc'|", 8, 3, 1),
        ("c2d/2 e3/4z|", 4, 2, 1),
        ('"Am|b"c !fermata!d % cdef|', 2, 1, 1),
        ("w: la |a\nc|", 1, 2, 1),
        ("[K:G]cd|", 2, 2, 1),
        ("V:1\ncd|\nV:2\nc|d|\nV:1\nef|", 6, 8, 3),
        ("[V:1]cd|[V:2]ef|", 4, 5, 3),
    ],
)
def test_notes_measures_and_voices_are_counted(music, notes, measures, staves):
    workload = abc_workload(HEAD + music)
    # The lines before the first tune, and before the first voice, count as one measure each.
    assert (workload.notes, workload.measures - 1, workload.staves) == (notes, measures, staves)


def test_long_notes_are_pieces_of_measures():
    assert abc_workload(HEAD + "c40|").pieces == 9
    assert abc_workload(HEAD.replace("L:1/4", "L:1/8") + "[M:2/4]c40|").pieces == 9


def test_tuplets_are_no_slurs():
    assert abc_workload(HEAD + "(3cde|").marks == abc_workload(HEAD + "cde|").marks
    assert abc_workload(HEAD + "(cde)|").marks == abc_workload(HEAD + "cde|").marks + 1
