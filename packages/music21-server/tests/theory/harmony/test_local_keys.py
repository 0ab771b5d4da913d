import pytest

from music21_server.theory.chords.assignment import chord_path
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.harmony import local_keys as local_keys_module
from music21_server.theory.harmony.chord_probabilities import odds_of
from music21_server.theory.harmony.local_keys import degree_of, local_keys
from music21_server.theory.pitch.names import parse_key
from music21_server.theory.pitch.transposition import sounding_pitches, written_pitches
from music21_server.theory.time.positions import Clock

C_MAJOR = "C4+E4+G4:2 F4+A4+C5:2 G4+B4+D5+F5:2 C4+E4+G4+C5:2 "
E_FLAT_MAJOR = "E-4+G4+B-4:2 A-4+C5+E-5:2 B-4+D5+F5+A-5:2 E-4+G4+B-4+E-5:2 "
A_MINOR = "A3+C4+E4:2 D4+F4+A4:2 E4+G#4+B4+D5:2 A3+C4+E4:2 "


def keys(score, pitches=None):
    clock = Clock(score)
    sounding = sonorities(score, pitches or written_pitches(score))
    result = local_keys(score, sounding, chord_path(score, sounding, clock), clock)
    return result.segments(clock, score.notes.ticks_per_quarter), result.modulations(clock)


def test_a_piece_in_one_key_is_one_segment(make_score):
    segments, modulations = keys(make_score(C_MAJOR * 3))
    assert [segment.key for segment in segments] == ["C major"]
    assert (segments[0].start.offset, segments[0].end.offset, segments[0].duration_quarters) == (0, 24, 24)
    assert 0.5 < segments[0].confidence <= 1
    assert modulations == ()


def test_a_modulation_is_found_where_it_is(make_score):
    segments, modulations = keys(make_score(C_MAJOR * 3 + E_FLAT_MAJOR * 3 + C_MAJOR * 3))
    assert [segment.key for segment in segments] == ["C major", "E- major", "C major"]
    assert segments[1].start.measure == "7"
    assert [(each.from_key, each.to_key, each.degree) for each in modulations] == [
        ("C major", "E- major", "bIII"), ("E- major", "C major", "VI")
    ]  # fmt: skip


def test_a_passing_chord_is_not_a_modulation(make_score):
    segments, _ = keys(make_score(C_MAJOR * 2 + "E4+G#4+B4:1 A4+C5+E5:1 G4+B4+D5:2 C4+E4+G4:4 " + C_MAJOR))
    assert [segment.key for segment in segments] == ["C major"]


def test_a_modulation_to_the_relative_minor(make_score):
    segments, modulations = keys(make_score(C_MAJOR * 3 + A_MINOR * 4))
    assert [segment.key for segment in segments] == ["C major", "A minor"]
    assert modulations[0].degree == "vi"


def test_a_score_in_which_nothing_sounds_has_no_keys(make_score):
    assert keys(make_score("r:4 r:4")) == ((), ())


def test_segments_cover_the_score_from_beginning_to_end(make_score):
    segments, _ = keys(make_score("r:2 " + C_MAJOR + "r:2"))
    assert [(segment.start.offset, segment.end.offset) for segment in segments] == [(0, 12)]


@pytest.mark.parametrize("length", ["4", "2", "1", "0.5"])
def test_note_values_do_not_turn_a_passing_chord_into_a_modulation(make_score, length):
    piece = C_MAJOR + "E4+G#4+B4+D5:2 A3+C4+E4:2 " + C_MAJOR
    segments, _ = keys(make_score(piece.replace(":2", f":{length}")))
    assert [segment.key for segment in segments] == ["C major"]


def test_chord_successions_decide_the_key(make_score, monkeypatch):
    """If only the tonic follows the subdominant, the second of two such chords is the tonic."""
    seen = {"0 major": 9, "5 major": 9, "7 major": 9}
    counts = {
        "major": {"alone": seen, "after": {"5 major": {"0 major": 1000}}},
        "minor": {"alone": {}, "after": {}},
    }
    odds = odds_of(counts)
    monkeypatch.setattr(local_keys_module, "chord_odds", lambda: odds)
    tonic, dominant = "C4+E4+G4:2", "G3+B3+D4:2"
    assert [segment.key for segment in keys(make_score(f"{tonic} {dominant}"))[0]] == ["G major"]
    assert [segment.key for segment in keys(make_score(f"{dominant} {tonic}"))[0]] == ["C major"]


def test_keys_with_many_flats_are_spelled_with_flats(make_score):
    to_d_flat = "B-3+D-4+F4:1 G-3+B-3+D-4:1 A-3+C4+E-4:1 D-4+F4+A-4:1 "
    to_b_flat = "D-4+F4+A-4:1 G-3+B-3+D-4:1 F3+A3+C4:1 B-3+D-4+F4:1 "
    assert keys(make_score(to_d_flat * 4))[0][-1].key == "D- major"
    assert keys(make_score(to_b_flat * 4))[0][-1].key == "B- minor"


def test_the_local_keys_of_a_chorale(corpus_score):
    score = corpus_score("bach/bwv66.6.mxl")
    segments, _ = keys(score, sounding_pitches(score))
    assert segments[-1].key in ("F# minor", "F# major")
    assert {"A major", "F# minor"} <= {segment.key for segment in segments}


@pytest.mark.parametrize(
    ("key", "home", "degree"),
    [
        ("G major", "C major", "V"),
        ("A minor", "C major", "vi"),
        ("C major", "A minor", "III"),
        ("E minor", "A minor", "v"),
        ("E major", "A minor", "V"),
        ("C minor", "C major", "i"),
        ("A- major", "C major", "bVI"),
        ("F# major", "C major", "#IV"),
        ("F# minor", "A minor", "#vi"),
    ],
)
def test_keys_are_named_as_degrees_of_the_home_key(key, home, degree):
    assert degree_of(parse_key(key), parse_key(home)) == degree


def test_a_change_to_a_key_six_fifths_away_costs_no_more_than_five():
    costs = local_keys_module._costs()
    c, f_sharp, b = 0, 6, 11
    assert costs[c, f_sharp] == costs[f_sharp, c] == costs[c, b] == 7
    assert costs[c, c] == 0


def test_a_modulation_by_a_tritone_is_found(make_score):
    """With a cost for the sixth fifth, the segment would be in F# minor, which is nearer to C major."""
    f_sharp_major = "F#4+A#4+C#5:2 C#5+E#5+G#5+B5:2 " * 2
    segments, _ = keys(make_score(C_MAJOR * 2 + f_sharp_major + C_MAJOR * 2))
    assert [segment.key for segment in segments] == ["C major", "F# major", "C major"]
