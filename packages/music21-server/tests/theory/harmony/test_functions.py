import pytest

from music21_server.theory.chords.name_table import NameTable, shared_names
from music21_server.theory.chords.names import class_of, closed_shape
from music21_server.theory.harmony.functions import applied_to, degree, function_of, plain
from music21_server.theory.pitch.names import name_of, parse_key


def shape(text):
    return closed_shape([(*name_of(word[:-1]), int(word[-1])) for word in text.split()])


def name(text, key):
    return shared_names().name(class_of(shape(text), parse_key(key)))


@pytest.mark.parametrize(
    ("chord", "key", "function"),
    [
        ("C4 E4 G4", "C", "tonic"),
        ("A3 C4 E4", "C", "tonic"),
        ("E4 G4 B4", "C", "tonic"),
        ("F4 A4 C5", "C", "subdominant"),
        ("F4 A4 D5", "C", "subdominant"),
        ("D-4 F4 A-4", "C", "subdominant"),
        ("A-3 C4 E-4 F#4", "C", "subdominant"),
        ("G3 B3 D4 F4", "C", "dominant"),
        ("B3 D4 F4", "C", "dominant"),
        ("G#3 B3 D4 F4", "A minor", "dominant"),
        ("F4 A4 C5", "A minor", "tonic"),
        ("C4 F#4 G4", "C", "other"),
        ("F#4 A#4 C#5", "C", "other"),
    ],
)
def test_chords_have_their_harmonic_function(chord, key, function):
    assert function_of(name(chord, key), None) == function


def test_the_cadential_six_four_is_dominant():
    six_four, dominant, tonic = (name(text, "C") for text in ("G3 C4 E4", "G3 B3 D4", "C3 E4 G4"))
    assert function_of(six_four, dominant) == "dominant"
    assert function_of(six_four, tonic) == "tonic"
    assert function_of(six_four, None) == "tonic"


def applied(chord, next_chord, key):
    following = name(next_chord, key)
    assert following.root is not None
    from music21_server.theory.pitch.names import absolute_name

    root = absolute_name(parse_key(key).tonic, following.root)
    return applied_to(shape(chord), root, following.quality, parse_key(key), shared_names())


@pytest.mark.parametrize(
    ("chord", "next_chord", "key", "numeral"),
    [
        ("F#3 A3 C4 D4", "G3 B3 D4", "C", "V65/V"),
        ("D3 F#3 A3", "G3 B3 D4", "C", "V/V"),
        ("C4 E4 G4 B-4", "F4 A4 C5", "C", "V7/IV"),
        ("C#4 E4 G4", "D4 F4 A4", "C", "viio/ii"),
        ("G#3 B3 D4 F4", "A3 C4 E4", "C", "viio7/vi"),
        ("G3 B3 D4 F4", "C4 E4 G4", "C", ""),
        ("D3 F#3 A3", "C4 E4 G4", "C", ""),
        ("B3 D4 F4 A-4", "C4 E4 G4", "C", ""),
        ("A-3 C4 E-4", "G3 B3 D4", "C", ""),
        ("A3 C#4 E4", "D4 F4 A4", "A minor", ""),
        ("A3 C#4 E4 G4", "D4 F4 A4", "A minor", "V75#3/iv"),
        ("A3 C#4 E4", "D4 F4 A4", "C", "V/ii"),
        ("D3 F#3 A3", "G3 B-3 D-4", "C", ""),
    ],
)
def test_applied_dominants_are_recognised(chord, next_chord, key, numeral):
    assert applied(chord, next_chord, key) == numeral


def test_a_chord_without_a_root_has_no_applied_dominant():
    assert applied_to(shape("D3 F#3 A3"), None, "other", parse_key("C"), NameTable({})) == ""


@pytest.mark.parametrize(
    ("numeral", "without_figures"),
    [
        ("V65", "V"),
        ("viio7", "viio"),
        ("viiø43", "viiø"),
        ("bII6", "bII"),
        ("I", "I"),
        ("III+6", "III+"),
        ("Ger65", "Ger"),
        ("", ""),
    ],
)
def test_plain_numerals_have_no_figures(numeral, without_figures):
    assert plain(numeral) == without_figures


def test_chromatically_altered_roots_have_no_degree():
    assert [degree(name(text, "C")) for text in ("C4 E4 G4", "G3 B3 D4", "A-3 C4 E-4", "F#4 A4 C#5")] == [
        0,
        4,
        5,
        -1,
    ]
