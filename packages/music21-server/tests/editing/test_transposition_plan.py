import numpy as np
import pytest

from music21_server.editing.column_transposition import moving_rows
from music21_server.editing.intervals import Interval, interval_named
from music21_server.editing.transposition_plan import (
    Plan,
    check_range,
    interval_of_semitones,
    interval_to_key,
    plan_of,
)
from music21_server.errors import ScoreError
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.theory.pitch.names import parse_key


def score_of(*fifths: int | None, pitches: str = "C4", other: tuple[int, str] | None = None):
    parts = [bars_of(fifths, pitches)] + ([] if other is None else [bars_of(other[:1], other[1])])
    written = "".join(f"<part id='P{index}'>{bars}</part>" for index, bars in enumerate(parts))
    document = f"<score-partwise><part-list/>{written}</score-partwise>"
    return read_musicxml(document.encode(), Limits())


def bars_of(fifths: tuple[int | None, ...], pitches: str) -> str:
    key = "<key><fifths>{}</fifths></key>"
    return "".join(
        "<measure><attributes><divisions>1</divisions>"
        f"{'' if each is None else key.format(each)}</attributes>"
        + "".join(
            f"<note><pitch><step>{pitch[0]}</step><alter>{pitch.count('#') - pitch.count('b')}</alter>"
            f"<octave>{pitch[-1]}</octave></pitch><duration>1</duration></note>"
            for pitch in pitches.split()
        )
        + "</measure>"
        for each in fifths
    )


@pytest.mark.parametrize(
    ("fifths", "interval", "expected"),
    [
        ((0,), "M3", "M3"),
        ((4,), "M3", "d4"),  # E major: not G sharp but A flat
        ((-6,), "-M2", "-d3"),  # G flat major: not F flat but E
        ((7,), "A1", "m2"),
        ((7,), "M2", "d3"),
        ((5, -1), "m2", "m2"),
        ((0, 5), "A1", "m2"),
        ((7,), "AA1", "d3"),  # C sharp major: not C with three sharps, not D sharp, but E flat
        ((-7,), "dd5", "A3"),  # C flat major: not G with four flats, not F flat, but E
        ((12,), "P8", "P8"),  # what is beyond already may stay so
    ],
)
def test_one_interval_for_all_signatures(fifths, interval, expected):
    plan = plan_of(score_of(*fifths), (0,), interval_named(interval))
    assert plan.exceptions == {}
    assert plan.interval == interval_named(expected)
    assert all(abs(each + plan.interval.fifths) <= max(7, abs(each)) for each in fifths)


def test_where_no_interval_serves_passages_differ():
    plan = plan_of(score_of(5, -5), (0,), interval_named("m2"))
    assert plan.under(5) == Interval(1, 1)
    assert plan.under(-5) == Interval(0, 1)
    assert plan.under(0) == Interval(1, 1)
    # Seven flats instead of two are many, but can be written: as asked for.
    assert plan_of(score_of(5, -5, -2), (0,), interval_named("m2")).exceptions == {-5: Interval(0, 1)}


def test_keys_and_notes_of_other_parts_say_nothing():
    score = score_of(0, pitches="Bb4 Eb4 Ab4", other=(7, "F#4 C#4 G#4 F#4 C#4 G#4"))
    assert plan_of(score, (0,), interval_named("A1")) == Plan(Interval(0, 1), {})  # seven sharps
    assert interval_of_semitones(score, (0,), 1) == interval_named("m2")
    same = score_of(0, pitches="Bb4 Eb4 Ab4", other=(0, "F#4 C#4 G#4 F#4 C#4 G#4"))
    assert interval_of_semitones(same, (0,), 6) == interval_named("A4")


def test_without_a_signature_there_are_no_signs():
    score = score_of(None)
    assert score.keys == ()
    assert plan_of(score, (0,), interval_named("AA1")).interval == interval_named("M2")
    assert interval_of_semitones(score, (0,), 1) == interval_named("m2")


