"""Costs of chord changes and cadences, and the cheapest progression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import segment_notes
from music21_server.composition.harmonization.progression import (
    ProgressionCosts,
    best_progression,
    progression_costs,
)
from music21_server.composition.harmonization.segments import segments_of
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
STYLE = classical(parse_tonality("C"))
NUMERALS = [chord.numeral for chord in STYLE.chords]
ONE, FIVE = (NUMERALS.index(numeral) for numeral in ("I", "V"))


def test_costs_of_chord_changes_and_cadences(melody_score: ScoreMaker) -> None:
    style = STYLE

    def costs_of(line: str, rhythm: Any, time: str) -> ProgressionCosts:
        melody = melody_of(melody_score(line, time=time))
        segments = segments_of(melody, rhythm)
        return progression_costs(style, segments, segment_notes(melody, segments), rhythm=rhythm, seed=0)

    even = costs_of("C4 D4 E4 F4 r:4 E4 D4 C4:2", "auto", "4/4")
    assert [(each.strength, each.closes) for each in even.segments[:4]] == [
        (0, 0.0), (2, 0.0), (1, 0.0), (2, 0.8),
    ]  # fmt: skip
    for at in (1, 2, 3):
        factor = 0.5 if even.segments[at].closes else 1.0
        strength = even.segments[at].strength
        assert even.pace(at)[ONE, FIVE] == pytest.approx(style.changes[strength] * factor)
        assert even.pace(at)[ONE, ONE] == style.holds[strength]
    assert not even.cadence(1).any()
    assert even.cadence(3) == pytest.approx(style.inner * 0.8)
    assert even.cadence(len(even.segments) - 1) == pytest.approx(style.final)
    dotted = costs_of("C4:1.5 D4:1.5 E4:1.5 C4:1.5", "auto", "6/8")
    assert dotted.pace(1)[ONE, FIVE] == pytest.approx(style.changes[dotted.segments[1].strength] / 1.5)
    # Beats shorter than an eighth count as eighths.
    short = costs_of("C4:0.25 D4:0.25 E4:0.25 C4:0.25", "auto", "4/16")
    assert [segment.beat_quarters for segment in short.segments] == [0.25] * 4
    assert style.changes[short.segments[1].strength] > 0
    assert short.pace(1)[ONE, FIVE] == pytest.approx(style.changes[short.segments[1].strength] / 0.5)
    beats = costs_of("C4 D4 E4 C4", "beat", "4/4")
    assert (beats.pace(1)[ONE, ONE], beats.pace(1)[ONE, FIVE]) == (0.7, 0.0)


def test_the_best_path_is_the_cheapest_of_all(melody_score: ScoreMaker) -> None:
    melody = melody_of(melody_score("E4 F4 D4"))
    segments = segments_of(melody, "auto")
    notes = segment_notes(melody, segments)
    costs = progression_costs(classical(parse_tonality("C")), segments, notes, rhythm="auto", seed=4)
    local = costs.local
    every = (
        local[0][:, None, None] + costs.step(1)[:, :, None] + local[1][None, :, None]
        + costs.step(2)[None, :, :] + local[2][None, None, :]
    )  # fmt: skip
    best = best_progression(costs)
    assert every[best.path] == pytest.approx(every.min())
    for at in range(3):
        others = tuple(axis for axis in range(3) if axis != at)
        assert best.loss[at] == pytest.approx(every.min(axis=others) - every.min())
