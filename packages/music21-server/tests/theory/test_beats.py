import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory import beats as beats_module
from music21_server.theory.beats import beats_of
from music21_server.theory.positions import Clock
from music21_server.theory.sounding import written_pitches


def beats(score):
    return beats_of(score, written_pitches(score), Clock(score))


def test_what_sounds_in_each_beat(make_score):
    found = beats(make_score("C4:1.5 E4:0.5 G4:2", "C3:4"))
    assert (found.edges / 48).tolist() == [0, 1, 2, 3, 4]
    assert found.durations[:, 0].tolist() == [2, 1.5, 1, 1]
    assert found.durations[:, 4].tolist() == [0, 0.5, 0, 0]
    assert found.durations[:, 7].tolist() == [0, 0, 1, 1]
    assert found.fifths.tolist() == [0, 2, 1, 1]
    assert found.mean_fifths(1, 2) == pytest.approx(1.0)


def test_compound_time_has_dotted_beats(make_score):
    found = beats(make_score("C4:3 D4:3", time="6/8"))
    assert (found.edges / 48).tolist() == [0, 1.5, 3, 4.5, 6]


def test_a_pickup_is_a_short_bar(make_score):
    found = beats(make_score("C4:1 D4:4", pickup=1))
    assert (found.edges / 48).tolist() == [0, 1, 2, 3, 4, 5]


def test_very_many_beats_are_taken_together(make_score, monkeypatch):
    monkeypatch.setattr(beats_module, "_MOST_BEATS", 3)
    found = beats(make_score("C4:4 D4:4"))
    assert len(found) <= 4
    assert found.durations.sum() == pytest.approx(8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["C4:0.5", "E4", "G4:1.5", "r", "B-3+D4:3"]), min_size=1, max_size=20))
def test_nothing_is_lost(make_score, words):
    score = make_score(" ".join(words))
    found = beats(score)
    sounding = score.notes.duration[score.notes.kind == 0].sum() / 48
    assert found.durations.sum() == pytest.approx(sounding)
    assert (found.durations >= -1e-9).all()
    assert np.isfinite(found.fifths).all()
