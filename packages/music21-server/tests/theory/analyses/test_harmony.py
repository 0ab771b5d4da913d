from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.score.table import Fermata
from music21_server.theory.analyses.harmony import HarmonyAnalysis, harmony_analysis
from music21_server.theory.pitch.names import parse_key
from music21_server.theory.pitch.transposition import sounding_pitches, written_pitches


def analyse(score, key=None, **options):
    return harmony_analysis(score, written_pitches(score), parse_key(key) if key else None, **options)


PERIOD = (
    "E4:2 F4:2 E4:2 D4:2 E4:2 D4:2 C4:4",
    "G3:2 A3:2 G3:2 B3:2 C4:2 B3:2 G3:4",
    "C3:2 F3:2 C3:2 G3:2 C3:2 G3:2 C3:4",
)


def test_a_period_has_its_numerals_functions_cadence_and_progressions(make_score):
    analysis = analyse(make_score(*PERIOD))
    assert analysis.key == "C major"
    assert [row.numeral for row in analysis.harmonies] == ["I", "IV", "I", "V", "I", "V", "I"]
    assert [row.function for row in analysis.harmonies] == [
        "tonic", "subdominant", "tonic", "dominant", "tonic", "dominant", "tonic"
    ]  # fmt: skip
    assert [(each.position.measure, each.kind, each.numerals) for each in analysis.cadences] == [
        ("4", "perfect authentic", ("V", "I"))
    ]
    assert analysis.rhythm.change_count == 7
    assert [(pair.numerals, pair.count) for pair in analysis.pairs] == [(("I", "V"), 2), (("V", "I"), 2)]
    assert analysis.harmony_count == 7


def test_two_phrase_ends_within_one_harmony_are_one_cadence(make_score):
    score = make_score(*(f"{voice[:-1]}2 {voice.split()[-1][:-1]}2" for voice in PERIOD))
    assert [each.numerals for each in analyse(score).cadences] == [("V", "I")]
    marked = replace(score, fermatas=(Fermata(0, 3, 0),))
    assert [(each.numerals, each.evidence) for each in analyse(marked).cadences] == [(("V", "I"), "fermata")]


def test_applied_dominants_are_marked(make_score):
    score = make_score("G4:2 A4:2 G4:4", "E4:2 F#4:2 D4:4", "C4:2 C4:2 B3:4", "C3:2 D3:2 G3:4")
    rows = analyse(score, "C").harmonies
    assert (rows[1].function, rows[1].applied) == ("applied dominant", "V7/V")
    assert rows[0].applied == ""


def test_local_keys_change_numerals_but_neither_cadences_nor_roots(corpus_score):
    score = corpus_score("bach/bwv66.6.mxl")
    whole = harmony_analysis(score, sounding_pitches(score))
    local = harmony_analysis(score, sounding_pitches(score), in_local_keys=True)
    assert {row.key for row in whole.harmonies} == {"F# minor"}
    assert {row.key for row in local.harmonies} >= {"A major", "F# minor"}
    assert whole.cadences == local.cadences
    assert [row.root for row in whole.harmonies] == [row.root for row in local.harmonies]


def test_cadences_of_a_chorale(corpus_score):
    """Aus meines Herzens Grunde: half in bars 4, 10 and 18, perfect in 7 and 21; brief ones are not found."""
    score = corpus_score("bach/bwv269.mxl")
    cadences = harmony_analysis(score, sounding_pitches(score)).cadences
    assert [(each.position.measure, each.kind, each.key) for each in cadences] == [
        ("4", "half", "G major"),
        ("7", "perfect authentic", "G major"),
        ("10", "half", "G major"),
        ("18", "half", "G major"),
        ("21", "perfect authentic", "G major"),
    ]
    assert cadences[-1].evidence == "end of the score"


def test_a_score_in_which_nothing_sounds_is_an_error(make_score):
    with pytest.raises(ScoreError, match="no pitched notes"):
        analyse(make_score("r:4"))


def test_a_single_note_is_one_harmony_without_progressions(make_score):
    analysis = analyse(make_score("C4:4"))
    assert analysis.harmony_count == 1
    assert analysis.cadences == ()
    assert analysis.pairs == ()


def test_the_result_survives_json(make_score):
    analysis = analyse(make_score(*PERIOD))
    adapter = TypeAdapter(HarmonyAnalysis)
    assert adapter.validate_json(adapter.dump_json(analysis)) == analysis
