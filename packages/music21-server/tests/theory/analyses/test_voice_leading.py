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


def _analysed(score: Score, **options: Any) -> VoiceLeading:
    return voice_leading(score, sounding_pitches(score), **options)


def _counts(found: VoiceLeading) -> dict[str, int]:
    return {each.kind: each.count for each in found.counts if each.count}


def _only(found: VoiceLeading) -> Finding:
    assert len(found.findings) == 1
    return found.findings[0]


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
    assert _counts(_analysed(make_score(upper, lower), kinds=kinds)) == {kind: 1}


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("G4 A4", "C4 C4"),  # one voice stays
        ("G4 G4", "C4 C4"),  # both repeat
        ("G4 A4", "C#4 D4"),  # from a diminished fifth
        ("G4 A-4", "C4 D4"),  # to a diminished fifth
        ("G#4 A#4", "C4 D4"),  # augmented fifths
        ("A--4 B--4", "C4 D-4"),  # a diminished sixth sounds like a fifth, and is none
        ("F4 G4", "C4 D4"),  # fourths
        ("D3 A3", "A3 D3"),  # an exchange of voices
        ("G4 r A4", "C4 r D4"),  # a rest between
        ("G4 A4", "C4:1/2 D4:1"),  # not at the same moment
    ],
)
def test_no_parallels(make_score: ScoreMaker, upper: str, lower: str) -> None:
    kinds = [each for each in KINDS if each.startswith(("parallel", "fifths", "octaves"))]
    assert _counts(_analysed(make_score(upper, lower), kinds=kinds)) == {}


def test_a_finding_tells_who_what_and_where(make_score: ScoreMaker) -> None:
    found = _analysed(make_score("E4 F4 G4 A4 B4 A4", "G3 A3 C4 D4 G4 F4"), kinds=["parallel fifths"])
    finding = _only(found)
    assert (finding.position.measure, finding.position.beat, finding.position.offset) == ("1", 4.0, 3.0)
    assert (finding.upper_voice, finding.upper_from, finding.upper_to) == ("Voice 1", "G4", "A4")
    assert (finding.lower_voice, finding.lower_from, finding.lower_to) == ("Voice 2", "C4", "D4")
    assert (finding.intervals, finding.lasts_quarters) == ("P5 → P5", None)


def test_the_demonstration_with_parallels(corpus_score: Callable[[str], Score]) -> None:
    """A chorale that music21 ships to show parallels: read by hand from the notes."""
    found = _analysed(
        corpus_score("demos/chorale_with_parallels.mxl"), kinds=["parallel fifths", "parallel octaves"]
    )
    assert [
        (each.kind, each.position.measure, each.position.beat, each.upper_to, each.lower_to)
        for each in found.findings
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
        (("B4 A4", "E4 D4"), "outer", {}),  # parallel fifths are no direct ones
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
        (("C4 D4", "F4 E4", "E4 A4"), "outer", {"direct fifth": 1}),  # whatever the order in the score
        (("A3 D4", "C3 D4"), "all", {"direct octave": 1}),  # a unison is like an octave
        (("C4 D4", "C3 D4"), "all", {}),  # from an octave to a unison: a parallel
    ],
)
def test_direct_intervals(
    make_score: ScoreMaker, voices: tuple[str, ...], direct: str, expected: dict[str, int]
) -> None:
    kinds = ["direct fifth", "direct octave"]
    assert _counts(_analysed(make_score(*voices), kinds=kinds, direct=direct)) == expected


def test_a_crossing_is_told_once_for_as_long_as_it_lasts(make_score: ScoreMaker) -> None:
    score = make_score("G4 E4 E4 G4 A4", "C4 F4:3/2 G4:1/2 C4 C4")
    finding = _only(_analysed(score, kinds=["voice crossing"]))
    assert (finding.position.beat, finding.lasts_quarters, finding.intervals) == (2.0, 2.0, "m2")
    assert (finding.upper_from, finding.upper_to, finding.lower_from, finding.lower_to) == (
        "G4",
        "E4",
        "C4",
        "F4",
    )


def test_who_is_usually_above_decides_not_the_order_of_the_score(make_score: ScoreMaker) -> None:
    found = _analysed(make_score("C3 D3 E3 C4", "E4 F4 G4 A3"), kinds=["voice crossing"])
    finding = _only(found)
    assert (finding.upper_voice, finding.lower_voice, finding.position.beat) == ("Voice 2", "Voice 1", 4.0)


def test_crossings_apart_are_two_and_a_rest_alone_does_not_part_them(make_score: ScoreMaker) -> None:
    kinds = ["voice crossing"]
    assert (
        _counts(_analysed(make_score("G4:3 E4 G4 E4 G4:2", "C4:3 F4 C4 F4 C4:2"), kinds=kinds))[
            "voice crossing"
        ]
        == 2
    )
    assert (
        _counts(_analysed(make_score("G4:3 E4 r E4 G4:2", "C4:3 F4 r F4 C4:2"), kinds=kinds))[
            "voice crossing"
        ]
        == 1
    )


def test_who_is_above_for_longer_is_the_upper_voice_not_who_is_so_more_often(make_score: ScoreMaker) -> None:
    finding = _only(_analysed(make_score("G4:4 C4 D4", "E4:4 E4 F4"), kinds=["voice crossing"]))
    assert (finding.upper_voice, finding.position.offset, finding.lasts_quarters) == ("Voice 1", 4.0, 2.0)


def test_a_voice_that_rests_is_not_crossed(make_score: ScoreMaker) -> None:
    found = _analysed(make_score("G4 r G4:4", "C4 A4 C4:4"), kinds=["voice crossing"])
    assert found.findings == ()


