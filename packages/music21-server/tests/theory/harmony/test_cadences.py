import pytest

from music21_server.theory.chords.name_table import shared_names
from music21_server.theory.chords.names import class_of, closed_shape
from music21_server.theory.harmony.cadences import cadence_kind
from music21_server.theory.pitch.names import name_of, parse_key


def name(text, key):
    shape = closed_shape([(*name_of(word[:-1]), int(word[-1])) for word in text.split()])
    return shared_names().name(class_of(shape, parse_key(key)))


def kind(before, last, key="C", *, on_tonic=True):
    return cadence_kind(
        name(before, key), name(last, key), ends_on_tonic=on_tonic, is_minor=parse_key(key).mode == "minor"
    )


@pytest.mark.parametrize(
    ("before", "last", "key", "expected"),
    [
        ("G3 B3 D4", "C3 E4 G4", "C", "perfect authentic"),
        ("G3 B3 D4 F4", "C3 E4 G4", "C", "perfect authentic"),
        ("E3 G#3 B3", "A3 C4 E4", "A minor", "perfect authentic"),
        ("E3 G#3 B3", "A3 C#4 E4", "A minor", "perfect authentic"),
        ("B3 D4 G4", "C3 E4 G4", "C", "imperfect authentic"),
        ("B3 D4 F4", "C3 E4 G4", "C", "imperfect authentic"),
        ("D3 F4 B4", "C3 E4 G4", "C", "imperfect authentic"),
        ("F3 A3 C4", "C3 E4 G4", "C", "plagal"),
        ("D3 F3 A3", "A2 C3 E3", "A minor", "plagal"),
        ("C3 E4 G4", "G3 B3 D4", "C", "half"),
        ("D3 F3 A3", "G3 B3 D4", "C", "half"),
        ("F3 A3 D4", "E3 G#3 B3", "A minor", "Phrygian half"),
        ("G3 B3 D4 F4", "A3 C4 E4", "C", "deceptive"),
        ("E3 G#3 B3", "F3 A3 C4", "A minor", "deceptive"),
        ("G3 B3 D4", "E3 G3 C4", "C", None),
        ("G3 B3 D4", "D3 G3 B3", "C", None),
        ("A3 C4 E4", "C3 E4 G4", "C", None),
        ("G3 B-3 D4", "C3 E-4 G4", "C minor", None),
        ("B-3 D4 F4", "C3 E-4 G4", "C minor", None),
        ("C3 E4 G4", "B2 D3 G3", "C", None),
        ("C3 E4 G4", "A3 C4 E4", "C", None),
        ("G3 B3 D4", "G3 B3 D4 F4", "C", None),
        ("B-3 D-4 F-4", "C3 E4 G4", "C", None),
    ],
)
def test_two_chords_make_their_kind_of_cadence(before, last, key, expected):
    assert kind(before, last, key) == expected


def test_a_cadence_is_imperfect_if_the_melody_does_not_end_on_the_tonic():
    assert kind("G3 B3 D4", "C3 E4 G4", on_tonic=False) == "imperfect authentic"
