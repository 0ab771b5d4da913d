import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.harmony.harmonies import harmonies_of
from music21_server.theory.harmony.local_keys import local_keys
from music21_server.theory.pitch.names import text_of
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.theory.time.positions import Clock


def harmonies(score):
    clock = Clock(score)
    result = sonorities(score, written_pitches(score))
    path = chord_path(score, result, clock)
    return harmonies_of(result, path, local_keys(score, result, path, clock), clock)


def chords(score):
    result = harmonies(score)
    texts = ["".join(text_of(name) for name in shape.names) for shape in result.shapes]
    return list(zip((result.start / 48).tolist(), texts, strict=True))


def test_successive_chords_are_harmonies(make_score):
    score = make_score("C4+E4+G4:2 F3+A3+C4:2 G3+B3+D4:2 C4+E4+G4:2")
    assert chords(score) == [(0, "CEG"), (2, "FAC"), (4, "GBD"), (6, "CEG")]


def test_a_passing_note_is_part_of_its_harmony(make_score):
    score = make_score("E5:0.5 D5:0.5 C5 F5:2", "G4:2 A4:2", "C3:2 F3:2", "C4:2 C4:2")
    assert chords(score) == [(0, "CEG"), (2, "FAC")]


def test_a_suspension_belongs_to_the_chord_of_its_resolution(make_score):
    score = make_score("C5:2 C5:1 B4:1 C5:4", "E4:2 D4:2 E4:4", "A4:2 G4:2 G4:4", "F3:2 G3:2 C3:4")
    assert [text for _, text in chords(score)][-2:] == ["GBD", "CEG"]
    assert chords(score)[-2][0] == 2


def test_an_arpeggio_is_one_harmony(make_score):
    score = make_score("C4:0.5 G4:0.5 E4:0.5 G4:0.5 " * 2 + "B3:0.5 G4:0.5 D4:0.5 G4:0.5 " * 2 + "C4+E4+G4:4")
    assert chords(score) == [(0, "CEG"), (4, "BDG"), (8, "CEG")]


def test_a_bass_that_stays_on_another_chord_note_divides_the_harmony(make_score):
    score = make_score("G4:4 A4:4", "C4:4 C4:4", "C3:2 E3:2 F3:4")
    assert chords(score) == [(0, "CEG"), (2, "EGC"), (4, "FAC")]
    result = harmonies(score)
    assert len(result) == 3
    assert result.is_change.tolist() == [True, False, True]


def test_a_short_move_of_the_bass_does_not_divide_the_harmony(make_score):
    score = make_score("G4+E4:4 A4+F4:4", "C4:4 C4:4", "C3:1.5 E3:0.5 C3:2 F3:4")
    assert chords(score) == [(0, "CEG"), (4, "FAC")]


def test_an_added_seventh_is_not_a_change_of_chord(make_score):
    score = make_score("G4:2 F4:2 E4:4", "B3+D4:4 C4:4", "G3:4 C3+G3:4")
    result = harmonies(score)
    assert sum(result.is_change) == 2


def test_harmonies_begin_and_end_with_their_sonorities(make_score):
    result = harmonies(make_score("C4+E4+G4:2 r:2 F4+A4+C5:2 r:2"))
    assert (result.start / 48).tolist() == [0, 4]
    assert (result.end / 48).tolist() == [2, 6]


def test_quarter_tones_are_rounded_to_chords(make_score):
    assert chords(make_score("C~4+E`4:2 F~4:2")) == [(0, "CE-G"), (2, "C#E#G#")]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(["C3", "E4", "G4", "B-4", "F#4", "D-5", "A`3"]),
                min_size=1,
                max_size=4,
                unique=True,
            ),
            st.sampled_from(["0.5", "1", "2", "1.5"]),
        ),
        min_size=1,
        max_size=16,
    )
)
def test_harmonies_are_in_order_and_begin_with_a_sonority(make_score, chords):
    score = make_score(" ".join("+".join(names) + ":" + length for names, length in chords))
    result = harmonies(score)
    starts = set(sonorities(score, written_pitches(score)).start.tolist())
    assert set(result.start.tolist()) <= starts
    assert result.start[0] == min(starts)
    assert (result.start[1:] >= result.end[:-1]).all()
    assert (result.end > result.start).all()
    assert len(result.shapes) == len(result.is_change) == len(result)


@pytest.mark.parametrize("key_of_arpeggio", ["C4 E4 G4 C5", "A3 C4 E4 A4"])
def test_a_broken_chord_is_one_harmony(make_score, key_of_arpeggio):
    assert len(harmonies(make_score(key_of_arpeggio))) == 1


@pytest.mark.parametrize(("bass", "is_divided"), [("E3", True), ("G3", False), ("E4", False)])
def test_only_a_bass_that_moves_by_at_most_a_sixth_divides_a_harmony(make_score, bass, is_divided):
    """G3 is within a sixth as well, but makes a six-four chord of the sonority."""
    score = make_score("G4:4 A4:4", "C5:4 C5:4", f"C3:2 {bass}:2 F3:4")
    assert len(chords(score)) == (3 if is_divided else 2)


def test_a_bass_divides_a_harmony_only_under_a_whole_triad(make_score):
    score = make_score("G4:2 r:2 A4:4", "C4:4 C4:4", "C3:2 E3:2 F3:4")
    assert chords(score) == [(0, "CEG"), (4, "FAC")]
