import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from music21 import interval as music21_interval
from music21 import pitch as music21_pitch

from music21_server.editing.intervals import Interval, parse_interval, respell, transpose_name
from music21_server.errors import ScoreError
from music21_server.score.table import STEPS

NAMES = [
    *(f"{quality}{number}" for number in (1, 4, 5, 8, 11, 15) for quality in ("P", "A", "AA")),
    *(f"{quality}{number}" for number in (4, 5, 8, 12) for quality in ("d", "dd")),
    *(f"{quality}{number}" for number in (2, 3, 6, 7, 9, 10, 14) for quality in ("M", "m", "A")),
    *(f"d{number}" for number in (3, 6, 7, 9)),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["{0}", "-{0}", "down {0}", "{0} down", "up {0}", "+{0}"])
def test_names_are_parsed_like_music21(name, form):
    is_down = "-" in form or "down" in form
    theirs = music21_interval.Interval(name)
    parsed = parse_interval(form.format(name))
    sign = -1 if is_down else 1
    assert parsed == Interval(sign * theirs.generic.staffDistance, sign * theirs.semitones)


def test_hyphen_may_stand_before_the_number():
    assert parse_interval("M-3") == parse_interval("-M3") == parse_interval("down M3") == Interval(-2, -4)
    assert (
        parse_interval("-M-3") == parse_interval("-M3 down") == parse_interval("down M-3") == Interval(-2, -4)
    )
    assert parse_interval("M-3").name == "M-3"
    assert parse_interval("M3").name == "M3"
    assert Interval(0, -1).name == "A-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expected an interval such as"),
        ("third", "Expected an interval such as"),
        ("M", "Expected an interval such as"),
        ("3", "Expected an interval such as"),
        ("M5", "fifth/5 to be perfect"),
        ("m8", "unison/1 to be perfect"),
        ("P3", "third/3 to be major"),
        ("P0", "from a unison"),
        ("P37", "five octaves"),
        ("d1", "-A1"),
        ("dd2", "-A1"),
        ("M" * 5000, "Expected an interval such as"),
    ],
)
def test_invalid_interval_is_refused_with_a_hint(text, message):
    with pytest.raises(ScoreError, match=message) as refusal:
        parse_interval(text)
    assert len(str(refusal.value)) < 300


@settings(deadline=None)  # music21 is slow on a busy machine
@given(
    step=st.sampled_from(STEPS),
    sharps=st.integers(-2, 2),
    name=st.sampled_from(NAMES),
    is_down=st.booleans(),
)
def test_names_are_transposed_like_music21(step, sharps, name, is_down):
    interval = parse_interval(f"-{name}" if is_down else name)
    signs = "#" * sharps if sharps > 0 else "-" * -sharps
    theirs = music21_interval.Interval(name)
    pitch = music21_pitch.Pitch(f"{step}{signs}4")
    expected = pitch.transpose(theirs.reverse() if is_down else theirs)
    new_step, new_sharps, octaves = transpose_name(step, sharps, interval)
    assume(abs(new_sharps) <= 4)  # music21 has no names for more
    assert (new_step, 4 + octaves) == (expected.step, expected.octave)
    assert new_sharps == (expected.alter or 0)
    back = transpose_name(new_step, new_sharps, interval.down)
    assert back == (step, sharps, -octaves)


@settings(deadline=None)
@given(step=st.sampled_from(STEPS), sharps=st.integers(-6, 6), most=st.integers(1, 3))
def test_respelled_names_sound_the_same(step, sharps, most):
    new_step, new_sharps, octaves = respell(step, sharps, max_sharps=most)
    assert abs(new_sharps) <= most
    heights = [
        music21_pitch.Pitch(f"{each}{octave}").ps + alter
        for each, alter, octave in ((step, sharps, 4), (new_step, new_sharps, 4 + octaves))
    ]
    assert heights[0] == heights[1]
    if abs(sharps) <= most:
        assert (new_step, new_sharps, octaves) == (step, sharps, 0)


@pytest.mark.parametrize(
    ("steps", "semitones", "fifths"),
    [(1, 2, 2), (1, 1, -5), (2, 3, -3), (2, 4, 4), (3, 5, -1), (-1, -2, -2), (7, 12, 0)],
)
def test_fifths_of_an_interval(steps, semitones, fifths):
    assert Interval(steps, semitones).fifths == fifths
