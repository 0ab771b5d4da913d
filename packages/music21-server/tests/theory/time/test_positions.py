"""Positions as bar and beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from music21_server.score.table import Score
from music21_server.theory.time.positions import Clock, Position

ScoreMaker = Callable[..., Score]
TICKS = 48


@pytest.mark.parametrize(
    ("time", "quarters"),
    [("4/4", 1), ("3/4", 1), ("2/2", 2), ("6/8", 1.5), ("12/16", 0.75), ("3/8", 0.5), ("9/4", 1)],
)
def test_a_beat_is_the_unit_of_the_signature_or_three_in_compound_metres(
    make_score: ScoreMaker, time: str, quarters: float
) -> None:
    assert Clock(make_score("C4", time=time)).beat_ticks == (quarters * TICKS,)


def test_a_beat_is_a_quarter_note_if_the_signature_is_not_a_fraction(make_score: ScoreMaker) -> None:
    score = make_score("C4")
    (change,) = score.times
    assert Clock(replace(score, times=(replace(change, text="senza misura"),))).beat_ticks == (TICKS,)
    assert Clock(replace(score, times=())).beat_ticks == (TICKS,)


def test_positions_count_bars_beats_and_quarter_notes(make_score: ScoreMaker) -> None:
    clock = Clock(make_score("C4:6", time="6/8"))
    assert clock.at(1, 0) == clock.at_tick(3 * TICKS) == Position("2", 1.0, 3.0)
    assert clock.at_tick(4 * TICKS) == Position("2", 1.6667, 4.0)


def test_a_pickup_is_the_end_of_a_full_bar(make_score: ScoreMaker) -> None:
    clock = Clock(make_score("C4 D4:4", pickup=1))
    assert clock.at_tick(0) == Position("0", 4.0, 0.0)
    assert clock.at_tick(TICKS) == Position("1", 1.0, 1.0)


def test_ticks_outside_the_score_are_in_its_first_or_last_bar(make_score: ScoreMaker) -> None:
    clock = Clock(make_score("C4:8"))
    assert clock.at_tick(8 * TICKS) == Position("2", 5.0, 8.0)
    assert clock.at_tick(-TICKS) == Position("1", 0.0, -1.0)


def test_a_bar_beyond_the_printed_numbers_is_numbered_by_its_place(make_score: ScoreMaker) -> None:
    score = replace(make_score("C4:8"), measure_numbers=("7",))
    assert [Clock(score).at(bar, 0).measure for bar in (0, 1)] == ["7", "2"]
