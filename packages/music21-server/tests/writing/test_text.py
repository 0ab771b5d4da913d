from __future__ import annotations

import pytest

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.score.table import (
    REST,
    TIE_START,
    TIE_STOP,
    UNPITCHED,
    ChordSymbol,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.text import LEGEND, TextLimits, write_text

LIMITS = TextLimits()


def lines_of(score, *args) -> list[str]:
    return write_text(score, *args, limits=LIMITS).splitlines()


def test_complete_text(score) -> None:
    clarinet = Part("P2", "Clarinet in A", 0, (Transposition(0, -2, -3),))
    some = score(
        [
            {"pitch": "C#5", "duration": 4},
            {"pitch": "Bb4", "onset": 4, "duration": 3},
            {"pitch": "A4", "onset": 7, "duration": 1},
            {"pitch": "E4", "onset": 8, "duration": 8, "tie": TIE_START},
            {"pitch": "A4", "onset": 8, "duration": 8},
            {"measure": 1, "pitch": "E4", "duration": 16, "tie": TIE_STOP},
            {"part": 1, "kind": REST, "duration": 4},
            {"part": 1, "pitch": "C5", "onset": 4, "duration": 12},
            {"part": 1, "kind": REST, "duration": 16, "voice": 1},
            {"part": 1, "measure": 1, "kind": REST, "duration": 16},
        ],
        title="A piece", composer="Somebody", parts=[Part("P1", "Soprano"), clarinet],
        keys=(KeyChange(0, 0, 0, 3, "major"), KeyChange(1, 0, 0, 0, "")),
        times=(TimeChange(0, 0, 0, "4/4", 16), TimeChange(1, 0, 0, "4/4", 16)),
        tempos=(TempoChange(0, 0, 0, 90.0), TempoChange(0, 1, 6, 44.5)),
        chord_symbols=(ChordSymbol(0, 0, 0, "A"), ChordSymbol(0, 0, 8, "E7")),
    )  # fmt: skip
    assert lines_of(some) == [
        "Title: A piece",
        "Composer: Somebody",
        "Parts: 1 Soprano; 2 Clarinet in A (sounds 3 semitones lower)",
        "Bars: 1 to 2 of 1 to 2",
        LEGEND,
        "",
        "m1 | key: 3 sharps, major (Clarinet in A: no sharps or flats)",
        "m1 | time: 4/4",
        "m1 | tempo: quarter = 90",
        "m1 | chord symbols: A, @2 E7",
        "m1 | Soprano: C#5 q, B-4 e., A4 s, [E4~ A4] h",
        "m1 | Clarinet in A: v1: r q, C5 h. // v2: R",
        "m2 | tempo: @3/2 quarter = 44.5",
        "m2 | Soprano: E4 w",
        "m2 | rest: Clarinet in A",
    ]


def test_lengths_grace_notes_drums_and_gaps(score) -> None:
    some = score(
        [
            {"pitch": "D5", "grace": True, "duration": 0},
            {"pitch": "C5", "duration": 16},
            {"pitch": "C5", "onset": 16, "duration": 30},
            {"pitch": "E5", "onset": 60, "duration": 24, "cue": True},
            {"onset": 84, "duration": 12, "kind": UNPITCHED, "step": 6},
        ],
        ticks_per_quarter=24,
    )
    assert lines_of(some)[-1] == "m1 | Part 1: grace D5, C5 q(3:2), C5 (5/4), @5/2 cue E5 q, perc B4 e"


def test_selected_measures_and_parts_with_the_key_in_force(score) -> None:
    some = score(
        [
            {"part": part, "measure": measure, "pitch": f"C{3 + part}"}
            for part in range(2)
            for measure in range(4)
        ],
        names=["Upper", "Lower"],
        keys=(KeyChange(0, 0, 0, -1, ""), KeyChange(1, 0, 0, -1, "")),
        numbers=["0", "1", "2", "3"],
    )
    assert lines_of(some, "2", "2", ["lower"])[:2] == ["Parts: 2 Lower", "Bars: 2 to 2 of 0 to 3"]
    assert lines_of(some, "2", "2", ["lower"])[-2:] == ["m2 | key: 1 flat", "m2 | Lower: C4 q"]


def test_measure_in_which_all_parts_rest(score) -> None:
    rows = [{"part": part, "kind": REST, "duration": 16} for part in range(2)]
    assert lines_of(score(rows, names=["A", "B"]))[-1] == "m1 | rest: all"


def test_marks_of_some_parts_name_the_parts(score) -> None:
    rows = [{"part": part} for part in range(4)]
    some = score(rows, names=list("ABCD"), times=(TimeChange(1, 0, 0, "3/4", 12),))
    assert "m1 | time: 3/4 (only B)" in lines_of(some)
    most = tuple(TimeChange(part, 0, 0, "3/4", 12) for part in range(3))
    assert "m1 | time: 3/4 (not D)" in lines_of(score(rows, names=list("ABCD"), times=most))


def test_text_beyond_the_limit_is_refused_with_advice(score) -> None:
    some = score([{"measure": measure} for measure in range(10)])
    with pytest.raises(
        TooMuchScoreError, match=r"at most 9 notes .*, got 10 \(measures: 10, parts: 1\): ask for fewer"
    ):
        write_text(some, limits=TextLimits(9))
    assert write_text(some, "1", "9", limits=TextLimits(9))


def test_unknown_measures_are_refused(score) -> None:
    with pytest.raises(ScoreError, match="number of a measure"):
        write_text(score([{}]), "7", limits=LIMITS)
