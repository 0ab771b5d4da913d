"""Marks in LilyPond; transpositions are those of its notation reference, 1.1.3, and of instrument guides."""

from __future__ import annotations

import pytest

from music21_server.score.table import (
    UNPITCHED,
    ChordSymbol,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.lilypond_marks import Marks

FOUR_FOUR = (TimeChange(0, 0, 0, "4/4", 16),)


def lines_of(score, part: int = 0) -> list[str]:
    *lines, last = Marks(score).lines(part)
    assert last == '\\bar "|."'
    return lines


@pytest.mark.parametrize(
    ("instrument", "steps", "semitones", "middle_c"),
    [
        ("clarinet in B flat", -1, -2, "bes"),
        ("clarinet in A", -2, -3, "a"),
        ("clarinet in E flat", 2, 3, "ees'"),
        ("horn in F", -4, -7, "f"),
        ("alto saxophone", -5, -9, "ees"),
        ("tenor saxophone", -8, -14, "bes,"),
        ("guitar", -7, -12, "c"),
        ("piccolo", 7, 12, "c''"),
        ("glockenspiel", 14, 24, "c'''"),
        ("trumpet in B natural", -1, -1, "b"),
    ],
)
def test_transposing_instruments(score, instrument, steps, semitones, middle_c) -> None:
    part = Part("P1", instrument, 0, (Transposition(0, steps, semitones),))
    assert lines_of(score([{}], parts=[part])) == [f"\\clef treble \\transposition {middle_c} s1 |"]


def test_instrument_may_change_back_to_concert_pitch(score) -> None:
    part = Part("P1", "", 0, (Transposition(0, 0, 0), Transposition(1, -1, -2), Transposition(3, 0, 0)))
    assert lines_of(score([{"measure": 4}], parts=[part])) == [
        "\\clef treble s1 |", "\\transposition bes s1 |", "s1 |", "\\transposition c' s1 |", "s1 |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "clef"),
    [
        ({"pitch": "C5"}, "\\clef treble s1 |"),
        ({"pitch": "C3"}, "\\clef bass s1 |"),
        (
            {"kind": UNPITCHED},
            "\\clef percussion \\set Staff.middleCClefPosition = #-6 \\set Staff.middleCPosition = #-6 s1 |",
        ),
    ],
)
def test_clefs(score, row, clef) -> None:
    assert lines_of(score([row])) == [clef]


@pytest.mark.parametrize(
    ("tempo", "expected"),
    [
        (60.0, "\\tempo 4 = 60"),
        (60.5, "\\tempo 4 = 60 \\set Score.tempoWholesPerMinute = #(ly:make-moment 121/8)"),
        (100 / 3, "\\tempo 4 = 33 \\set Score.tempoWholesPerMinute = #(ly:make-moment 25/3)"),
        (0.25, "\\tempo 4 = 1 \\set Score.tempoWholesPerMinute = #(ly:make-moment 1/16)"),
    ],
)
def test_tempos(score, tempo, expected) -> None:
    assert lines_of(score([{}], tempos=(TempoChange(0, 0, 0, tempo),))) == [f"\\clef treble {expected} s1 |"]


def test_each_part_has_its_keys_and_times_and_the_first_part_has_all_tempos(score) -> None:
    some = score(
        [{"part": 0, "duration": 12}, {"part": 1, "duration": 12, "pitch": "C3"}],
        measures=[12, 12], names="AB",
        keys=(KeyChange(0, 1, 0, 1, ""), KeyChange(1, 1, 0, -1, "minor")),
        times=(TimeChange(0, 0, 0, "6/8", 12), TimeChange(1, 0, 0, "3/4", 12)),
        tempos=(TempoChange(1, 1, 4, 90.0),),
        chord_symbols=(ChordSymbol(1, 0, 0, "C"),),
    )  # fmt: skip
    assert lines_of(some) == ["\\clef treble \\time 6/8 s2. |", "\\key g \\major s4 \\tempo 4 = 90 s2 |"]
    assert lines_of(some, 1) == [
        '\\clef bass \\time 3/4 s2.^\\markup \\bold "C" |', "\\key d \\minor s2. |",
    ]  # fmt: skip


def test_measures_without_marks_are_combined_if_equally_long(score) -> None:
    some = score([{}], measures=[16, 16, 16, 12, 12, 12], times=(*FOUR_FOUR, TimeChange(0, 3, 0, "3/4", 12)))
    assert lines_of(some) == ["\\clef treble \\time 4/4 s1 |", "s1*2 |", "\\time 3/4 s2. |", "s2.*2 |"]


def test_time_signature_within_a_measure_moves_to_the_next_one(score) -> None:
    some = score([{}], measures=[16, 8, 8], times=(*FOUR_FOUR, TimeChange(0, 0, 8, "2/4", 8)))
    assert lines_of(some) == ["\\clef treble \\time 4/4 s1 |", "\\time 2/4 s2 |", "s2 |"]
    soon = TimeChange(0, 1, 0, "3/4", 12)
    again = score([{}], measures=[16, 12, 12], times=(*FOUR_FOUR, TimeChange(0, 0, 8, "2/4", 8), soon))
    assert lines_of(again) == ["\\clef treble \\time 4/4 s1 |", "\\time 3/4 s2. |", "s2. |"]


def test_measure_of_no_length_has_its_marks_but_no_barline(score) -> None:
    some = score([{}], measures=[16, 0, 16], times=FOUR_FOUR, keys=(KeyChange(0, 1, 0, 2, "major"),))
    assert lines_of(some) == ["\\clef treble \\time 4/4 s1 |", "\\key d \\major", "s1 |"]
    plain = score([{}], measures=[16, 16, 0, 16], times=FOUR_FOUR)
    assert lines_of(plain) == ["\\clef treble \\time 4/4 s1 |", "s1*2 |"]


def test_marks_beyond_a_measure_move_to_its_end(score) -> None:
    symbols = tuple(ChordSymbol(0, 0, onset, text) for onset, text in ((8, "C"), (8, "D"), (20, "E")))
    some = score([{}], chord_symbols=symbols, keys=(KeyChange(0, 0, 30, -1, ""),))
    assert lines_of(some) == [
        '\\clef treble s2 s2^\\markup \\bold "C"^\\markup \\bold "D" <>^\\markup \\bold "E" \\key f \\major |'
    ]