@pytest.mark.parametrize(
    ("fifths", "semitones", "expected"),
    [
        (0, 0, "P1"), (0, 1, "m2"), (0, 2, "M2"), (0, 3, "m3"), (0, 4, "M3"), (0, 5, "P4"), (0, 7, "P5"),
        (0, 8, "m6"), (0, 9, "M6"), (0, 10, "m7"), (0, 11, "M7"), (0, 12, "P8"), (0, 14, "M9"),
        (0, -1, "-m2"), (0, -3, "-m3"), (0, -12, "-P8"),
        (3, 11, "d8"), (-3, -11, "-d8"),  # A major becomes A flat major, E flat major E major
        (5, 1, "m2"), (-5, 1, "A1"), (-6, 6, "A4"), (6, 6, "d5"), (4, 4, "d4"), (-4, -1, "-m2"),
    ],
)  # fmt: skip
def test_semitones_are_spelled_for_reading(fifths, semitones, expected):
    assert interval_of_semitones(score_of(fifths), (0,), semitones) == interval_named(expected)


def test_notes_decide_between_signatures_that_are_as_far():
    flats, sharps = (score_of(0, pitches=pitches) for pitches in ("Bb4 Eb4 Ab4", "F#4 C#4 G#4"))
    assert interval_of_semitones(flats, (0,), 6) == interval_named("A4")
    assert interval_of_semitones(sharps, (0,), 6) == interval_named("d5")
    # B three times and E sharp, or C flat three times and F; and the other way round.
    assert interval_of_semitones(score_of(0, pitches="F4 F4 F4 B4"), (0,), 6) == interval_named("A4")
    assert interval_of_semitones(score_of(0, pitches="B4 B4 B4 F4"), (0,), 6) == interval_named("d5")
    # Six times B sharp, or seven times C flat.
    assert interval_of_semitones(score_of(0, pitches="F4 " * 7 + "F#4 " * 6), (0,), 6) == interval_named("A4")


def test_most_signatures_decide():
    # By a minor second only the first could be written, by a chromatic semitone the two others.
    assert interval_of_semitones(score_of(6, -3, -4), (0,), 1) == interval_named("A1")


@pytest.mark.parametrize(
    ("of", "to", "direction", "expected"),
    [
        ("C major", "D major", None, "M2"),
        ("C major", "D major", "down", "-m7"),
        ("C major", "B- major", None, "-M2"),
        ("C major", "B- major", "up", "m7"),
        ("C major", "F# major", None, "A4"),
        ("C major", "G- major", None, "d5"),
        ("A minor", "E minor", None, "-P4"),
        ("F# minor", "G minor", None, "m2"),
        ("C major", "C major", None, "P1"),
        ("C major", "C major", "up", "P8"),
        ("C major", "C major", "down", "-P8"),
        ("C major", "C# major", None, "A1"),
        ("C# major", "C major", None, "-A1"),
        ("C# major", "C major", "up", "d8"),
        ("B major", "C- major", "up", "d9"),
        ("E- major", "E major", None, "A1"),
    ],
)
def test_way_to_a_key(of, to, direction, expected):
    found = interval_to_key(parse_key(of), parse_key(to), direction)
    assert found == interval_named(expected)


def test_keys_that_sound_alike_are_no_way_apart():
    found = interval_to_key(parse_key("C- major"), parse_key("B major"), None)
    assert (found.semitones, found.fifths) == (0, 12)


def test_mode_stays():
    with pytest.raises(ScoreError, match="Expected a minor key, as the score is in A minor"):
        interval_to_key(parse_key("A minor"), parse_key("C major"), None)


def test_octaves_that_nobody_writes_are_refused():
    score = score_of(0, pitches="C4 B8 A0")
    rows = moving_rows(score.notes, (0,))
    check_range(score, rows, interval_named("P8"))
    with pytest.raises(ScoreError, match="with which B8 would be in octave 10"):
        check_range(score, rows, interval_named("M9"))
    with pytest.raises(ScoreError, match="with which A0 would be in octave -1"):
        check_range(score, rows, interval_named("-P8"))
    check_range(score, rows & (np.arange(len(rows)) == 0), interval_named("P29"))