def test_of_a_crossing_after_a_rest_no_note_before_is_told(make_score: ScoreMaker) -> None:
    finding = _only(_analysed(make_score("G4:3 r E4 G4", "C4:3 r F4 C4"), kinds=["voice crossing"]))
    assert (finding.upper_from, finding.upper_to, finding.lower_from, finding.lower_to) == (
        None,
        "E4",
        None,
        "F4",
    )


def test_findings_of_a_kind_come_in_the_order_of_time(make_score: ScoreMaker) -> None:
    score = make_score("G4:2 E4 G4:4", "F4:5 F4:2", "C4 G4 C4 C4:4")
    found = _analysed(score, kinds=["voice crossing"])
    assert [each.position.offset for each in found.findings] == [1.0, 2.0]
    assert [each.position.offset for each in _analysed(score, kinds=["voice crossing"], most=1).findings] == [
        1.0
    ]


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ("E4 A4", "C4 F4", 1),  # the lower voice goes above the E that is left
        ("E4 B3", "C4 A3", 1),  # the upper voice goes below the C that is left
        ("E4 F4", "C4 E4", 0),  # to the same note is no overlap
        ("E4 F4", "C4 G4", 0),  # a crossing is no overlap
    ],
)
def test_overlaps(make_score: ScoreMaker, upper: str, lower: str, expected: int) -> None:
    found = _analysed(make_score(f"{upper} r G4:4", f"{lower} r C4:4"), kinds=["voice overlap"])
    assert _counts(found).get("voice overlap", 0) == expected


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
    found = _analysed(make_score(line))
    assert _counts(found) == ({kind: 1} if kind else {})
    assert [each.intervals for each in found.findings] == ([size] if kind else [])
    assert all(each.lower_voice is None for each in found.findings)


def test_doubling_voices_count_once_against_others(make_score: ScoreMaker) -> None:
    tune = "G4 A4 B4 D5 C5 B4"
    bass = "C3 D3 C3 B2 A2 G2"
    single = _counts(_analysed(make_score(tune, bass), kinds=["parallel fifths"]))
    doubled = _analysed(make_score(tune, tune.replace("4", "3").replace("5", "4"), tune, bass))
    assert single == {"parallel fifths": 1}
    assert {kind: count for kind, count in _counts(doubled).items() if "parallel" in kind} == single
    assert doubled.doublings_found == 3
    first = doubled.doublings[0]
    assert (first.first_voice, first.second_voice, first.moves) == ("Voice 1", "Voice 2", 5)
    assert (first.share_of_first, first.share_of_second, first.begins.beat) == (1.0, 1.0, 2.0)


def test_many_voices_are_compared_with_their_neighbours_only(make_score: ScoreMaker) -> None:
    voices = ["C4:3 C5 C4:3"] + ["E4:7"] * 12
    few = _analysed(make_score(*voices[:12]), kinds=["voice crossing"])
    many = _analysed(make_score(*voices), kinds=["voice crossing"])
    named = _analysed(make_score(*voices), kinds=["voice crossing"], voices=["1", "12", "13"])
    assert (_counts(few), _counts(many), _counts(named)) == (
        {"voice crossing": 11},
        {"voice crossing": 3},
        {"voice crossing": 2},
    )
    assert "3 places apart" in many.rules[-1]
    assert "all pairs" in few.rules[-1]


def test_all_are_counted_and_the_first_ones_listed(make_score: ScoreMaker) -> None:
    score = make_score("G4 A4 G4 A4 G4 A4", "C4 D4 C4 D4 C4 D4", "E3 D3 E3 D3 E3 D3")
    found = _analysed(score, most=2)
    parallels = next(each for each in found.counts if each.kind == "parallel fifths")
    assert (parallels.count, parallels.listed) == (5, 2)
    assert [each.position.beat for each in found.findings if each.kind == "parallel fifths"] == [2.0, 3.0]
    assert all(each.listed <= 2 for each in found.counts)
    assert len(found.findings) == sum(each.listed for each in found.counts)


def test_unknown_kinds_are_answered_with_those_there_are(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match=r"parallel fifths, .*got 'parallel thirds'"):
        _analysed(make_score("C4"), kinds=["parallel thirds"])


@pytest.mark.parametrize("voices", [(), ("r:4",), ("C4",), ("C4", "r")])
def test_scores_with_nothing_to_compare(make_score: ScoreMaker, voices: tuple[str, ...]) -> None:
    found = _analysed(make_score(*voices))
    assert _counts(found) == {}
    assert found.findings == ()


def test_the_result_is_json(make_score: ScoreMaker) -> None:
    found = _analysed(make_score("G4 A4 C4", "C4 D4 E4"))
    text = TypeAdapter(VoiceLeading).dump_json(found)
    assert TypeAdapter(VoiceLeading).validate_python(json.loads(text)) == found


# A plain reading of the definitions, pair by pair and moment by moment, to compare with.

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
    """Count the parallels of voices of at most four notes, in which there are no doublings."""
    found: Counter[str] = Counter()
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
                found["parallel fifths" if together else "fifths by contrary motion"] += 1
            elif all(size[:2] == (0, 0) for size in sizes):
                unison = together and all(size[2] for size in sizes)
                kind = "parallel unisons" if unison else "parallel octaves"
                found[kind if together else "octaves by contrary motion"] += 1
    return found


@settings(max_examples=80, deadline=None)
@given(st.lists(_VOICE, min_size=2, max_size=4))
def test_parallels_as_by_a_plain_reading(make_score: ScoreMaker, voices: list[list[tuple[str, int]]]) -> None:
    score = make_score(*(" ".join(f"{name}:{length}" for name, length in voice) for voice in voices))
    kinds = [each for each in KINDS if each.startswith(("parallel", "fifths", "octaves"))]
    assert _counts(_analysed(score, kinds=kinds)) == dict(_plainly(voices))
