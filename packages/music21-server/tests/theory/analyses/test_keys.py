import pytest
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.theory.analyses.keys import (
    ALGORITHMS,
    KeyAnalysis,
    consensus,
    key_report,
    parse_algorithm,
)
from music21_server.theory.keys.profiles import PROFILES, KeyCandidate


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("bach/bwv66.6.mxl", "F# minor"),
        ("bach/bwv269.mxl", "G major"),
        ("bach/bwv57.8.mxl", "B- major"),
        ("haydn/opus74no1/movement1.mxl", "C major"),
    ],
)
def test_the_consensus_finds_the_key_of_known_works(corpus_score, name, key):
    report = key_report(corpus_score(name), "consensus")
    assert report.key == key
    assert report.confidence >= 0.6
    assert len(report.votes) == len(PROFILES) == 5
    assert f"{report.tonic} {report.mode}" == report.key


def test_each_algorithm_has_its_own_coefficient(corpus_score):
    score = corpus_score("bach/bwv66.6.mxl")
    reports = {name: key_report(score, name) for name in ALGORITHMS}
    assert len({report.coefficient for report in reports.values()}) == len(ALGORITHMS)
    assert reports["krumhansl"] == key_report(score, "Krumhansl-Schmuckler")
    assert {vote.algorithm: vote.coefficient for vote in reports["consensus"].votes} == {
        name: reports[name].coefficient for name in PROFILES
    }
    assert all(len(report.alternatives) == 5 for report in reports.values())


def test_the_default_profile_is_that_of_music21(corpus_score):
    assert key_report(corpus_score("bach/bwv66.6.mxl")).algorithm == "aarden-essen"


def test_the_error_for_an_unknown_algorithm_lists_the_valid_ones():
    with pytest.raises(ScoreError) as raised:
        parse_algorithm("magic")
    assert all(name in str(raised.value) for name in ALGORITHMS)
    assert "'magic'" in str(raised.value)


@pytest.mark.parametrize("voices", [("r:4",), ("r:4 r:4", "r:8")])
def test_a_score_without_notes_is_an_error(make_score, voices):
    with pytest.raises(ScoreError, match="no pitched notes"):
        key_report(make_score(*voices))


def test_votes_rank_before_coefficients():
    one, other = ("C", "major"), ("A", "minor")

    def candidates(first, second, high, low):
        return [KeyCandidate(*first, high), KeyCandidate(*second, low)]

    ranked = consensus(
        {
            "a": candidates(one, other, 0.5, 0.49),
            "b": candidates(one, other, 0.5, 0.49),
            "c": candidates(other, one, 0.9, 0.1),
        }
    )
    assert (ranked[0].tonic, ranked[0].mode) == one
    assert ranked[0].coefficient == pytest.approx((0.5 + 0.5 + 0.1) / 3)


def test_the_key_is_spelled_like_the_notes(make_score):
    report = key_report(
        make_score("D-4 E-4 F4 A-4 G-4 F4 E-4:1 C4:1 D-4:4", "D-3:4 A-3:2 A-3:2 D-3:4"), "consensus"
    )
    assert report.key == "D- major"
    report = key_report(
        make_score("C#4 D#4 E#4 G#4 F#4 E#4 D#4:1 B#3:1 C#4:4", "C#3:4 G#3:2 G#3:2 C#3:4"), "consensus"
    )
    assert report.key == "C# major"


def test_the_result_survives_json(corpus_score):
    adapter = TypeAdapter(KeyAnalysis)
    report = key_report(corpus_score("bach/bwv66.6.mxl"))
    assert adapter.validate_json(adapter.dump_json(report)) == report


def test_errors_quote_at_most_40_characters():
    with pytest.raises(ScoreError) as raised:
        parse_algorithm("x" * 1000)
    assert f"got '{'x' * 40}'" in str(raised.value)
