from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest

from music21_server.score.table import NoteTable, Score


@pytest.fixture
def score():
    rows = np.array(
        # part, measure, onset, duration, kind, step, alter, octave, tie
        [[0, 0, 0, 3, 0, 0, 0, 4, 0], [0, 1, 0, 4, 0, 6, -150, 3, 0]]
    )
    names = ("part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie")
    flags = np.zeros(2, dtype=np.bool_)
    table = NoteTable(
        **{name: rows[:, index] for index, name in enumerate(names)},
        grace=flags, cue=flags, voice=rows[:, 0], node=np.arange(2), ticks_per_quarter=3,
    )  # fmt: skip
    return Score("", "", (), table, ("1", "2"), np.array([3, 12]), np.array([[3, 12]]))


def test_written_cents_are_midi_numbers_times_100(score):
    assert score.notes.written_cents.tolist() == [6000, 5750]


def test_the_length_is_the_number_of_rows(score):
    assert len(score.notes) == 2


def test_a_bar_begins_where_the_one_before_ends(score):
    assert score.measure_starts.tolist() == [0, 3, 15]


def test_quarters_are_exact(score):
    assert score.quarters(np.int64(4)) == Fraction(4, 3)


def test_a_score_is_immutable(score):
    with pytest.raises(FrozenInstanceError):
        score.title = "another"
