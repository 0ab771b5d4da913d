"""Parallels, direct intervals, crossings, overlaps, leaps and doublings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.analyses.voice_leading import Finding, VoiceLeading, voice_leading
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.theory.voice_leading.occurrences import KINDS

ScoreMaker = Callable[..., Score]


def _analysis(score: Score, **options: Any) -> VoiceLeading:
    return voice_leading(score, sounding_pitches(score), **options)


def _counts(result: VoiceLeading) -> dict[str, int]:
    return {each.kind: each.count for each in result.counts if each.count}


def _only(result: VoiceLeading) -> Finding:
    assert len(result.findings) == 1
    return result.findings[0]


@pytest.mark.parametrize(
    ("upper", "lower", "kind"),
    [
        ("G4 A4", "C4 D4", "parallel fifths"),
        ("C4 D4", "G4 A4", "parallel fifths"),
        ("G5 A5", "C4 D4", "parallel fifths"),
        ("G4 A5", "C4 D4", "parallel fifths"),
        ("C5 D5", "C4 D4", "parallel octaves"),
        ("C4 D4", "C4 D4", "parallel unisons"),
        ("G4 A4", "C4 D3", "fifths by contrary motion"),
        ("C5 D5", "C4 D3", "octaves by contrary motion"),
        ("G4 E-4", "G4 E-5", "octaves by contrary motion"),
    ],
)
def test_parallels(make_score: ScoreMaker, upper: str, lower: str, kind: str) -> None:
    kinds = [each for each in KINDS if "leap" not in each and "voice" not in each]
    assert _counts(_analysis(make_score(upper, lower), kinds=kinds)) == {kind: 1}


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("G4 A4", "C4 C4"),  # one voice stays
        ("G4 G4", "C4 C4"),  # both repeat
        ("G4 A4", "C#4 D4"),  # from a diminished fifth
        ("G4 A-4", "C4 D4"),  # to a diminished fifth
        ("G#4 A#4", "C4 D4"),  # augmented fifths
        ("A--4 B--4", "C4 D-4"),  # a diminished sixth only sounds like a fifth
        ("F4 G4", "C4 D4"),  # fourths
        ("D3 A3", "A3 D3"),  # an exchange of voices
        ("G4 r A4", "C4 r D4"),  # a rest between
        ("G4 A4", "C4:1/2 D4:1"),  # not at the same moment
    ],
)
def test_no_parallels(make_score: ScoreMaker, upper: str, lower: str) -> None:
    kinds = [each for each in KINDS if each.startswith(("parallel", "fifths", "octaves"))]
    assert _counts(_analysis(make_score(upper, lower), kinds=kinds)) == {}


def test_a_finding_has_its_position_voices_and_notes(make_score: ScoreMaker) -> None:
    result = _analysis(make_score("E4 F4 G4 A4 B4 A4", "G3 A3 C4 D4 G4 F4"), kinds=["parallel fifths"])
    finding = _only(result)
    assert (finding.position.measure, finding.position.beat, finding.position.offset) == ("1", 4.0, 3.0)
    assert (finding.upper_voice, finding.upper_from, finding.upper_to) == ("Voice 1", "G4", "A4")
    assert (finding.lower_voice, finding.lower_from, finding.lower_to) == ("Voice 2", "C4", "D4")
    assert (finding.intervals, finding.lasts_quarters) == ("P5 → P5", None)


def test_the_demonstration_with_parallels(corpus_score: Callable[[str], Score]) -> None:
    """A chorale with parallels from music21's corpus; the expected ones were read from the notes by hand."""
    result = _analysis(
        corpus_score("demos/chorale_with_parallels.mxl"), kinds=["parallel fifths", "parallel octaves"]
    )
    assert [
        (each.kind, each.position.measure, each.position.beat, each.upper_to, each.lower_to)
        for each in result.findings
    ] == [
        ("parallel fifths", "4", 1.0, "D5", "G3"),
        ("parallel octaves", "1", 3.0, "D5", "D3"),
        ("parallel octaves", "2", 1.0, "E5", "E3"),
        ("parallel octaves", "4", 1.0, "B5", "B4"),
    ]


