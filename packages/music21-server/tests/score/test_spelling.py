from __future__ import annotations

import pytest

from music21_server.score.spelling import pitch_name


@pytest.mark.parametrize(
    ("pitch", "name"),
    [
        ((0, 0, 4), "C4"),
        ((3, 100, 4), "F#4"),
        ((6, -100, 3), "B-3"),
        ((6, -200, 3), "B--3"),
        ((0, 300, -1), "C###-1"),
        ((0, 50, 5), "C~5"),
        ((0, 150, 5), "C#~5"),
        ((0, -50, 5), "C`5"),
        ((0, -150, 5), "C-`5"),
        ((0, 14, 4), "C4(+14c)"),
        ((0, -114, 4), "C-4(-14c)"),
    ],
)
def test_pitch_names_equal_those_of_music21(pitch: tuple[int, int, int], name: str) -> None:
    assert pitch_name(*pitch) == name
