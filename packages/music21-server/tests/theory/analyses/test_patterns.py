"""Recurring patterns of a score."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.score.table import STEPS, Score
from music21_server.theory.analyses.patterns import Patterns, find_patterns
from music21_server.theory.pitch.transposition import sounding_pitches

ScoreMaker = Callable[..., Score]

MOTIF = "C4 E4:1/2 D4:1/2 G4 F4"


def _patterns(score: Score, **options: Any) -> Patterns:
    return find_patterns(score, sounding_pitches(score), **options)


def test_a_motif_is_listed_with_its_occurrences(make_score: ScoreMaker) -> None:
    score = make_score(f"{MOTIF} r:5 D4 F#4:1/2 E4:1/2 A4 G4", f"r:16 {MOTIF} r:6 C4:2 A3 B3 F3 G3")
    motif = _patterns(score, least_occurrences=2).motifs[0]
    assert motif.notes == ("C4", "E4", "D4", "G4", "F4")
    assert motif.intervals == (2, -1, 3, -1)
    assert motif.quarters == (1.0, 0.5, 0.5, 1.0)
    assert (motif.occurrences, motif.prime, motif.inversions) == (4, 3, 1)
    assert (motif.retrogrades, motif.retrograde_inversions, motif.voices, motif.same_rhythm) == (0, 0, 2, 3)
    assert [
        (each.voice, each.position.offset, each.first_note, each.form, each.same_rhythm)
        for each in motif.first_occurrences
    ] == [
        ("Voice 1", 0.0, "C4", "prime", True),
        ("Voice 1", 9.0, "D4", "prime", True),
        ("Voice 2", 16.0, "C4", "prime", True),
        ("Voice 2", 26.0, "C4", "inversion", False),
    ]


def test_intervals_are_compared_in_steps_or_in_semitones(make_score: ScoreMaker) -> None:
    score = make_score("C4 E4 D4 G4 r:5 D4 F4 E4 A4 r:5 E-4 G4 F4 B-4 r:5 F4 A4 G4 C5")
    diatonic = _patterns(score).motifs[0]
    chromatic = _patterns(score, measure="chromatic").motifs[0]
    assert (diatonic.occurrences, diatonic.intervals) == (4, (2, -1, 3))
    assert (chromatic.occurrences, chromatic.intervals) == (3, (4, -2, 5))


def test_the_rhythm_of_a_retrograde_is_reversed(make_score: ScoreMaker) -> None:
    score = make_score("C4:2 E4 D4:1/2 G4:4 r:5 G4:1/2 D4 E4:2 C4 r:5 G4:2 D4 E4:1/2 C4")
    motif = _patterns(score).motifs[0]
    assert [(each.form, each.same_rhythm) for each in motif.first_occurrences] == [
        ("prime", True),
        ("retrograde", True),
        ("retrograde", False),
    ]


def test_a_rhythm_is_found_at_any_pitches(make_score: ScoreMaker) -> None:
    rhythm = ("3/2", "1/2", "1/4", "1/4", "1/2")
    random = np.random.default_rng(3)
    lines = [" ".join(f"{STEPS[random.integers(7)]}4:{length}" for length in rhythm) for _ in range(4)]
    result = _patterns(make_score(" r:5 ".join(lines))).rhythms[0]
    assert result.quarters == (1.5, 0.5, 0.25, 0.25, 0.5)
    assert (result.occurrences, result.voices) == (4, 1)
    assert [each.position.offset for each in result.first_occurrences] == [0.0, 8.0, 16.0, 24.0]


def test_a_melodic_sequence_is_listed_with_its_statements(make_score: ScoreMaker) -> None:
    result = _patterns(make_score("C4 D4 E4 C4 D4 E4 F4 D4 E4 F4 G4 E4"))
    assert result.sequences_found == 1
    sequence = result.sequences[0]
    assert (sequence.voice, sequence.figure) == ("Voice 1", ("C4", "D4", "E4", "C4"))
    assert (sequence.statements, sequence.shift_steps, sequence.kind, sequence.doubled_by) == (
        3,
        1,
        "tonal",
        0,
    )
    assert (sequence.begins.offset, sequence.ends.offset) == (0.0, 11.0)


def test_lists_are_limited_but_counts_are_exact(make_score: ScoreMaker) -> None:
    score = make_score(" r:5 ".join([MOTIF] * 6))
    result = _patterns(score, most_occurrences=2)
    assert (result.motifs[0].occurrences, len(result.motifs[0].first_occurrences)) == (6, 2)
    assert (result.rhythms[0].occurrences, len(result.rhythms[0].first_occurrences)) == (6, 2)
    none = _patterns(score, most=0)
    assert (none.motifs, none.rhythms, none.sequences) == ((), (), ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"least_notes": 2}, "least_notes from 3 to 64, got 2"),
        ({"least_notes": 65}, "least_notes from 3 to 64, got 65"),
        ({"least_occurrences": 1}, "least_occurrences from 2, got 1"),
        ({"voices": ["Oboe"]}, "got 'Oboe'"),
    ],
)
def test_invalid_options_are_errors(make_score: ScoreMaker, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        _patterns(make_score("C4 D4"), **options)


@pytest.mark.parametrize("voices", [(), ("r:4",), ("C4",), ("C4 D4",)])
def test_short_scores_have_no_patterns(make_score: ScoreMaker, voices: tuple[str, ...]) -> None:
    result = _patterns(make_score(*voices))
    assert (result.motifs, result.rhythms, result.sequences_found) == ((), (), 0)


def test_the_result_survives_json(make_score: ScoreMaker) -> None:
    result = _patterns(make_score(" ".join([MOTIF] * 4), "C3 D3 E3 C3 D3 E3 F3 D3"))
    assert result.motifs
    assert result.rhythms
    assert (
        TypeAdapter(Patterns).validate_python(json.loads(TypeAdapter(Patterns).dump_json(result))) == result
    )


_FORMS = {
    "prime": lambda places: places,
    "inversion": lambda places: [2 * places[0] - place for place in places],
    "retrograde": lambda places: places[::-1],
    "retrograde inversion": lambda places: [2 * places[0] - place for place in places][::-1],
}


@settings(max_examples=25, deadline=None)
@given(
    st.permutations([1, 2, 3, 4, 5, 6, 7]),
    st.integers(5, 7),
    st.lists(st.booleans(), min_size=7, max_size=7),
    st.lists(st.tuples(st.sampled_from([*_FORMS]), st.integers(-3, 3)), min_size=2, max_size=5),
)
def test_a_planted_motif_is_found_in_every_form(
    make_score: ScoreMaker,
    sizes: list[int],
    length: int,
    ups: list[bool],
    planted: list[tuple[str, int]],
) -> None:
    steps = [size if up else -size for size, up in zip(sizes, ups, strict=True)][:length]
    tune = np.cumsum([35, *steps]).tolist()
    statements = [("prime", 0), *planted]
    lines = []
    for form, shift in statements:
        places = [place + shift for place in _FORMS[form](tune)]
        lines.append(" ".join(f"{STEPS[place % 7]}{place // 7}" for place in places))
    result = _patterns(make_score(" r:5 ".join(lines)), least_occurrences=2, most=50)
    whole = [each for each in result.motifs if len(each.notes) == len(tune)]
    expected = [(form, float(index * (len(tune) + 5))) for index, (form, _) in enumerate(statements)]
    assert [(each.form, each.position.offset) for each in whole[0].first_occurrences] == expected


class TestKnownAnswers:
    """Works of the corpus with known patterns."""

    def test_the_canon_in_contrary_motion_is_one_motif(self, corpus_score: Callable[[str], Score]) -> None:
        """Webern, opus 16 no. 2: a canon in contrary motion, recognised as one motif."""
        score = corpus_score("webern/webern_dormi_jesu_op_16_no_2.mxl")
        motif = _patterns(score, measure="chromatic", least_occurrences=2).motifs[0]
        assert (motif.prime, motif.inversions, motif.same_rhythm) == (1, 1, 2)
        assert [each.position.measure for each in motif.first_occurrences] == ["1", "2"]
        assert len(motif.notes) > 40

    def test_the_subject_is_a_motif_of_all_four_instruments(
        self, corpus_score: Callable[[str], Score]
    ) -> None:
        """Beethoven, opus 59 no. 3, finale: the beginning of its subject."""
        score = corpus_score("beethoven/opus59no3/movement4.mxl")
        motifs = _patterns(score, mirrored=False).motifs
        subject = (0, 1, -1, -1, -1, -1)
        assert any(
            subject == motif.intervals[at : at + 6] for motif in motifs for at in range(len(motif.intervals))
        )