@pytest.mark.parametrize(
    ("voices", "direct", "expected"),
    [
        (("E4 A4", "C4 D4"), "outer", {"direct fifth": 1}),
        (("E4 D5", "C4 D4"), "outer", {"direct octave": 1}),
        (("B4 A4", "E4 D4"), "outer", {}),  # parallel fifths are not direct
        (("G4 A4", "E4 D3"), "outer", {}),  # contrary motion
        (("G4 A4", "B3 D4"), "outer", {}),  # the upper voice moves by step
        (("G4 A4", "B3 D4"), "all", {"direct fifth": 1}),
        (("F4 A4", "B3 D4"), "outer", {}),  # from a diminished fifth
        (("F5:2", "E4 A4", "C4 D4"), "outer", {}),  # an inner voice
        (("F5:2", "E4 A4", "C4 D4"), "all", {"direct fifth": 1}),
        (("E4 A4", "C4 D4", "F2:2"), "outer", {}),
        (("F5:3", "G4 E4 A4", "E4 C4 D4"), "outer", {}),  # the upper voice holds its note for three moments
        (("G4 E4 A4", "E4 C4 D4", "F2:3"), "outer", {}),
        (("E4 A4", "F4 E4", "C4 D4"), "outer", {"direct fifth": 1}),
        (("C4 D4", "F4 E4", "E4 A4"), "outer", {"direct fifth": 1}),  # in any order of voices in the score
        (("A3 D4", "C3 D4"), "all", {"direct octave": 1}),  # a unison is like an octave
        (("C4 D4", "C3 D4"), "all", {}),  # from an octave to a unison: a parallel
    ],
)
def test_direct_intervals(
    make_score: ScoreMaker, voices: tuple[str, ...], direct: str, expected: dict[str, int]
) -> None:
    kinds = ["direct fifth", "direct octave"]
    assert _counts(_analysis(make_score(*voices), kinds=kinds, direct=direct)) == expected


def test_a_crossing_is_one_finding_with_its_duration(make_score: ScoreMaker) -> None:
    score = make_score("G4 E4 E4 G4 A4", "C4 F4:3/2 G4:1/2 C4 C4")
    finding = _only(_analysis(score, kinds=["voice crossing"]))
    assert (finding.position.beat, finding.lasts_quarters, finding.intervals) == (2.0, 2.0, "m2")
    assert (finding.upper_from, finding.upper_to, finding.lower_from, finding.lower_to) == (
        "G4",
        "E4",
        "C4",
        "F4",
    )


def test_the_upper_voice_is_the_usually_higher_one_in_any_order(make_score: ScoreMaker) -> None:
    result = _analysis(make_score("C3 D3 E3 C4", "E4 F4 G4 A3"), kinds=["voice crossing"])
    finding = _only(result)
    assert (finding.upper_voice, finding.lower_voice, finding.position.beat) == ("Voice 2", "Voice 1", 4.0)


def test_separate_crossings_are_two_unless_only_a_rest_separates_them(make_score: ScoreMaker) -> None:
    kinds = ["voice crossing"]
    assert (
        _counts(_analysis(make_score("G4:3 E4 G4 E4 G4:2", "C4:3 F4 C4 F4 C4:2"), kinds=kinds))[
            "voice crossing"
        ]
        == 2
    )
    assert (
        _counts(_analysis(make_score("G4:3 E4 r E4 G4:2", "C4:3 F4 r F4 C4:2"), kinds=kinds))[
            "voice crossing"
        ]
        == 1
    )


def test_the_upper_voice_is_above_for_longer_and_not_for_more_notes(make_score: ScoreMaker) -> None:
    finding = _only(_analysis(make_score("G4:4 C4 D4", "E4:4 E4 F4"), kinds=["voice crossing"]))
    assert (finding.upper_voice, finding.position.offset, finding.lasts_quarters) == ("Voice 1", 4.0, 2.0)


def test_a_resting_voice_is_not_crossed(make_score: ScoreMaker) -> None:
    result = _analysis(make_score("G4 r G4:4", "C4 A4 C4:4"), kinds=["voice crossing"])
    assert result.findings == ()


