from labels import label
from learning import counts, key_of
from timeline import Annotation, Span

from music21_server.theory.chords.assignment import STATES
from music21_server.theory.harmony.chord_probabilities import odds_of

C, G = (STATES.index((root, "major triad")) for root in (0, 7))


def span(start, end, tonic, mode="major"):
    return Span(start, end, Annotation(label("I", tonic, mode), tonic))


def test_the_key_of_a_stretch_is_the_one_that_lasts_longest():
    human = [span(0, 4, 0), span(4, 10, 7)]
    assert key_of(0, 6, human) == (0, "major")
    assert key_of(2, 9, human) == (7, "major")
    assert key_of(10, 12, human) is None


def test_chords_are_counted_relative_to_the_tonic():
    human = [span(0, 8, 0), span(8, 16, 7)]
    result = counts([([(0, 4, C), (4, 8, G), (8, 12, G), (12, 16, C)], human)])
    assert result["major"]["alone"] == {"0 major": 2, "5 major": 1, "7 major": 1}
    # Successions across a change of key are not counted.
    assert result["major"]["after"] == {"0 major": {"5 major": 1, "7 major": 1}}
    assert result["minor"] == {"alone": {}, "after": {}}
    odds_of(result)


def test_chords_without_an_annotation_are_not_counted():
    result = counts([([(0, 4, C), (4, 8, G), (8, 12, C)], [span(0, 4, 0), span(8, 12, 0)])])
    assert result["major"] == {"alone": {"0 major": 2}, "after": {}}
