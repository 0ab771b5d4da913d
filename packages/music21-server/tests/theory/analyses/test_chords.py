import pytest
from pydantic import TypeAdapter

from music21_server.errors import ScoreError
from music21_server.theory.analyses.chords import ChordAnalysis, Tally, chord_analysis
from music21_server.theory.chords.name_table import NameTable
from music21_server.theory.pitch.names import parse_key
from music21_server.theory.pitch.transposition import sounding_pitches, written_pitches


def analyse(score, key=None):
    return chord_analysis(score, written_pitches(score), parse_key(key) if key else None)


def test_every_sonority_is_listed_with_its_position_and_name(make_score):
    score = make_score("E4 D4:0.5 D4:0.5 r:2 C4:4", "C3 B2 r:2 C3:4")
    analysis = analyse(score, "C major")
    places = [row.position for row in analysis.sonorities]
    assert [(place.measure, place.beat, place.offset) for place in places] == [
        ("1", 1, 0), ("1", 2, 1), ("1", 2.5, 1.5), ("2", 1, 4)
    ]  # fmt: skip
    first, second, _, last = analysis.sonorities
    assert first.pitches == ("C3", "E4")
    assert first.duration_quarters == 1
    assert (first.root, first.numeral, first.interval, first.common_name) == ("C", "I", "M10", "Major Third")
    assert (second.root, second.inversion) == ("B", 0)
    assert (last.pitches, last.duration_quarters, last.interval) == (("C3", "C4"), 4, "P8")
    assert analysis.sonority_count == 4
    assert analysis.distinct_count == 3


def test_roots_are_spelled_in_the_requested_key(make_score):
    analysis = analyse(make_score("B-3+D4+F4+A-4:2 E-4+G4+B-4:2"), "E- major")
    assert [(row.root, row.numeral) for row in analysis.sonorities] == [("B-", "V7"), ("E-", "I")]
    assert analysis.key == "E- major"


def test_tallies_are_ordered_by_total_duration(make_score):
    analysis = analyse(make_score("C4+E4+G4:2 C4+E4+G4:1 D4+F4+A4:1 C4+G4:4"), "C")
    assert analysis.by_quality == (Tally("other", 1, 4), Tally("major", 2, 3), Tally("minor", 1, 1))
    assert analysis.by_root == (Tally("C", 3, 7), Tally("D", 1, 1))
    assert analysis.most_common[0] == Tally("i5: Perfect Fifth", 1, 4)


def test_the_most_likely_key_is_the_default(make_score):
    score = make_score("D-4 E-4 F4 A-4 G-4 F4 E-4:1 C4:1 D-4:4", "D-3:4 A-3:2 A-3:2 D-3:4")
    assert analyse(score).key == "D- major"


def test_sounding_pitch_decides_the_key(corpus_score):
    score = corpus_score("haydn/opus74no1/movement1.mxl")
    assert chord_analysis(score, sounding_pitches(score)).key == "C major"


def test_a_score_in_which_nothing_sounds_is_an_error(make_score):
    with pytest.raises(ScoreError, match="no pitched notes"):
        analyse(make_score("r:4"))


def test_quarter_tones_are_listed(make_score):
    analysis = analyse(make_score("C4+E`4+G4:4"), "C")
    assert analysis.sonorities[0].pitches == ("C4", "E`4", "G4")
    assert analysis.sonorities[0].common_name == "microtonal chord"


def test_the_result_survives_json(make_score):
    analysis = analyse(make_score("C4+E4+G4:4"), "C")
    adapter = TypeAdapter(ChordAnalysis)
    assert adapter.validate_json(adapter.dump_json(analysis)) == analysis


def test_a_chorale_needs_no_name_outside_the_packaged_table(corpus_score):
    score = corpus_score("bach/bwv66.6.mxl")
    from music21_server.theory.chords.name_table import packaged_names

    table = NameTable(packaged_names())
    chord_analysis(score, sounding_pitches(score), table=table)
    assert len(table) > 20
    assert table.misses == 0


def test_the_most_common_names_are_at_most_twenty(make_score):
    steps = [f"{name}{octave}" for octave in (3, 4, 5) for name in "CDEFGAB"]
    gaps = [(at, gap) for gap in (1, 2, 3, 4) for at in range(7)]
    chords = [f"{steps[at]}+{steps[at + gap]}+{steps[at + gap + 2]}" for at, gap in gaps]
    analysis = analyse(make_score(" ".join(chords)), "C")
    assert len(analysis.most_common) == 20
    assert analysis.distinct_count > 20