def test_a_crossing_after_a_rest_has_no_notes_before(make_score: ScoreMaker) -> None:
    finding = _only(_analysis(make_score("G4:3 r E4 G4", "C4:3 r F4 C4"), kinds=["voice crossing"]))
    assert (finding.upper_from, finding.upper_to, finding.lower_from, finding.lower_to) == (
        None,
        "E4",
        None,
        "F4",
    )


def test_findings_of_a_kind_are_in_order_of_time(make_score: ScoreMaker) -> None:
    score = make_score("G4:2 E4 G4:4", "F4:5 F4:2", "C4 G4 C4 C4:4")
    result = _analysis(score, kinds=["voice crossing"])
    assert [each.position.offset for each in result.findings] == [1.0, 2.0]
    assert [each.position.offset for each in _analysis(score, kinds=["voice crossing"], most=1).findings] == [
        1.0
    ]


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ("E4 A4", "C4 F4", 1),  # the lower voice moves above the E that is left
        ("E4 B3", "C4 A3", 1),  # the upper voice moves below the C that is left
        ("E4 F4", "C4 E4", 0),  # moving to the same note is not an overlap
        ("E4 F4", "C4 G4", 0),  # a crossing is not an overlap
    ],
)
def test_overlaps(make_score: ScoreMaker, upper: str, lower: str, expected: int) -> None:
    result = _analysis(make_score(f"{upper} r G4:4", f"{lower} r C4:4"), kinds=["voice overlap"])
    assert _counts(result).get("voice overlap", 0) == expected


@pytest.mark.parametrize(
    ("line", "kind", "size"),
    [
        ("C4 D5", "leap beyond an octave", "M9"),
        ("D5 C4", "leap beyond an octave", "M9"),
        ("C4 B4", "leap of a seventh", "M7"),
        ("C5 D4", "leap of a seventh", "m7"),
        ("F4 B4", "augmented leap", "A4"),
        ("B4 F4", "augmented leap", "A4"),
        ("A-4 B4", "augmented leap", "A2"),
        ("C4 C5", None, ""),
        ("B3 F4", None, ""),  # a diminished fifth
        ("C4 C#4", None, ""),  # a chromatic semitone
        ("C4 A4", None, ""),
        ("C4 r D5", None, ""),
    ],
)
def test_leaps(make_score: ScoreMaker, line: str, kind: str | None, size: str) -> None:
    result = _analysis(make_score(line))
    assert _counts(result) == ({kind: 1} if kind else {})
    assert [each.intervals for each in result.findings] == ([size] if kind else [])
    assert all(each.lower_voice is None for each in result.findings)


def test_doubling_voices_count_once_against_others(make_score: ScoreMaker) -> None:
    tune = "G4 A4 B4 D5 C5 B4"
    bass = "C3 D3 C3 B2 A2 G2"
    single = _counts(_analysis(make_score(tune, bass), kinds=["parallel fifths"]))
    doubled = _analysis(make_score(tune, tune.replace("4", "3").replace("5", "4"), tune, bass))
    assert single == {"parallel fifths": 1}
    assert {kind: count for kind, count in _counts(doubled).items() if "parallel" in kind} == single
    assert doubled.doublings_found == 3
    first = doubled.doublings[0]
    assert (first.first_voice, first.second_voice, first.moves) == ("Voice 1", "Voice 2", 5)
    assert (first.share_of_first, first.share_of_second, first.begins.beat) == (1.0, 1.0, 2.0)


def test_among_many_voices_only_neighbours_are_compared(make_score: ScoreMaker) -> None:
    voices = ["C4:3 C5 C4:3"] + ["E4:7"] * 12
    few = _analysis(make_score(*voices[:12]), kinds=["voice crossing"])
    many = _analysis(make_score(*voices), kinds=["voice crossing"])
    named = _analysis(make_score(*voices), kinds=["voice crossing"], voices=["1", "12", "13"])
    assert (_counts(few), _counts(many), _counts(named)) == (
        {"voice crossing": 11},
        {"voice crossing": 3},
        {"voice crossing": 2},
    )
    assert "3 places apart" in many.rules[-1]
    assert "all pairs" in few.rules[-1]


