import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_server.errors import ScoreError
from music21_server.theory.pitch.names import (
    Key,
    absolute_name,
    fifths_of,
    mean_fifths,
    name_at,
    name_of,
    parse_key,
    relative_name,
    scale_fifths,
    spelled_key,
    text_of,
)
from music21_server.theory.pitch.transposition import written_pitches

NAMES = st.tuples(st.integers(0, 6), st.sampled_from(range(-300, 301, 50)))


@given(NAMES, NAMES)
def test_absolute_name_inverts_relative_name(tonic, name):
    assert absolute_name(tonic, relative_name(tonic, name)) == name


@pytest.mark.parametrize(
    ("tonic", "name", "relative"),
    [
        ("A", "C#", "E"),
        ("F#", "F", "C-"),
        ("B-", "B", "C#"),
        ("E-", "C", "A"),
        ("C", "G~", "G~"),
        ("B", "C", "D-"),
    ],
)
def test_names_relative_to_a_tonic(tonic, name, relative):
    assert text_of(relative_name(name_of(tonic), name_of(name))) == relative


@given(NAMES)
def test_name_of_inverts_text_of(name):
    assert name_of(text_of(name)) == name


def test_alterations_without_a_sign_are_written_in_cents():
    assert text_of((0, 33)) == "C(+33c)"
    assert name_of("C(+33c)") == (0, 33)


@given(st.integers(-28, 35))
def test_fifths_of_inverts_name_at(fifths):
    assert fifths_of(name_at(fifths)) == fifths


def test_the_line_of_fifths_is_ordered_by_fifths():
    assert [text_of(name_at(fifths)) for fifths in (-2, -1, 0, 1, 5, 6, 7)] == [
        "B-",
        "F",
        "C",
        "G",
        "B",
        "F#",
        "C#",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F# minor", "F# minor"),
        ("f#", "F# minor"),
        ("B- major", "B- major"),
        ("Bb", "B- major"),
        ("bb", "B- minor"),
        ("b", "B minor"),
        ("B-minor", "B minor"),
        ("B- minor", "B- minor"),
        ("b-", "B- minor"),
        ("c sharp minor", "C# minor"),
        ("E-flat major", "E- major"),
        ("Dm", "D minor"),
        ("DM", "D major"),
        ("D", "D major"),
        (" g MINOR ", "G minor"),
        ("A♭ dur", "A- major"),
    ],
)
def test_keys_are_read_in_many_notations(text, expected):
    assert parse_key(text).text == expected


@pytest.mark.parametrize("text", ["", "H", "C##", "C dorian", "Q minor", "C major 7", "x" * 1000])
def test_a_text_that_is_not_a_key_is_an_error(text):
    with pytest.raises(ScoreError, match=r"Expected a key such as `F# minor`.*got"):
        parse_key(text)


@pytest.mark.parametrize(
    ("pitch_class", "mode", "mean", "text"),
    [
        (1, "major", -3.0, "D- major"),
        (1, "major", 9.0, "C# major"),
        (10, "minor", -5.0, "B- minor"),
        (10, "minor", 9.0, "A# minor"),
        (0, "major", 30.0, "C major"),
        (8, "minor", 8.0, "G# minor"),
    ],
)
def test_tonics_are_spelled_as_the_notes_are(pitch_class, mode, mean, text):
    assert spelled_key(pitch_class, mode, mean).text == text


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("pitch_class", range(12))
def test_every_pitch_class_has_a_key(pitch_class, mode):
    key = spelled_key(pitch_class, mode, 0.0)
    assert key.pitch_class == pitch_class


def test_mean_fifths_are_weighted_by_duration(make_score):
    score = make_score("F4 C4:2 G4")
    assert mean_fifths(score, written_pitches(score)) == pytest.approx(0.0)
    score = make_score("D4:3 E4 r:4")
    assert mean_fifths(score, written_pitches(score)) == pytest.approx((2 * 3 + 4) / 4)


def test_minor_scales_have_both_sixths_and_sevenths():
    assert {text_of(name_at(fifths)) for fifths in scale_fifths(Key((5, 0), "minor"))} == {
        "A", "B", "C", "D", "E", "F", "F#", "G", "G#",
    }  # fmt: skip
    assert {text_of(name_at(fifths)) for fifths in scale_fifths(Key((6, -100), "major"))} == {
        "B-", "C", "D", "E-", "F", "G", "A",
    }  # fmt: skip


def test_the_error_for_a_long_key_quotes_its_beginning():
    with pytest.raises(ScoreError) as raised:
        parse_key("x" * 1000)
    assert f"got '{'x' * 40}'" in str(raised.value)
