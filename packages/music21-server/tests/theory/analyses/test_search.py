"""Searching for melodies, rhythms and contours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.score.table import STEPS, Score
from music21_server.theory.analyses.search import SEARCH_FORMS, Match, Search, search_pattern
from music21_server.theory.pitch.transposition import sounding_pitches

ScoreMaker = Callable[..., Score]


def _search(score: Score, query: str, **options: Any) -> Search:
    return search_pattern(score, sounding_pitches(score), query, **options)


def _places(result: Search) -> list[tuple[str, float, str]]:
    return [(each.voice, each.begins.offset, each.form) for each in result.matches]


def _only(result: Search) -> Match:
    assert result.match_count == 1
    return result.matches[0]


def test_a_melody_is_found_in_all_voices_as_given_and_transposed(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4 G4 r C4 D4 E4", "r:2 F3 G3 A3 r E-4 D4")
    result = _search(score, "C4 D4 E4")
    assert _places(result) == [
        ("Voice 1", 0.0, "as given"),
        ("Voice 2", 2.0, "transposed"),
        ("Voice 1", 5.0, "as given"),
    ]
    assert [each.transposed_by for each in result.matches] == ["P1", "down P5", "P1"]
    assert (result.match_count, result.voices) == (3, 2)
    assert result.matches[1].notes == ("F3", "G3", "A3")
    assert result.matches[1].quarters == (1.0, 1.0, 1.0)
    assert (result.matches[1].ends.offset, result.matches[1].ends.measure) == (4.0, "2")
    assert _places(_search(score, "C4 D4 E4", forms=["as given"])) == [_places(result)[0], _places(result)[2]]
    assert _places(_search(score, "C4 D4 E4", forms=["transposed"])) == [_places(result)[1]]


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("C4 E4 D4 G4 A-4", "as given"),
        ("D4 F#4 E4 A4 B-4", "transposed"),
        ("C4 A-3 B-3 F3 E3", "inverted"),
        ("A-4 G4 D4 E4 C4", "retrograde"),
        ("E3 F3 B-3 A-3 C4", "retrograde inverted"),
    ],
)
def test_each_form_is_found_if_requested(make_score: ScoreMaker, line: str, form: str) -> None:
    score = make_score(f"G3 {line} F#3")
    for query in ("C4 E4 D4 G4 A-4", "+4 -2 +5 +1", "M3 -M2 P4 m2"):
        expected = form if query.startswith("C4") or form != "transposed" else "as given"
        assert [each.form for each in _search(score, query, forms=SEARCH_FORMS).matches] == [expected]
        others = [each for each in SEARCH_FORMS if each not in (form, expected, "as given", "transposed")]
        assert _search(score, query, forms=others).match_count == 0


def test_a_melody_that_equals_its_mirror_image_matches_once(make_score: ScoreMaker) -> None:
    assert [
        each.form for each in _search(make_score("C4 D4 C4"), "C4 D4 C4", forms=SEARCH_FORMS).matches
    ] == ["as given"]


def test_intervals_are_compared_in_semitones_or_in_steps(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4", "A3 B3 C4", "C4 D4 F-4")
    assert _places(_search(score, "C4 D4 E4")) == [("Voice 1", 0.0, "as given"), ("Voice 3", 0.0, "as given")]
    by_steps = _search(score, "C4 D4 E4", compare="steps")
    assert _places(by_steps) == [("Voice 1", 0.0, "as given"), ("Voice 2", 0.0, "transposed")]
    assert [each.voice for each in _search(score, "+1 +1", notation="steps").matches] == [
        "Voice 1",
        "Voice 2",
    ]
    assert [each.voice for each in _search(score, "+2 +1").matches] == ["Voice 2"]
    assert [each.voice for each in _search(score, "M2 d3").matches] == ["Voice 1", "Voice 3"]
    assert [each.voice for each in _search(score, "M2 d3", compare="steps").matches] == ["Voice 3"]


def test_notes_without_octaves_match_in_any_octave(make_score: ScoreMaker) -> None:
    score = make_score("G3 C4", "G4 C4", "G3 C6", "A3 D3")
    assert [(each.voice, each.form) for each in _search(score, "G C").matches] == [
        ("Voice 1", "as given"),
        ("Voice 2", "as given"),
        ("Voice 3", "as given"),
        ("Voice 4", "transposed"),
    ]
    assert _search(score, "G C").matches[0].transposed_by is None


def test_extra_notes_between_the_notes_of_the_query(make_score: ScoreMaker) -> None:
    score = make_score("C4 B3 D4 E4 F4 G4")
    as_given = ["as given"]
    assert _search(score, "C4 D4 F4", forms=as_given).match_count == 0
    result = _only(_search(score, "C4 D4 F4", forms=as_given, extra_notes=1))
    assert (result.notes, result.extra_notes) == (("C4", "D4", "F4"), 2)
    assert _search(score, "C4 F4", forms=as_given, extra_notes=2).match_count == 0
    assert _only(_search(score, "C4 F4", forms=as_given, extra_notes=3)).extra_notes == 3


def test_the_match_with_the_fewest_extra_notes_is_listed(make_score: ScoreMaker) -> None:
    score = make_score("C4 E4 D4 E4 G4")
    result = _only(_search(score, "C4 E4 G4", extra_notes=2))
    assert (result.extra_notes, result.quarters, result.ends.offset) == (2, (1.0, 1.0, 1.0), 4.0)
    again = _only(_search(make_score("C4 E4 G4 E4 G4"), "C4 E4 G4", forms=["as given"], extra_notes=2))
    assert (again.extra_notes, again.ends.offset) == (0, 2.0)


def test_intervals_may_vary_by_a_step(make_score: ScoreMaker) -> None:
    score = make_score("C4 G4 F4 E4", "G4 C5 B4 A4", "C4 A4 G4 G4", "C4 B4 A4 G4")
    assert [each.voice for each in _search(score, "C4 G4 F4 E4").matches] == ["Voice 1"]
    answer = _search(score, "C4 G4 F4 E4", compare="steps", varied_intervals=1)
    assert [(each.voice, each.varied_intervals) for each in answer.matches] == [
        ("Voice 1", 0),
        ("Voice 2", 1),
    ]
    two = _search(score, "C4 G4 F4 E4", compare="steps", varied_intervals=2)
    assert [(each.voice, each.varied_intervals) for each in two.matches][-1] == ("Voice 3", 2)


def test_rhythms_match_with_their_rests_reversed_and_at_any_speed(make_score: ScoreMaker) -> None:
    score = make_score("C4:1 D4:1/2 E4:1/2 r C4:2 C4:1 C4:1", "C4:1 D4:1/2 r:1/2 E4:1/2")
    assert _places(_search(score, "1 0.5 0.5")) == [("Voice 1", 0.0, "as given")]
    assert _places(_search(score, "1 0.5 r0.5 0.5")) == [("Voice 2", 0.0, "as given")]
    assert _places(_search(score, "0.5 1")) == []
    assert _places(_search(score, "0.5 0.5 1", forms=["as given", "retrograde"])) == [
        ("Voice 1", 0.0, "retrograde")
    ]
    assert _places(_search(score, "0.5 r0.5 0.5 1", forms=["retrograde"])) == [("Voice 2", 0.0, "retrograde")]
    scaled = _search(score, "1 1/2 1/2", any_speed=True)
    assert [(each.begins.offset, each.times_as_long) for each in scaled.matches] == [(0.0, 1.0), (3.0, 2.0)]


def test_a_length_that_is_not_a_whole_number_of_ticks_matches_nothing(make_score: ScoreMaker) -> None:
    assert _search(make_score("C4 C4"), "1/7 1/7").match_count == 0


def test_notes_with_lengths_match_in_length_too(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4", "C4 D4:2 E4")
    assert [each.voice for each in _search(score, "C4 D4:2 E4").matches] == ["Voice 2"]
    assert [each.voice for each in _search(score, "C4:2 D4:4 E4:2", any_speed=True).matches] == ["Voice 2"]
    assert [each.voice for each in _search(score, "C4:1 D4:1 E4").matches] == ["Voice 1"]


def test_contours_match_by_direction(make_score: ScoreMaker) -> None:
    score = make_score("C4 E4 D4 D4 A4")
    assert _only(_search(score, "U D R U")).notes == ("C4", "E4", "D4", "D4", "A4")
    assert _places(_search(score, "D U", forms=["inverted"])) == [("Voice 1", 0.0, "inverted")]
    assert _places(_search(score, "R U")) == [("Voice 1", 2.0, "as given")]


def test_no_match_crosses_a_long_rest_or_changes_voice(make_score: ScoreMaker) -> None:
    assert _search(make_score("C4 r:4 D4"), "C4 D4").match_count == 1
    assert _search(make_score("C4 r:5 D4"), "C4 D4").match_count == 0
    assert _search(make_score("C4", "D4"), "C4 D4").match_count == 0


def test_all_matches_are_counted_and_the_first_ones_listed(make_score: ScoreMaker) -> None:
    result = _search(make_score("C4 D4 C4 D4 C4 D4"), "C4 D4", most=2)
    assert (result.match_count, [each.begins.offset for each in result.matches]) == (3, [0.0, 2.0])


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ("C4 D4", {"forms": ["mirrored"]}, "retrograde inverted; got 'mirrored'"),
        ("C4 D4", {"forms": []}, "got none"),
        ("C4 D4", {"extra_notes": 5}, "from 0 to 4, got 5"),
        ("C4 D4", {"varied_intervals": -1}, "got -1"),
        ("1 1", {"extra_notes": 1}, "with a rhythm"),
        ("C4 D4", {"voices": ["Oboe"]}, "got 'Oboe'"),
        ("C4 X4", {}, "`X4` is none of them"),
    ],
)
def test_invalid_options_are_errors(
    make_score: ScoreMaker, query: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScoreError) as caught:
        _search(make_score("C4 D4"), query, **options)
    assert message in str(caught.value)


def test_a_score_without_notes_has_no_matches(make_score: ScoreMaker) -> None:
    assert _search(make_score("r:4"), "C4 D4", forms=SEARCH_FORMS, extra_notes=2).match_count == 0


def test_the_result_survives_json(make_score: ScoreMaker) -> None:
    result = _search(make_score("C4 D4"), "C4 D4")
    assert (
        TypeAdapter(Search).validate_python(json.loads(TypeAdapter(Search).dump_json(result, by_alias=True)))
        == result
    )


def _name(place: int) -> str:
    return f"{STEPS[place % 7]}{place // 7}"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(24, 34), min_size=2, max_size=7),
    st.tuples(*[st.lists(st.integers(14, 44), max_size=5)] * 2),
    st.integers(-7, 7),
    st.sampled_from(["transposed", "inverted", "retrograde", "retrograde inverted"]),
)
def test_a_planted_melody_is_found_in_each_form(
    make_score: ScoreMaker, tune: list[int], around: tuple[list[int], list[int]], shift: int, form: str
) -> None:
    before, after = around
    turned = [2 * tune[0] - place if "inverted" in form else place for place in tune]
    turned = [place + shift for place in (turned[::-1] if "retrograde" in form else turned)]
    score = make_score("C2", " ".join(map(_name, [*before, *turned, *after])))
    query = " ".join(map(_name, tune))
    result = _search(score, query, compare="steps", forms=["as given", "transposed", form])
    at = [each for each in result.matches if each.begins.offset == len(before)]
    assert len(at) == 1
    assert at[0].notes == tuple(map(_name, turned))


class TestKnownAnswers:
    """Works of the corpus with textbook answers."""

    def test_the_subject_enters_four_times(self, corpus_score: Callable[[str], Score]) -> None:
        """Beethoven, opus 59 no. 3, finale: viola, second violin, cello, first violin, ten bars apart."""
        score = corpus_score("beethoven/opus59no3/movement4.mxl")
        result = _search(score, "G4 G4 A4 G4 F4 E4 D4:1 F4 G4 F4 E4 D4 C4")
        entries = [
            (each.voice, each.begins.measure, each.begins.beat, each.notes[0], each.transposed_by)
            for each in result.matches
        ]
        assert entries[:5] == [
            ("Viola", "1", 1.0, "G4", "P1"),
            ("2nd Violin", "11", 1.0, "D5", "up P5"),
            ("Cello", "21", 1.0, "G3", "down P8"),
            ("1st Violin", "31", 1.0, "G5", "up P8"),
            ("2nd Violin", "31", 1.5, "G4", "P1"),
        ]
        # The recapitulation begins like the exposition.
        again = [(voice, str(int(measure) + 209), *rest) for voice, measure, *rest in entries[:4]]
        assert entries[-4:] == again

    def test_the_canon_is_in_contrary_motion(self, corpus_score: Callable[[str], Score]) -> None:
        """Webern, opus 16 no. 2: the voice sings the clarinet's melody upside down, a bar later."""
        score = corpus_score("webern/webern_dormi_jesu_op_16_no_2.mxl")
        clarinet = "B-3 F#4 A4 C5 C#5 C4 A-3 G4 B4 F#3 B-3 C4 A3 F4"
        result = _only(_search(score, clarinet, forms=["inverted"]))
        assert (result.begins.measure, result.begins.beat, result.notes[:3]) == (
            "2",
            1.0,
            ("E5", "G#4", "F4"),
        )
