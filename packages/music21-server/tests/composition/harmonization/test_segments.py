"""Segments of a melody: beats, half bars, bars and phrase ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.segments import segments_of
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Fermata, Score

ScoreMaker = Callable[..., Score]


def _segments(score: Score, rhythm: Any = "auto") -> list[tuple[float, float, int]]:
    unit = score.notes.ticks_per_quarter
    return [
        (each.start / unit, each.end / unit, each.strength) for each in segments_of(melody_of(score), rhythm)
    ]


def test_segments_are_beats_and_the_last_note(melody_score: ScoreMaker) -> None:
    assert _segments(melody_score("C4 D4 E4 F4 G4:4")) == [
        (0, 1, 0), (1, 2, 2), (2, 3, 1), (3, 4, 2), (4, 8, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rhythm", "time", "starts"),
    [
        ("bar", "4/4", [0, 4]),
        ("half bar", "4/4", [0, 2, 4, 6]),
        ("beat", "4/4", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("half bar", "3/4", [0, 2, 3, 5, 6]),
        ("beat", "6/8", [0, 1.5, 3, 4.5, 6, 7.5]),
        ("half bar", "12/8", [0, 3, 6]),
    ],
)
def test_segments_follow_the_harmonic_rhythm(
    melody_score: ScoreMaker, rhythm: str, time: str, starts: list[float]
) -> None:
    score = melody_score("C4:0.5 D4:0.5 E4:0.5 D4:0.5 " * 4, time=time)
    assert [each[0] for each in _segments(score, rhythm)] == starts


def test_a_pickup_is_off_the_beat(melody_score: ScoreMaker) -> None:
    score = melody_score("G4:0.5 C5 D5 E5 F5 G5:4", pickup=0.5)
    assert _segments(score)[:3] == [(0, 0.5, 3), (0.5, 1.5, 0), (1.5, 2.5, 2)]


def test_rests_have_no_segment(melody_score: ScoreMaker) -> None:
    segments = segments_of(melody_of(melody_score("r C4 r:2 D4:4")), "auto")
    assert [each.start for each in segments] == [48, 192]
    assert [each.is_first for each in segments] == [True, True]
    assert [each.closes for each in segments] == [0.8, 1.0]


def test_only_the_last_note_of_a_phrase_is_one_segment(melody_score: ScoreMaker) -> None:
    held = _segments(melody_score("C4:4 D4:4"))
    assert [each[0] for each in held] == [0, 1, 2, 3, 4]
    segments = segments_of(melody_of(melody_score("C4:4 D4:4")), "auto")
    assert [each.beats for each in segments] == [1, 1, 1, 1, 4]
    assert [each.beat_quarters for each in segments] == [1.0] * 5
    six = segments_of(melody_of(melody_score("C4:1.5 D4:1.5", time="6/8")), "auto")
    assert [each.beat_quarters for each in six] == [1.5, 1.5]


def test_fermatas_close_phrases(melody_score: ScoreMaker) -> None:
    score = melody_score("C4 D4 E4 F4 G4 F4 E4 D4 C4", fermatas=(Fermata(0, 0, 3 * 48),))
    segments = segments_of(melody_of(score), "auto")
    assert [index for index, each in enumerate(segments) if each.closes] == [3, 8]
    bars = segments_of(melody_of(score), "bar")
    assert [each.closes for each in bars] == [1.0, 0.0, 1.0]
    inside = replace(score, fermatas=(Fermata(0, 0, 48),))  # the fermata is not at the end of the bar
    assert [each.closes for each in segments_of(melody_of(inside), "bar")] == [0.0, 0.0, 1.0]


def test_beats_follow_the_time_signature_of_the_bar() -> None:
    score = read(Document("tinynotation", b"tinyNotation: 2/4 c4 d 6/8 e4. f4."), Limits())
    segments = segments_of(melody_of(score), "auto")
    assert [each.beat_quarters for each in segments] == [1.0, 1.0, 1.5, 1.5]
    assert [each.beats for each in segments] == [1.0] * 4


@pytest.mark.parametrize(
    ("line", "closes"),
    [
        ("C4 D4 E4 r F4 G4 C4:4", [0.0, 0.0, 0.8, 0.0, 0.0, 1.0]),
        ("C4 D4 E4 r:2 G4 C4:4", [0.0, 0.0, 0.8, 0.0, 1.0]),
        (
            "C4:0.5 D4:0.5 C4:0.5 D4:0.5 E4:2 C4:0.5 D4:0.5 C4:0.5 D4:0.5 C4:2",
            [0.0, 0.0, 0.4, 0.0, 0.0, 1.0],
        ),
        ("C4 D4 E4 F4 C4:4", [0.0, 0.0, 0.0, 0.0, 1.0]),
    ],
)
def test_rests_and_held_notes_close_phrases(melody_score: ScoreMaker, line: str, closes: list[float]) -> None:
    assert [segment.closes for segment in segments_of(melody_of(melody_score(line)), "auto")] == closes
