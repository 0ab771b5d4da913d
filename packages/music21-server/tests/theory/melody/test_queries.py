"""Search queries as text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.errors import ScoreError
from music21_server.theory.melody.queries import MOST_WORDS, Query, read_query


def _intervals(query: Query) -> list[tuple[int | None, int | None]]:
    assert query.intervals is not None
    return [(each.steps, each.cents) for each in query.intervals]


@pytest.mark.parametrize(
    ("text", "notation", "expected"),
    [
        ("C4 D4 E4", "notes", [(1, 200), (1, 200)]),
        ("C4, E-4, B3", "notes", [(2, 300), (-3, -400)]),
        ("c4 eb4", "notes", [(2, 300)]),
        ("Bb3 F#5", "notes", [(11, 2000)]),
        ("B-3 B--3", "notes", [(0, -100)]),
        ("C♯4 D♭4", "notes", [(1, 0)]),
        ("+2 +2 -4", "semitones", [(None, 200), (None, 200), (None, -400)]),
        ("0 +2 2", "semitones", [(None, 0), (None, 200), (None, 200)]),
        ("M2 m3 -P5", "intervals", [(1, 200), (2, 300), (-4, -700)]),
        ("A4 m10 P1", "intervals", [(3, 600), (9, 1500), (0, 0)]),
    ],
)
def test_notes_and_intervals_are_read(
    text: str, notation: str, expected: list[tuple[int | None, int | None]]
) -> None:
    query = read_query(text)
    assert query.notation == notation
    assert _intervals(query) == expected
    assert query.size == len(expected) + 1
    assert query.lengths is None


def test_steps_need_an_explicit_notation() -> None:
    assert _intervals(read_query("+1 -2", "steps")) == [(1, None), (-2, None)]
    assert read_query("+1 -2").notation == "semitones"


def test_notes_without_octaves_match_any_octave() -> None:
    query = read_query("G C")
    assert query.intervals is not None
    assert query.intervals[0].any_octave
    assert query.notes == ((4, 0, None), (0, 0, None))
    assert read_query("G4 C").intervals[0].any_octave  # type: ignore[index]
    assert not read_query("G4 C5").intervals[0].any_octave  # type: ignore[index]


def test_notes_may_have_lengths() -> None:
    query = read_query("C4:1.5 D4:1/3 E4")
    assert query.lengths == (Fraction(3, 2), Fraction(1, 3), None)


def test_a_rhythm_adds_up_its_rests() -> None:
    query = read_query("1 0.5 r1/3 r1 2/3")
    assert query.notation == "rhythm"
    assert query.lengths == (Fraction(1), Fraction(1, 2), Fraction(2, 3))
    assert query.rests == (Fraction(0), Fraction(4, 3), Fraction(0))


@pytest.mark.parametrize(
    ("text", "directions"),
    [("U D R", [1, -1, 0]), ("*UUDs", [1, 1, -1, 0]), ("* U D", [1, -1]), ("u d", [1, -1]), ("DD", [-1, -1])],
)
def test_contours_are_read(text: str, directions: list[int]) -> None:
    query = read_query(text)
    assert query.notation == "contour"
    assert query.intervals is not None
    assert [each.direction for each in query.intervals] == directions


def test_ambiguous_words_are_notes_by_default() -> None:
    assert read_query("D D").notation == "notes"
    assert read_query("D D", "contour").notation == "contour"
    assert read_query("A4 A5").notation == "notes"
    assert _intervals(read_query("A4 A5", "intervals")) == [(3, 600), (4, 800)]


@pytest.mark.parametrize(
    ("text", "notation", "message"),
    [
        ("", None, "empty"),
        (" , ", None, "empty"),
        ("C4", None, "at least two notes"),
        ("1", None, "at least two notes"),
        ("H4 C4", None, "`H4` is none of them"),
        ("C4 +2", None, "several forms"),
        ("P3 M2", None, "`P3` is none of them"),
        ("r1 1 1", None, "got 'r1 1 1'"),
        ("1/0 1", None, "`1/0` is none of them"),
        ("0.0 1", None, "`0.0` is none of them"),
        ("C4 D4", "semitones", "`C4` is none of them"),
        ("C4 D4", "melody", "a notation from"),
        ("C4 " * (MOST_WORDS + 1), None, "at most 200 words"),
        ("1" * 5000 + " 1", None, "got '111"),
    ],
)
def test_the_error_for_an_invalid_query_names_the_word_and_the_valid_forms(
    text: str, notation: str | None, message: str
) -> None:
    with pytest.raises(ScoreError) as caught:
        read_query(text, notation)
    assert message in str(caught.value)
    if notation is None and not message.startswith("at "):
        assert all(
            form in str(caught.value)
            for form in ("`C4 D4 E-4 F#4`", "`+2 +2 -4`", "`1 0.5 1/3 r1`", "`U D R`")
        )


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="ABCDUR#b-+*:/.,0123456789 PMmdr", max_size=20),
    st.sampled_from([None, "notes", "rhythm", "contour", "intervals"]),
)
def test_any_text_is_a_query_or_an_error(text: str, notation: str | None) -> None:
    try:
        query = read_query(text, notation)
    except ScoreError:
        return
    assert 2 <= query.size <= 200


def test_the_error_for_a_long_query_quotes_its_beginning() -> None:
    with pytest.raises(ScoreError) as caught:
        read_query("1" * 5000 + " 1")
    assert f"got '{'1' * 57}...'" in str(caught.value)
