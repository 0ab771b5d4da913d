"""Moves and doublings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.score.table import Score
from music21_server.theory.melody.lines import melodic_lines
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.theory.voice_leading.motions import doubled_pairs, moves_of

ScoreMaker = Callable[..., Score]

TUNE = "C4 D4 E4 G4 F4 D4"


def _moves(score: Score):  # type: ignore[no-untyped-def]
    return moves_of(melodic_lines(score, written_pitches(score)))


def _octave_up(tune: str) -> str:
    return " ".join(word if word == "r" else word[:-1] + str(int(word[-1]) + 1) for word in tune.split())


def test_repeated_notes_and_notes_after_rests_are_not_moves(make_score: ScoreMaker) -> None:
    assert _moves(make_score("C4 C4 D4 r E4 F4")).time.tolist() == [2 * 48, 5 * 48]


def test_five_notes_in_octaves_are_a_doubling(make_score: ScoreMaker) -> None:
    moves = _moves(make_score(TUNE, _octave_up(TUNE)))
    pairs = doubled_pairs(moves)
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.moves.tolist()) == ([0], [1], [5])
    assert moves.leads.sum() == 5


def test_four_notes_in_octaves_are_not_a_doubling(make_score: ScoreMaker) -> None:
    moves = _moves(make_score("C4 D4 E4 G4", "C5 D5 E5 G5"))
    assert moves.leads.all()
    assert len(doubled_pairs(moves).first) == 0


def test_a_doubling_continues_over_rests_of_both_voices(make_score: ScoreMaker) -> None:
    tune = "C4 D4 r E4 F4 r G4 A4 B4"
    assert doubled_pairs(_moves(make_score(tune, _octave_up(tune)))).moves.tolist() == [4]


def test_a_doubling_taken_over_by_a_third_voice_counts_for_each_pair(make_score: ScoreMaker) -> None:
    # The second voice doubles the first until G F, the third from G F on: there all three move as one.
    first = "C4 D4 E4 G4 F4 D4 C4 D4 E4 G4"
    second = "C4 D4 E4 G4 F4"
    third = "r r r G5 F5 D5 C5 D5 E5 G5"
    moves = _moves(make_score(first, second, third))
    assert moves.leads.tolist() == [True] * 9 + [False] * 10
    pairs = doubled_pairs(moves)
    result = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.moves.tolist(), strict=True)
    assert list(result) == [(0, 2, 6), (0, 1, 4)]
    assert pairs.time.tolist() == [4 * 48, 48]


def test_the_same_tune_at_another_time_is_not_a_doubling(make_score: ScoreMaker) -> None:
    moves = _moves(make_score(TUNE, f"r {_octave_up(TUNE)}"))
    assert moves.leads.all()
    assert len(doubled_pairs(moves).first) == 0


def test_a_doubling_taken_over_by_a_third_voice_has_one_leader(make_score: ScoreMaker) -> None:
    # The second voice doubles the first until the fifth note, the third from the fourth note on.
    first = "C4 D4 E4 G4 F4"
    second = "C5 D5 E5 G5 F5 D5 C5 D5 E5"
    third = "r r r G4 F4 D4 C4 D4 E4"
    moves = _moves(make_score(first, second, third))
    at_the_seam = moves.time == 4 * 48
    assert at_the_seam.sum() == 3
    assert len(set(moves.leader[at_the_seam].tolist())) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("CDEFGAB"), min_size=1, max_size=12), st.integers(2, 6))
def test_the_first_of_voices_in_unison_leads(make_score: ScoreMaker, tune: list[str], voices: int) -> None:
    line = " ".join(f"{name}4:1/2" for name in tune)
    moves = _moves(make_score(*[line] * voices))
    each = np.count_nonzero(moves.line == 0)
    assert len(moves.line) == voices * each
    assert np.count_nonzero(moves.leads) == (each if each >= 4 else voices * each)
    pairs = doubled_pairs(moves)
    assert pairs.moves.tolist() == ([each] * (voices * (voices - 1) // 2) if each >= 4 else [])
