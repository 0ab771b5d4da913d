"""Melodic lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from music21_server.errors import ScoreError
from music21_server.score.table import Part, Score
from music21_server.theory.melody.lines import Lines, melodic_lines, phrases
from music21_server.theory.pitch.transposition import written_pitches

ScoreMaker = Callable[..., Score]


def _lines(score: Score, **options: object) -> Lines:
    return melodic_lines(score, written_pitches(score), **options)  # type: ignore[arg-type]


def _names(lines: Lines) -> list[str]:
    return [lines.name(note) for note in range(len(lines))]


def test_the_highest_or_the_lowest_note_of_a_chord_counts(make_score: ScoreMaker) -> None:
    score = make_score("C4+E4+G4 D4 F4+A4")
    assert _names(_lines(score)) == ["G4", "D4", "A4"]
    assert _names(_lines(score, chord_note="lowest")) == ["C4", "D4", "F4"]
    assert _lines(score).left_out == 3


def test_tied_notes_are_joined_and_repeated_ones_are_not(make_score: ScoreMaker) -> None:
    lines = _lines(make_score("C4:3 D4:6 D4"))
    assert _names(lines) == ["C4", "D4", "D4"]
    assert (lines.end - lines.start).tolist() == [3 * 48, 6 * 48, 48]


def test_a_rest_interrupts_a_line(make_score: ScoreMaker) -> None:
    lines = _lines(make_score("C4 r D4 E4", "C3 D3"))
    assert lines.follows.tolist() == [False, False, True, False, True]
    assert lines.first.tolist() == [0, 3, 5]


def test_only_long_rests_end_phrases(make_score: ScoreMaker) -> None:
    lines = _lines(make_score("C4 r:4 D4 r:5 E4", "C3"))
    assert phrases(lines, 48).tolist() == [0, 0, 1, 2]


def _with_voices(score: Score, voices: list[int]) -> Score:
    return replace(score, notes=replace(score.notes, voice=np.array(voices)))


def test_each_voice_of_a_part_is_a_line(make_score: ScoreMaker) -> None:
    score = _with_voices(make_score("C5 D5 E5 F5"), [0, 0, 1, 1])
    lines = _lines(score)
    assert lines.names == ("Voice 1, voice 1", "Voice 1, voice 2")
    assert lines.line.tolist() == [0, 0, 1, 1]


def test_a_note_ends_when_the_next_one_of_its_voice_begins(make_score: ScoreMaker) -> None:
    score = make_score("C4:2 D4:2")
    overlapping = replace(score, notes=replace(score.notes, onset=np.array([0, 48])))
    lines = _lines(overlapping)
    assert lines.end.tolist() == [48, 48 * 3]
    assert lines.follows.tolist() == [False, True]


def test_grace_notes_cues_and_unpitched_notes_do_not_count(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4 F4")
    table = replace(
        score.notes,
        grace=np.array([True, False, False, False]),
        cue=np.array([False, True, False, False]),
        kind=np.array([0, 0, 2, 0]),
    )
    assert _names(_lines(replace(score, notes=table))) == ["F4"]


def test_parts_with_one_name_and_staves_have_distinct_names(make_score: ScoreMaker) -> None:
    score = make_score("C4", "D4", "E4", "F4")
    parts = (Part("P1", "Violin"), Part("P2", "Violin"), Part("P3", "Piano", 1), Part("P3-Staff2", " ", 2))
    named = replace(score, parts=parts)
    assert _lines(named).names == (
        "Violin (part 1)",
        "Violin (part 2)",
        "Piano, staff 1",
        "P3-Staff2, staff 2",
    )
    assert _lines(named, voices=["violin"]).names == ("Violin (part 1)", "Violin (part 2)")
    assert _lines(named, voices=["4", "Violin (part 2)"]).names == ("Violin (part 2)", "P3-Staff2, staff 2")
    assert _names(_lines(named, voices=["4", "Violin (part 2)"])) == ["D4", "F4"]


def test_the_error_for_an_unknown_voice_lists_the_voices(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match=r"Voice 1, Voice 2.*got 'Oboe'"):
        _lines(make_score("C4", "D4"), voices=["Oboe"])


def test_a_score_without_notes_has_no_lines(make_score: ScoreMaker) -> None:
    lines = _lines(make_score("r:4"))
    assert lines.names == ()
    assert len(lines) == 0


def test_the_error_for_an_unknown_voice_lists_at_most_24_names(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match=r"Voice 24, …\)") as caught:
        _lines(make_score(*["C4"] * 25), voices=["Oboe"])
    assert "Voice 25" not in str(caught.value)
