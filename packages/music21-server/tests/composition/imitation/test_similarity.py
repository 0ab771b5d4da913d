"""Distances between bodies of music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from music21_server.composition.imitation.imitate import passages
from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.composition.imitation.similarity import FEATURES, distance, distances, profile
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]


def test_distributions_of_a_melody(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C4:2 E4:1 G4:1 | r:1 G4:1 E4:2 | C4:4"))
    distributions = profile(passages(piece))
    assert distributions["intervals"] == {"-3": 0.25, "-4": 0.25, "3": 0.25, "4": 0.25}
    assert distributions["durations"] == pytest.approx({"1": 4 / 6, "2": 2 / 6})
    assert distributions["pitch_classes"] == pytest.approx({"0": 3 / 8, "4": 3 / 8, "7": 2 / 8})
    assert set(distributions["sonorities"]) == {"0"}


def test_pitch_classes_weigh_by_duration_and_intervals_are_at_most_octaves(make_score: ScoreMaker) -> None:
    distributions = profile(passages(piece_of("x", make_score("C4:3 E4:1 | C6:2 r:1 E4:1 | C4:4"))))
    assert distributions["pitch_classes"] == {"0": 0.75, "4": 0.25}
    assert distributions["intervals"] == {"-4": 1 / 3, "12": 1 / 3, "4": 1 / 3}
    assert distributions["durations"] == {
        "1": 0.6,
        "2": 0.2,
        "3": 0.2,
    }  # only the first beat of the last note counts


def test_passages_end_at_gaps(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C4 D4 E4 F4 | C5:7 | B4 A4 B4 C5 | C5:4"))
    assert [len(each.beats) for each in passages(piece)] == [4, 5]
    assert "6" not in profile(passages(piece))["intervals"]


def test_a_sonority_is_what_sounds_when_the_beat_begins(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("E5:0.5 F5:0.5 | E5:1", "C4:1 | C4:1", time="1/4"))
    assert profile(passages(piece))["sonorities"] == {"0 4": 1.0}


def test_sonorities_are_intervals_above_the_bass(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C5:2 B4:2 | C5:4", "E4:2 D4:2 | E4:4", "G3:2 G3:2 | C3:4"))
    assert set(profile(passages(piece))["sonorities"]) == {"0 5 9", "0 4 7", "0 4"}


shares = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 1.0), min_size=1)


@given(shares, shares)
def test_the_distance_agrees_with_scipy(one: dict[str, float], other: dict[str, float]) -> None:
    first = {name: share / sum(one.values()) for name, share in one.items()}
    second = {name: share / sum(other.values()) for name, share in other.items()}
    names = sorted({*first, *second})
    with np.errstate(
        invalid="ignore"
    ):  # rounding makes the divergence of nearly equal distributions negative in scipy
        expected = jensenshannon(
            [first.get(name, 0) for name in names], [second.get(name, 0) for name in names], base=2
        )
    assert distance(first, second) == pytest.approx(np.nan_to_num(expected), abs=1e-6)


def test_a_work_has_no_distance_to_itself(chorales: tuple[Piece, ...]) -> None:
    one, other = (profile(passages(piece)) for piece in chorales[:2])
    assert distances(one, one) == pytest.approx(dict.fromkeys((*FEATURES, "mean"), 0.0), abs=1e-6)
    between = distances(one, other)
    assert 0 < between["mean"] < 1
    assert between["mean"] == pytest.approx(sum(between[name] for name in FEATURES) / 4)


def test_the_key_does_not_matter(make_score: ScoreMaker) -> None:
    here = piece_of("x", make_score("C4 E4 G4 C5 | C5 G4 E4:2 | C4:4"))
    there = piece_of("x", make_score("D4 F#4 A4 D5 | D5 A4 F#4:2 | D4:4"))
    assert profile(passages(here)) == profile(passages(there))
