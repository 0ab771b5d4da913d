"""Extracting a melody from a score, and keeping it unchanged in the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.melody import melody_of
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    Fermata,
    KeyChange,
    Part,
    Score,
    Transposition,
)
from music21_server.writing.musicxml_writer import write_musicxml

ScoreMaker = Callable[..., Score]
TUNE = "E4:0.5 E4:0.5 F4 r G4:3 A4:0.5 B4:0.5 C5 C5 r:2 G4 E4:2"


def _melody_rows(score: Score, part: int = 0) -> list[tuple[int, ...]]:
    """Return the rows of the melody: bars, times, kinds, pitches and ties."""
    table = score.notes
    rows = np.flatnonzero((table.part == part) & (table.voice == 0))
    starts = score.measure_starts[table.measure[rows]]
    unit = table.ticks_per_quarter
    return [
        tuple(int(value) for value in row)
        for row in np.column_stack([
            table.measure[rows], (starts + table.onset[rows]) * 48 // unit, table.duration[rows] * 48 // unit,
            table.kind[rows], table.tie[rows],
            *(
                np.where(table.kind[rows] == REST, 0, column[rows])
                for column in (table.step, table.alter_cents, table.octave)
            ),
        ])
    ]  # fmt: skip


@pytest.mark.parametrize("style", ["classical", "jazz", "pop", "modal"])
@pytest.mark.parametrize("voices", [2, 4, 5])
def test_the_melody_is_kept(melody_score: ScoreMaker, style: Any, voices: int) -> None:
    score = melody_score(TUNE, time="3/4", pickup=1, fifths=0)
    harmonized = harmonize(score, Request(style=style, voices=voices)).score
    again = read(Document("musicxml", write_musicxml(harmonized)), Limits())
    for each in (harmonized, again):
        assert _melody_rows(each) == _melody_rows(score)
        assert [(key.measure, key.fifths) for key in each.keys if key.part == 0] == [(0, 0)]
        assert {(time.part, time.text) for time in each.times} == {
            (part, "3/4") for part in range(len(each.parts))
        }
        assert each.measure_numbers == score.measure_numbers
        assert (each.measure_ticks * score.notes.ticks_per_quarter).tolist() == (
            score.measure_ticks * each.notes.ticks_per_quarter
        ).tolist()


def test_a_soprano_of_the_corpus_is_kept(corpus_score: Callable[[str], Score]) -> None:
    score = corpus_score("bach/bwv66.6.mxl")
    assert _melody_rows(harmonize(score, Request()).score) == _melody_rows(score)


def test_a_transposing_part_is_read_at_sounding_pitch(melody_score: ScoreMaker) -> None:
    score = melody_score("D5 E5 F#5 D5", fifths=2)
    clarinet = replace(score, parts=(Part("P1", "Clarinet", 0, (Transposition(0, -1, -2),)),))
    melody = melody_of(clarinet)
    assert [note.pitch for note in melody.notes] == [72, 74, 76, 72]
    assert melody.score.keys == (KeyChange(0, 0, 0, 0, ""),)
    assert melody.source == "Clarinet"


def test_the_part_is_chosen(melody_score: ScoreMaker) -> None:
    score = melody_score("r:4", "G4 A4 B4 G4", "C3 C3 C3 C3")
    assert [note.pitch for note in melody_of(score).notes] == [67, 69, 71, 67]
    assert [note.pitch for note in melody_of(score, "3").notes] == [48, 48, 48, 48]
    assert melody_of(score, "voice 2").source == "Voice 2"
    with pytest.raises(ScoreError, match="Voice 1"):
        melody_of(score, "Kazoo")


def test_grace_notes_stay_and_do_not_count(melody_score: ScoreMaker) -> None:
    score = melody_score("C4 D4:0.5 E4:0.5 C4 C4")
    table = score.notes
    grace = np.array([False, True, False, False, False])
    duration = np.where(grace, 0, table.duration)
    onset = np.array([0, 48, 48, 96, 144])
    score = replace(score, notes=replace(table, grace=grace, duration=duration, onset=onset))
    assert [note.pitch for note in melody_of(score).notes] == [60, 64, 60, 60]
    harmonized = harmonize(score, Request()).score
    assert harmonized.notes.grace.sum() == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("r:4", "rests and grace notes"),
        ("C4+E4 D4", "C4 and E4 at once in measure 1"),
        ("C4 D4 E4 F4 C4 D~4", "D~4 in measure 2"),
    ],
)
def test_chords_and_quarter_tones_are_refused(melody_score: ScoreMaker, line: str, problem: str) -> None:
    with pytest.raises(ScoreError, match=problem):
        harmonize(melody_score(line), Request())


def test_percussion_is_refused(melody_score: ScoreMaker) -> None:
    score = melody_score("C4 D4")
    drums = replace(score, notes=replace(score.notes, kind=np.full(len(score.notes), UNPITCHED)))
    with pytest.raises(ScoreError, match="unpitched"):
        harmonize(drums, Request())


def test_simultaneous_voices_are_refused(melody_score: ScoreMaker) -> None:
    score = melody_score("C5:2 D5:2 E4:4")
    table = replace(
        score.notes,
        measure=np.zeros(3, dtype=np.int64),
        onset=np.array([0, 96, 0]),
        voice=np.array([0, 0, 1]),
    )
    one_bar = replace(
        score, notes=table, measure_ticks=score.measure_ticks[:1], own_ticks=score.own_ticks[:, :1]
    )
    with pytest.raises(ScoreError, match="single notes"):
        harmonize(one_bar, Request())


def test_alternating_voices_are_one_melody(melody_score: ScoreMaker) -> None:
    score = melody_score("C5:2 r:2 D5:2 E5:2")
    table = replace(score.notes, voice=np.array([0, 0, 1, 1]))
    assert [note.pitch for note in melody_of(replace(score, notes=table)).notes] == [72, 74, 76]


def test_too_many_notes_are_refused(melody_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="2,000 notes"):
        harmonize(melody_score("C4:0.25 D4:0.25 " * 1001), Request())


def test_a_score_without_measures_is_refused(melody_score: ScoreMaker) -> None:
    score = melody_score("C4")
    empty = replace(score, parts=(), own_ticks=np.zeros((0, 0), dtype=np.int64))
    with pytest.raises(ScoreError, match="without measures"):
        harmonize(empty, Request())


def test_fermatas_of_other_parts_are_ignored(melody_score: ScoreMaker) -> None:
    marks = (Fermata(0, 0, 48), Fermata(1, 0, 96), Fermata(1, 1, 0))
    score = melody_score("C4:4 D4:4", "C5:4 D5:4", fermatas=marks)
    assert melody_of(score, "2").score.fermatas == (Fermata(0, 0, 96), Fermata(0, 1, 0))


def test_cue_notes_are_ignored(melody_score: ScoreMaker) -> None:
    score = melody_score("C4 D4 E4 C4")
    cued = replace(score, notes=replace(score.notes, cue=np.array([False, True, False, False])))
    assert [note.pitch for note in melody_of(cued).notes] == [60, 64, 60]


@pytest.mark.parametrize(
    ("line", "ties", "notes"),
    [
        ("C4 C4 D4", (TIE_START, TIE_STOP, NO_TIE), [(0, 2, 60), (2, 3, 62)]),
        ("C4 D4 E4", (TIE_START, TIE_STOP, NO_TIE), [(0, 1, 60), (1, 2, 62), (2, 3, 64)]),
        ("C4 r C4", (TIE_START, NO_TIE, TIE_STOP), [(0, 1, 60), (2, 3, 60)]),
    ],
)
def test_a_tie_joins_only_adjacent_notes_of_one_pitch(
    melody_score: ScoreMaker, line: str, ties: tuple[int, ...], notes: list[tuple[int, int, int]]
) -> None:
    score = melody_score(line)
    tied = replace(score, notes=replace(score.notes, tie=np.array(ties)))
    notes_of_melody = [(note.start // 48, note.end // 48, note.pitch) for note in melody_of(tied).notes]
    assert notes_of_melody == notes


def test_key_signatures_are_read_at_sounding_pitch(melody_score: ScoreMaker) -> None:
    """The clarinet in B flat becomes one in E flat, which is written a minor third below."""
    score = melody_score("C5:4 C5:4 C5:4")
    moves = (Transposition(0, -1, -2), Transposition(1, 2, 3))
    keys = tuple(KeyChange(0, bar, 0, fifths, "") for bar, fifths in enumerate((2, 3, -6)))
    clarinet = replace(score, parts=(Part("P1", "Clarinet", 0, moves),), keys=keys)
    # Nine flats are three sharps.
    assert [key.fifths for key in melody_of(clarinet).score.keys] == [0, 0, 3]


def test_rests_of_one_voice_during_notes_of_another_are_dropped(melody_score: ScoreMaker) -> None:
    score = melody_score("r:2 D5:2 C5:2 r:2")
    table = replace(
        score.notes,
        measure=np.zeros(4, dtype=np.int64), onset=np.array([0, 96, 0, 96]), voice=np.array([0, 0, 1, 1]),
    )  # fmt: skip
    line = melody_of(replace(score, notes=table)).score.notes
    assert line.kind.tolist() == [NOTE, NOTE]
    assert line.onset.tolist() == [0, 96]


def test_the_other_voices_rest_while_the_melody_rests(melody_score: ScoreMaker) -> None:
    table = harmonize(melody_score("C5:4 r:4 C5:4", fifths=0), Request()).score.notes
    for part, voice in ((0, 1), (1, 0), (1, 1)):
        rows = (table.part == part) & (table.voice == voice) & (table.measure == 1)
        assert table.kind[rows].tolist() == [REST]
        assert table.duration[rows].sum() == 4 * table.ticks_per_quarter
