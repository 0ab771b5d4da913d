import pytest

from music21_server.theory.local_keys import degree_of, local_keys
from music21_server.theory.names import parse_key
from music21_server.theory.positions import Clock
from music21_server.theory.sounding import sounding_pitches, written_pitches

C_MAJOR = "C4+E4+G4:2 F4+A4+C5:2 G4+B4+D5+F5:2 C4+E4+G4+C5:2 "
E_FLAT_MAJOR = "E-4+G4+B-4:2 A-4+C5+E-5:2 B-4+D5+F5+A-5:2 E-4+G4+B-4+E-5:2 "
A_MINOR = "A3+C4+E4:2 D4+F4+A4:2 E4+G#4+B4+D5:2 A3+C4+E4:2 "


def keys(score, pitches=None):
    clock = Clock(score)
    found = local_keys(score, pitches or written_pitches(score), clock)
    return found.segments(clock, score.notes.ticks_per_quarter), found.modulations(clock)


def test_one_key(make_score):
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


def test_a_passing_chord_is_no_modulation(make_score):
    segments, _ = keys(make_score(C_MAJOR * 2 + "E4+G#4+B4:1 A4+C5+E5:1 G4+B4+D5:2 C4+E4+G4:4 " + C_MAJOR))
    assert [segment.key for segment in segments] == ["C major"]


def test_the_relative_minor(make_score):
    segments, modulations = keys(make_score(C_MAJOR * 3 + A_MINOR * 4))
    assert [segment.key for segment in segments] == ["C major", "A minor"]
    assert modulations[0].degree == "vi"


def test_nothing_sounds(make_score):
    segments, modulations = keys(make_score("r:4 r:4"))
    assert modulations == ()
    assert [segment.end.offset for segment in segments] == [8]


def test_a_chorale(corpus_score):
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
def test_degrees_of_keys(key, home, degree):
    assert degree_of(parse_key(key), parse_key(home)) == degree
