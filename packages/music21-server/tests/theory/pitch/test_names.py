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
def test_a_name_seen_from_a_tonic_is_spelled_back(tonic, name):
    assert absolute_name(tonic, relative_name(tonic, name)) == name


@pytest.mark.parametrize(
    ("tonic", "name", "seen"),
    [
        ("A", "C#", "E"),
        ("F#", "F", "C-"),
        ("B-", "B", "C#"),
        ("E-", "C", "A"),
        ("C", "G~", "G~"),
        ("B", "C", "D-"),
    ],
)
def test_names_seen_from_a_tonic(tonic, name, seen):
    assert text_of(relative_name(name_of(tonic), name_of(name))) == seen


@given(NAMES)
def test_text_of_a_name_is_read_back(name):
    assert name_of(text_of(name)) == name


def test_odd_alterations_are_told_in_cents():
    assert text_of((0, 33)) == "C(+33c)"
    assert name_of("C(+33c)") == (0, 33)


@given(st.integers(-28, 35))
def test_places_on_the_line_of_fifths(fifths):
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
    ("text", "meant"),
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
def test_keys_as_people_write_them(text, meant):
    assert parse_key(text).text == meant


@pytest.mark.parametrize("text", ["", "H", "C##", "C dorian", "Q minor", "C major 7", "x" * 1000])
def test_no_key(text):
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


def test_mean_of_the_notes(make_score):
    score = make_score("F4 C4:2 G4")
    assert mean_fifths(score, written_pitches(score)) == pytest.approx(0.0)
    score = make_score("D4:3 E4 r:4")
    assert mean_fifths(score, written_pitches(score)) == pytest.approx((2 * 3 + 4) / 4)


def test_scales():
    assert {text_of(name_at(fifths)) for fifths in scale_fifths(Key((5, 0), "minor"))} == {
        "A", "B", "C", "D", "E", "F", "F#", "G", "G#",
    }  # fmt: skip
    assert {text_of(name_at(fifths)) for fifths in scale_fifths(Key((6, -100), "major"))} == {
        "B-", "C", "D", "E-", "F", "G", "A",
    }  # fmt: skip
