import numpy as np
import pytest

from music21_server.theory.chords.assignment import STATES
from music21_server.theory.harmony.chord_probabilities import (
    chord_odds,
    odds_of,
    relative_chord_name,
    relative_chords,
)

NOTHING = {"alone": {}, "after": {}}


def state(root, kind):
    return STATES.index((root, kind))


def place(root, kind):
    """Return the index of a chord relative to C."""
    return int(relative_chords(np.array([state(root, kind)]))[0, 0])


@pytest.mark.parametrize(
    ("root", "kind", "tonic", "name"),
    [
        (7, "dominant seventh", 0, "7 dominant seventh"),
        (7, "dominant seventh", 5, "2 dominant seventh"),
        (0, "major seventh", 0, "0 major"),
        (2, "half-diminished seventh", 0, "2 diminished"),
        (11, "diminished seventh", 0, "2 diminished seventh"),
        (2, "diminished seventh", 0, "2 diminished seventh"),
        (8, "augmented triad", 0, "0 augmented"),
        (1, "minor triad", 2, "11 minor"),
    ],
)
def test_chords_are_named_relative_to_the_tonic(root, kind, tonic, name):
    assert relative_chord_name(state(root, kind), tonic) == name


def test_equal_degrees_of_two_keys_are_the_same_relative_chord():
    seen = relative_chords(np.array([state(7, "major triad"), state(2, "major triad")]))
    assert seen.shape == (12, 2)
    assert seen[0, 0] == seen[7, 1]
    assert seen[0, 0] != seen[0, 1]


def test_odds_are_probabilities():
    odds = chord_odds()
    assert np.exp(odds.alone).sum(axis=1) == pytest.approx(1)
    assert np.exp(odds.after).sum(axis=2) == pytest.approx(1)


def test_frequent_chords_and_successions_are_probable():
    counts = {
        "major": {
            "alone": {"0 major": 50, "7 major": 30, "9 minor": 20},
            "after": {"7 major": {"0 major": 25, "9 minor": 5}},
        },
        "minor": NOTHING,
    }
    odds = odds_of(counts)
    tonic, dominant, submediant = place(0, "major triad"), place(7, "major triad"), place(9, "minor triad")
    assert odds.alone[0, tonic] > odds.alone[0, dominant] > odds.alone[0, submediant]
    assert odds.after[0, dominant, tonic] > odds.alone[0, tonic]
    # No counts after the sixth degree, so the frequencies of single chords apply.
    assert odds.after[0, submediant] == pytest.approx(odds.alone[0])
    assert np.ptp(odds.alone[1]) == pytest.approx(0)


def test_the_tonic_is_the_most_probable_chord_and_follows_the_dominant():
    odds = chord_odds()
    tonic, dominant = place(0, "major triad"), place(7, "major triad")
    minor_tonic = place(0, "minor triad")
    assert odds.alone[0].argmax() == tonic
    assert odds.alone[1].argmax() == minor_tonic
    assert odds.after[0, dominant].argmax() == tonic
    assert odds.after[1, dominant].argmax() == minor_tonic
