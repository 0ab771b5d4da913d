import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import chord, pitch

from music21_server.theory.chords.names import (
    UNNAMED,
    Shape,
    SonorityClass,
    SonorityName,
    ask_music21,
    class_of,
    closed_shape,
    common_name,
    name_class,
)
from music21_server.theory.pitch.names import Key, name_of, parse_key, text_of


def shape(text):
    """`C4 E-4 G5` as a shape."""
    return closed_shape([(*name_of(word[:-1]), int(word[-1])) for word in text.split()])


def music21_name(text, key):
    return ask_music21(class_of(shape(text), parse_key(key)))


def test_octaves_and_doublings_do_not_change_a_shape():
    assert shape("E2 C4 G4 C5 E6") == shape("E4 G4 C5")
    assert [text_of(name) for name in shape("E2 C4 G4").names] == ["E", "G", "C"]


def test_a_flattened_double_of_the_bass_stays_above_it():
    assert shape("C3 C-5").above == ((7, -100),)
    assert shape("C3 C#5").above == ((0, 100),)


def test_the_lowest_written_pitch_is_the_bass():
    assert shape("C4 B#3").bass == name_of("B#")


def test_classes_do_not_depend_on_the_tonic():
    one = class_of(shape("G#3 B3 D4 F4"), parse_key("a"))
    other = class_of(shape("E3 G5 B-3 D-6"), parse_key("f"))
    assert one == other
    assert one.text == "minor B D F A-"
    assert class_of(shape("G#3 B3 D4 F4"), parse_key("A")) != one


def test_a_name_left_an_octave_higher_makes_another_class():
    near, far = shape("E#4 F-4"), shape("E#4 F-5")
    assert near != far
    key = Key((0, 0), "major")
    assert class_of(near, key).text == "major E# F-"
    assert class_of(far, key).text == "major E# F-'"


@pytest.mark.parametrize(
    ("pitches", "key", "expected"),
    [
        ("C4 E4 G4", "C", ("C", "major", 0, "I", "major triad")),
        ("B3 D4 F4 G4", "C", ("G", "major", 1, "V65", "dominant seventh chord")),
        ("G#3 B3 D4 F4", "a", ("B", "diminished", 0, "viio7", "diminished seventh chord")),
        ("D4 F4 B-4", "a", ("D-", "major", 1, "bII6", "major triad")),
        ("C4 G4", "C", ("C", "other", 0, "i5", "Perfect Fifth")),
        ("A3", "a", ("C", "other", 0, "i", "note")),
    ],
)
def test_music21_names_of_known_chords(pitches, key, expected):
    name = music21_name(pitches, key)
    assert name.root is not None
    assert (text_of(name.root), name.quality, name.inversion, name.numeral, name.common_name) == expected


AS_WRITTEN = (0b100010010001, 0b10010010001, 0b10010001001, 0b10010010101, 0b10010001101, 0b100010010101)
"""Sevenths and ninths, whose names depend on the spelling."""


@pytest.mark.parametrize(
    "spelling",
    ["C C# D D# E F F# G G# A A# B", "C D- D E- E F G- G A- A B- B", "C D- D E- E E# F# G A- A B- B"],
)
def test_names_of_pitch_class_sets_equal_those_of_music21(spelling):
    names = [name_of(word) for word in spelling.split()]
    # Sets with C, as music21 names transpositions alike: all of three names, and a sample of the others.
    for bits in range(1, 4096, 2):
        if bits.bit_count() == 3 or bits % 11 == 1 or bits in AS_WRITTEN:
            members = [name for bit, name in enumerate(names) if bits >> bit & 1]
            shape = closed_shape([(*name, 4) for name in members])
            theirs = chord.Chord([pitch.Pitch(text_of(name) + "4") for name in members])
            assert common_name(shape) == theirs.commonName, members


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([-200, -100, 0, 0, 100, 200]), st.integers(3, 5)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["C major", "C minor", "E- minor"]),
)
def test_computed_names_equal_those_of_music21(pitches, key):
    sonority = class_of(closed_shape(pitches), parse_key(key))
    assert name_class(sonority) == ask_music21(sonority)


def test_quarter_tones_are_microtonal_chords():
    name = music21_name("C4 E`4 G4", "C")
    assert name.common_name == "microtonal chord"
    assert name.quality == "other"


def test_an_alteration_without_an_accidental_is_unnamed():
    name = ask_music21(SonorityClass("major", Shape((0, 700), ((4, 0),))))
    assert name == SonorityName(None, "other", -1, "", UNNAMED)


@pytest.mark.parametrize(
    "name",
    [
        SonorityName((4, 0), "major", 1, "V65", "dominant seventh chord"),
        SonorityName(None, "other", -1, "", UNNAMED),
        SonorityName((2, -150), "other", 0, "iii", "microtonal chord"),
    ],
)
def test_names_survive_conversion_to_text(name):
    assert SonorityName.from_text(name.text) == name


def test_an_alteration_beyond_four_accidentals_has_no_common_name():
    quadruple, quintuple = (Shape((0, 0), ((1, cents), (3, 0))) for cents in (400, 500))
    assert common_name(quadruple) != UNNAMED
    assert common_name(quintuple) == UNNAMED
