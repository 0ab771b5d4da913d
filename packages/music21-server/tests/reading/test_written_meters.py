from __future__ import annotations

import pytest

from music21_server.errors import UnreadableScoreError
from music21_server.reading.written_meters import measure_quarters


@pytest.mark.parametrize(
    ("text", "quarters"),
    [
        ("4/4", 4), ("3/4", 3), ("6/8", 3), ("2+3/8", 2.5), ("(2+3)/8", 2.5), ("3/8+2/4", 3.5),
        ("255/1024", 255 / 256),
        ("C", 0), ("C|", 0), ("none", 0), ("", 0), ("c4", 0),
    ],
)  # fmt: skip
def test_measure_lengths(text, quarters):
    assert measure_quarters(text) == quarters


@pytest.mark.parametrize(
    "text",
    ["256/4", "99999/1", "4/0", "4/1025", "1/99999999", "200+56/4", "4/" + "9" * 10_000, "9" * 10_000 + "/4"],
)
def test_numbers_out_of_range_are_refused(text):
    with pytest.raises(
        UnreadableScoreError, match=r"at most 255 beats, each of at least 1/1024, got .*correct it"
    ) as e:
        measure_quarters(text)
    assert len(str(e.value)) < 200
