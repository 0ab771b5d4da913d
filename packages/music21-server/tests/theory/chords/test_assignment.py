import numpy as np
import pytest

from music21_server.theory.chords.assignment import STATES, chord_path, class_masks, lengths, pitch_classes
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.theory.time.positions import Clock


def chords(score):
    result = sonorities(score, written_pitches(score))
    path = chord_path(score, result, Clock(score)).tolist()
    return [STATES[state] for at, state in enumerate(path) if at == 0 or path[at - 1] != state]


@pytest.mark.parametrize(
    ("notes", "chord"),
    [
        ("C4+E4+G4", (0, "major triad")),
        ("E4+G4+C5", (0, "major triad")),
        ("D4+F4+A4", (2, "minor triad")),
        ("B3+D4+F4", (11, "diminished triad")),
        ("G3+B3+D4+F4", (7, "dominant seventh")),
        ("B3+D4+F4+A4", (11, "half-diminished seventh")),
        ("F3+A3+C4+E4", (5, "major seventh")),
    ],
)
def test_complete_chords_are_assigned_to_themselves(make_score, notes, chord):
    assert chords(make_score(f"{notes}:4")) == [chord]


def test_passing_notes_and_passing_sevenths_belong_to_the_chord(make_score):
    score = make_score("C5:0.5 D5:0.5 E5:1 E5:1 D5:0.5 C5:0.5", "G4:4", "E4:4", "C4:1.5 B3:0.5 C4:2")
    assert chords(score) == [(0, "major triad")]


def test_a_dominant_keeps_its_seventh(make_score):
    score = make_score("D5:1 F5:1 E5:2", "B4:2 C5:2", "G4:2 G4:2", "G3:2 C3:2")
    assert (7, "dominant seventh") in chords(score)


def test_a_chord_in_between_counts_only_if_it_lasts(make_score):
    def path(between):
        rest = 4 - between
        return chords(make_score(f"C5:4 B4:{between} C5:{rest}", "G4:8", f"E4:4 D4:{between} E4:{rest}"))

    assert path(2) == [(0, "major triad"), (7, "major triad"), (0, "major triad")]
    assert path(0.25) == [(0, "major triad")]


def test_a_score_in_which_nothing_sounds_has_no_chords(make_score):
    assert chords(make_score("r:4")) == []


def test_lengths_are_in_beats_and_limited_to_four(make_score):
    score = make_score("C4:1.5 D4:1.5 E4:3", time="6/8")
    result = sonorities(score, written_pitches(score))
    assert lengths(result, Clock(score)).tolist() == [1, 1, 2]
    score = make_score("C4:8", time="8/4")
    assert lengths(sonorities(score, written_pitches(score)), Clock(score)).tolist() == [4]


def test_pitch_classes_of_a_sonority_are_a_bit_mask(make_score):
    result = sonorities(make_score("C4+E4+B4:2 D-4:2"), written_pitches(make_score("C4+E4+B4:2 D-4:2")))
    assert class_masks(result).tolist() == [1 | 1 << 4 | 1 << 11, 1 << 1]
    assert pitch_classes(np.array([6, 0]), np.array([100, -100])).tolist() == [0, 11]
