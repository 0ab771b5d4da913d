"""Names of intervals and the line of fifths, compared with music21."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import interval, pitch

from music21_server.score.table import STEPS
from music21_server.theory.pitch.intervals import FIFTH, interval_name, line_of_fifths, staff_places
from music21_server.theory.pitch.transposition import SpelledPitches

_pitches = st.tuples(st.integers(0, 6), st.sampled_from([-100, 0, 100]), st.integers(1, 6))


def _spelled(*pitches: tuple[int, int, int]) -> SpelledPitches:
    return SpelledPitches(*(np.array(column, dtype=np.int64) for column in zip(*pitches, strict=True)))


def _music21(spelled: tuple[int, int, int]) -> pitch.Pitch:
    step, alter, octave = spelled
    return pitch.Pitch(STEPS[step] + {-100: "-", 0: "", 100: "#"}[alter] + str(octave))


@settings(max_examples=40, deadline=None)
@given(_pitches, _pitches)
def test_interval_names_equal_those_of_music21(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    # Upwards only: music21 calls a semitone down on the same line a diminished unison, here it is augmented.
    one, other = sorted((one, other), key=lambda each: (each[2], each[0], each[1]))
    both = _spelled(one, other)
    places, cents = np.diff(staff_places(both))[0], np.diff(both.cents)[0]
    expected = interval.Interval(_music21(one), _music21(other)).name
    if len(expected.rstrip("0123456789")) <= 2:
        assert interval_name(int(places), int(cents)) == expected


@pytest.mark.parametrize(
    ("steps", "cents", "name"),
    [(4, 700, "P5"), (-4, -700, "P5"), (9, 1500, "m10"), (3, 600, "A4"), (0, 50, "1(+50c)"), (1, 0, "d2")],
)
def test_names_of_known_intervals(steps: int, cents: int, name: str) -> None:
    assert interval_name(steps, cents) == name


@settings(max_examples=40, deadline=None)
@given(_pitches, _pitches)
def test_a_fifth_is_one_place_on_the_line_of_fifths(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    both = _spelled(one, other)
    result = interval.Interval(_music21(one), _music21(other))
    up = result if result.direction >= 0 else result.complement
    assert (np.diff(line_of_fifths(both))[0] == FIFTH) == (up.semiSimpleName == "P5")
