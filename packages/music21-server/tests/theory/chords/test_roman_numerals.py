import pytest

from music21_server.theory.chords.name_table import packaged_names
from music21_server.theory.chords.names import SonorityName, class_of, closed_shape
from music21_server.theory.chords.roman_numerals import describe
from music21_server.theory.pitch.names import name_of, parse_key, text_of


def description(text, key="C"):
    shape = class_of(
        closed_shape([(*name_of(word[:-1]), int(word[-1])) for word in text.split()]), parse_key(key)
    ).shape
    return describe(shape.bass, shape.above, parse_key(key).mode)


def shape_of(text):
    """Return bass, names above and mode of a class in the packaged table."""
    mode, *words = text.split()
    (bass, _), *others = [(name_of(word.rstrip("'")), word.endswith("'")) for word in words]
    above = []
    for name, is_raised in others:
        steps = (name[0] - bass[0]) % 7
        if steps == 0 and name[1] < bass[1]:
            steps = 7
        above.append((steps + 7 * is_raised, name[1]))
    return bass, tuple(above), mode


def test_every_class_of_the_corpus_is_described_as_in_music21():
    names = packaged_names()
    left = 0
    for text, expected in names.items():
        ours = describe(*shape_of(text))
        if ours is None:
            left += 1
            continue
        theirs = SonorityName.from_text(expected)
        assert (ours.root, ours.quality, ours.inversion, ours.numeral) == (
            theirs.root, theirs.quality, theirs.inversion, theirs.numeral
        ), text  # fmt: skip
    assert left < len(names) / 20
    assert len(names) > 4000


@pytest.mark.parametrize(
    ("pitches", "key", "root", "numeral"),
    [
        ("E3 G4 C5", "C", "C", "I6"),
        ("D4 F4 A-4 C5", "C minor", "D", "iiø7"),
        ("F4 A-4 C5 E-5", "C minor", "F", "iv7"),
        ("E-4 G4 B4", "C minor", "E-", "III+"),
        ("C4 E-4 G4 B4", "C minor", "C", "i#7"),
        ("B3 D4 F4 A-4", "G minor", "E", "#iiio7"),
    ],
)
def test_numerals_of_known_chords(pitches, key, root, numeral):
    ours = description(pitches, key)
    assert ours is not None
    assert (text_of(ours.root), ours.numeral) == (root, numeral)


def test_augmented_sixths_and_quarter_tones_are_left_to_music21():
    assert description("A-3 C4 F#4") is None
    assert description("C4 E`4 G4") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C4 E4 G4 B##4", "C"),  # names 19 fifths apart
        ("A---3 C--4 E---4", "C minor"),  # numeral bbbVI
        ("C###4 E###4 G###4", "C"),  # numeral ###I
    ],
)
def test_names_far_apart_and_triple_alterations_are_left_to_music21(text, key):
    assert description(text, key) is None
