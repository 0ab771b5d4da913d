"""Expected tokens are from LilyPond's notation reference, 1.1 (pitches) and 1.2 (rhythms)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.score.table import STEPS
from music21_server.writing import lilypond_tokens as tokens
from music21_server.writing.note_values import TYPES, note_value

NOTES = {"\\maxima": 32, "\\longa": 16, "\\breve": 8}


@pytest.mark.parametrize(
    ("step", "alter_cents", "octave", "expected"),
    [
        ("C", 0, 4, "c'"), ("C", 0, 3, "c"), ("C", 0, 2, "c,"), ("A", 0, 0, "a,,,"), ("B", 0, 6, "b'''"),
        ("C", 100, 5, "cis''"), ("A", -100, 4, "aes'"), ("E", -100, 4, "ees'"), ("F", 200, 4, "fisis'"),
        ("B", -200, 3, "beses"), ("C", 50, 4, "cih'"), ("C", -50, 4, "ceh'"), ("G", 150, 4, "gisih'"),
        ("D", -150, 4, "deseh'"), ("C", 14, 4, "c'"), ("C", -24, 4, "c'"), ("C", 26, 4, "cih'"),
        ("C", -60, 4, "ceh'"), ("C", 80, 4, "cis'"), ("B", 300, 4, "cisis''"),
    ],
)  # fmt: skip
def test_pitches(step, alter_cents, octave, expected) -> None:
    assert tokens.pitch(STEPS.index(step), alter_cents, octave) == expected


def quarters_of(length: str) -> Fraction:
    """Return the quarter notes of a length by the rules of LilyPond."""
    plain, *factors = length.split("*")
    name = plain.rstrip(".")
    quarters = Fraction(NOTES[name]) if name in NOTES else Fraction(4, int(name))
    quarters *= 2 - Fraction(1, 2 ** plain.count("."))
    for factor in factors:
        quarters *= Fraction(factor)
    return quarters


def test_written_lengths_have_the_right_duration() -> None:
    plain = [length * (2 - Fraction(1, 2**dots)) for _, length in TYPES for dots in range(4)]
    for quarters in [*plain, Fraction(5, 4), Fraction(9), Fraction(1, 7), Fraction(5, 1024), Fraction(100)]:
        value = note_value(quarters)
        ratio = value.normal / Fraction(value.actual) if value is not None else 1
        assert quarters_of(tokens.duration(value, quarters)) * ratio == quarters
        assert quarters_of(tokens.span(quarters)) == quarters
        assert quarters_of(tokens.span(quarters, 3)) == 3 * quarters


@pytest.mark.parametrize(
    ("quarters", "as_note", "as_rest"),
    [
        ("1", "4", "4"), ("3/2", "4.", "4."), ("7/2", "2..", "2.."), ("8", "\\breve", "\\breve"),
        ("1/3", "8", "1*1/12"), ("5/4", "4*5/4", "1*5/16"), ("5", "1*5/4", "1*5/4"),
        ("1/1024", "1024*1/4", "1*1/4096"),
    ],
)  # fmt: skip
def test_lengths(quarters, as_note, as_rest) -> None:
    length = Fraction(quarters)
    assert tokens.duration(note_value(length), length) == as_note
    assert tokens.span(length) == as_rest


@pytest.mark.parametrize(
    ("fifths", "mode", "expected"),
    [
        (0, "major", "c \\major"), (7, "major", "cis \\major"), (-7, "major", "ces \\major"),
        (6, "major", "fis \\major"), (-1, "major", "f \\major"), (-2, "major", "bes \\major"),
        (0, "minor", "a \\minor"), (7, "minor", "ais \\minor"), (-7, "minor", "aes \\minor"),
        (0, "dorian", "d \\dorian"), (0, "phrygian", "e \\phrygian"), (0, "lydian", "f \\lydian"),
        (0, "mixolydian", "g \\mixolydian"), (0, "aeolian", "a \\aeolian"), (0, "locrian", "b \\locrian"),
        (0, "ionian", "c \\ionian"), (-7, "lydian", "fes \\lydian"), (8, "major", "gis \\major"),
        (13, "major", "fisis \\major") , (-8, "", "fes \\major"), (2, " Minor ", "b \\minor"),
        (2, "hypodorian", "d \\major"),
    ],
)  # fmt: skip
def test_keys(fifths, mode, expected) -> None:
    assert tokens.key(fifths, mode) == f"\\key {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4/4", "\\time 4/4"),
        ("2+3/8", "\\compoundMeter #'((2 3 8))"),
        ("3/8+2/8", "\\compoundMeter #'((3 8) (2 8))"),
        ("1+2/4+3/8", "\\compoundMeter #'((1 2 4) (3 8))"),
        ("", ""), ("4", ""), ("3/4+2", ""), ("4/0", ""), ("x/4", ""), ("4/", ""), ("senza misura", ""),
    ],
)  # fmt: skip
def test_time_signatures(text, expected) -> None:
    assert tokens.time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain", '"Plain"'),
        ('The "best"', '"The \\"best\\""'),
        ("a\\b", '"a\\\\b"'),
        ("two\nlines\x07", '"two lines"'),
    ],
)
def test_texts_are_quoted(text, expected) -> None:
    assert tokens.string(text) == expected


def test_variable_names_have_letters_only_and_differ() -> None:
    names = {0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"}
    assert {index: tokens.variable_suffix(index) for index in names} == names