def test_all_findings_are_counted_and_the_first_ones_listed(make_score: ScoreMaker) -> None:
    score = make_score("G4 A4 G4 A4 G4 A4", "C4 D4 C4 D4 C4 D4", "E3 D3 E3 D3 E3 D3")
    result = _analysis(score, most=2)
    parallels = next(each for each in result.counts if each.kind == "parallel fifths")
    assert (parallels.count, parallels.listed) == (5, 2)
    assert [each.position.beat for each in result.findings if each.kind == "parallel fifths"] == [2.0, 3.0]
    assert all(each.listed <= 2 for each in result.counts)
    assert len(result.findings) == sum(each.listed for each in result.counts)


def test_the_error_for_an_unknown_kind_lists_the_valid_ones(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match=r"parallel fifths, .*got 'parallel thirds'"):
        _analysis(make_score("C4"), kinds=["parallel thirds"])


@pytest.mark.parametrize("voices", [(), ("r:4",), ("C4",), ("C4", "r")])
def test_scores_with_nothing_to_compare(make_score: ScoreMaker, voices: tuple[str, ...]) -> None:
    result = _analysis(make_score(*voices))
    assert _counts(result) == {}
    assert result.findings == ()


def test_the_result_survives_json(make_score: ScoreMaker) -> None:
    result = _analysis(make_score("G4 A4 C4", "C4 D4 E4"))
    text = TypeAdapter(VoiceLeading).dump_json(result)
    assert TypeAdapter(VoiceLeading).validate_python(json.loads(text)) == result


# A plain reading of the definitions, pair by pair and moment by moment, as reference.

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_PITCHES = {
    f"{name}{octave}": (index + 7 * octave, semitone + 12 * octave)
    for octave in (3, 4, 5)
    for index, (name, semitone) in enumerate(_SEMITONES.items())
}
_VOICE = st.lists(
    st.tuples(st.sampled_from([*_PITCHES, "r"]), st.sampled_from([1, 2])), min_size=1, max_size=4
)


def _plainly(voices: list[list[tuple[str, int]]]) -> Counter[str]:
    """Count the parallels of voices of at most four notes, which are too short for doublings."""
    result: Counter[str] = Counter()
    for one, other in combinations(voices, 2):
        moves = []
        for voice in (one, other):
            now, at = 0, {}
            for (before, length), (after, _) in pairwise(voice):
                now += length
                if "r" not in (before, after) and before != after:
                    at[now] = (_PITCHES[before], _PITCHES[after])
            moves.append(at)
        for time in moves[0].keys() & moves[1].keys():
            (a_from, a_to), (b_from, b_to) = moves[0][time], moves[1][time]
            sizes = []
            for a, b in ((a_from, b_from), (a_to, b_to)):
                low, high = sorted((a, b))
                sizes.append(((high[0] - low[0]) % 7, (high[1] - low[1]) % 12, high == low))
            together = (a_to > a_from) == (b_to > b_from)
            is_order_kept = (a_from < b_from) == (a_to < b_to)
            if is_order_kept and all(size[:2] == (4, 7) for size in sizes):
                result["parallel fifths" if together else "fifths by contrary motion"] += 1
            elif all(size[:2] == (0, 0) for size in sizes):
                unison = together and all(size[2] for size in sizes)
                kind = "parallel unisons" if unison else "parallel octaves"
                result[kind if together else "octaves by contrary motion"] += 1
    return result


@settings(max_examples=80, deadline=None)
@given(st.lists(_VOICE, min_size=2, max_size=4))
def test_parallels_equal_a_plain_reading_of_the_definitions(
    make_score: ScoreMaker, voices: list[list[tuple[str, int]]]
) -> None:
    score = make_score(*(" ".join(f"{name}:{length}" for name, length in voice) for voice in voices))
    kinds = [each for each in KINDS if each.startswith(("parallel", "fifths", "octaves"))]
    assert _counts(_analysis(score, kinds=kinds)) == dict(_plainly(voices))
