from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.writing.time_signatures import as_fraction, terms


@pytest.mark.parametrize(
    ("text", "split", "beats", "kind"),
    [
        ("4/4", [((4,), 4)], 4, 4),
        ("2+3/8", [((2, 3), 8)], 5, 8),
        ("1/4+1/6", [((1,), 4), ((1,), 6)], Fraction(5, 2), 6),
        ("1+2/4+3/8", [((1, 2), 4), ((3,), 8)], 9, 8),
        *((text, [], 0, 1) for text in ("", "4", "3/4+2", "4/0", "x/4", "4/", "senza misura")),
    ],
)
def test_terms_and_their_sum(text, split, beats, kind) -> None:
    assert terms(text) == split
    assert as_fraction(text) == (beats, kind)
