from __future__ import annotations

import pytest

from music21_server.score.table import TIE_CONTINUE, TIE_OTHER, TIE_START, TIE_STOP
from music21_server.writing.ties import joined_by_ties


def test_chain_of_ties_is_one_note(score) -> None:
    struck, end = joined_by_ties(
        score(
            [
                {"measure": 0, "onset": 12, "duration": 4, "tie": TIE_START},
                {"measure": 1, "onset": 0, "duration": 16, "tie": TIE_CONTINUE},
                {"measure": 2, "onset": 0, "duration": 8, "tie": TIE_STOP},
                {"measure": 2, "onset": 8, "duration": 8},
            ]
        )
    )
    assert struck.tolist() == [True, False, False, True]
    assert end.tolist() == [40, 40, 40, 48]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"step": 1}, "another pitch"),
        ({"alter_cents": 100}, "another alteration"),
        ({"onset": 12}, "later"),
        ({"part": 1}, "another part"),
        ({"grace": True, "duration": 0}, "a grace note"),
        ({"tie": TIE_START}, "no end of the tie"),
        ({"tie": TIE_OTHER}, "let ring"),
    ],
)
def test_tie_without_its_other_end_is_ignored(score, change, why) -> None:
    rows = [
        {"onset": 0, "duration": 8, "tie": TIE_START},
        {"onset": 8, "duration": 4, "tie": TIE_STOP, **change},
    ]
    struck, end = joined_by_ties(score(rows, names=["", ""]))
    assert struck.all(), why
    assert end[0] == 8


def test_unisons_of_two_voices_are_tied_within_their_voice(score) -> None:
    rows = [
        {"onset": 0, "duration": 8, "tie": TIE_START, "voice": 0},
        {"onset": 8, "duration": 2, "tie": TIE_STOP, "voice": 0},
        {"onset": 0, "duration": 8, "tie": TIE_START, "voice": 1},
        {"onset": 8, "duration": 6, "tie": TIE_STOP, "voice": 1},
    ]
    struck, end = joined_by_ties(score(rows))
    assert struck.tolist() == [True, False, True, False]
    assert end.tolist() == [10, 10, 14, 14]


def test_score_without_notes(score) -> None:
    struck, end = joined_by_ties(score([]))
    assert len(struck) == len(end) == 0
