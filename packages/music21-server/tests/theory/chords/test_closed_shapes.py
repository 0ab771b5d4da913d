from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory.chords.closed_shapes import bass_rows, shapes_of
from music21_server.theory.chords.names import closed_shape
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.transposition import written_pitches

PITCHES = st.builds(
    lambda step, alter, octave: f"{step}{alter}{octave}",
    st.sampled_from("CDEFGAB"),
    st.sampled_from(["", "#", "-", "##", "--", "~", "`"]),
    st.integers(2, 6),
)
CHORDS = st.lists(PITCHES, min_size=1, max_size=7, unique=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(CHORDS, min_size=1, max_size=6))
def test_shapes_by_bit_mask_equal_shapes_one_by_one(make_score, chords):
    score = make_score(" ".join("+".join(chord) for chord in chords))
    result = sonorities(score, written_pitches(score))
    shapes = shapes_of(result)
    rows = list(zip(result.step.tolist(), result.alter_cents.tolist(), result.octave.tolist(), strict=True))
    for which in range(len(result)):
        assert shapes.shapes[shapes.index[which]] == closed_shape(
            rows[result.first[which] : result.first[which + 1]]
        )


def test_each_shape_is_listed_once(make_score):
    score = make_score("C4+E4+G4 E4+C5+G5 C3+G4+E6 C2+E2+G2+C3 D4")
    shapes = shapes_of(sonorities(score, written_pitches(score)))
    assert len(shapes.shapes) == 3
    assert shapes.index[0] == shapes.index[2] == shapes.index[3]


def test_the_bass_is_the_lowest_on_the_staff(make_score):
    score = make_score("C4+B#3 C4+E4")
    result = sonorities(score, written_pitches(score))
    rows = bass_rows(result)
    assert [(int(result.step[row]), int(result.octave[row])) for row in rows] == [(6, 3), (0, 4)]


def test_no_sonorities_have_no_shapes(make_score):
    score = make_score("r:4")
    shapes = shapes_of(sonorities(score, written_pitches(score)))
    assert shapes.shapes == ()
