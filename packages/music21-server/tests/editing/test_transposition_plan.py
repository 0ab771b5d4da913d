import numpy as np
import pytest

from music21_server.editing.column_transposition import moving_rows
from music21_server.editing.intervals import Interval, parse_interval
from music21_server.editing.transposition_plan import (
    TranspositionPlan,
    check_range,
    interval_of_semitones,
    interval_to_key,
    plan_transposition,
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
def test_one_interval_serves_all_signatures(fifths, interval, expected):
    plan = plan_transposition(score_of(*fifths), (0,), parse_interval(interval))
    assert plan.exceptions == {}
    assert plan.interval == parse_interval(expected)
    assert all(abs(each + plan.interval.fifths) <= max(7, abs(each)) for each in fifths)


def test_interval_depends_on_the_signature_if_none_serves_all():
    plan = plan_transposition(score_of(5, -5), (0,), parse_interval("m2"))
    assert plan.interval_for(5) == Interval(1, 1)
    assert plan.interval_for(-5) == Interval(0, 1)
    assert plan.interval_for(0) == Interval(1, 1)
    # Seven flats instead of two are many, but can be written: as asked for.
    assert plan_transposition(score_of(5, -5, -2), (0,), parse_interval("m2")).exceptions == {
        -5: Interval(0, 1)
    }


def test_keys_and_notes_of_other_parts_are_ignored():
    score = score_of(0, pitches="Bb4 Eb4 Ab4", other=(7, "F#4 C#4 G#4 F#4 C#4 G#4"))
    assert plan_transposition(score, (0,), parse_interval("A1")) == TranspositionPlan(
        Interval(0, 1), {}
    )  # seven sharps
    assert interval_of_semitones(score, (0,), 1) == parse_interval("m2")
    same = score_of(0, pitches="Bb4 Eb4 Ab4", other=(0, "F#4 C#4 G#4 F#4 C#4 G#4"))
    assert interval_of_semitones(same, (0,), 6) == parse_interval("A4")


def test_missing_signature_counts_as_no_sharps_or_flats():
    score = score_of(None)
    assert score.keys == ()
    assert plan_transposition(score, (0,), parse_interval("AA1")).interval == parse_interval("M2")
    assert interval_of_semitones(score, (0,), 1) == parse_interval("m2")


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
def test_semitones_get_the_most_readable_spelling(fifths, semitones, expected):
    assert interval_of_semitones(score_of(fifths), (0,), semitones) == parse_interval(expected)


def test_notes_decide_between_equally_good_signatures():
    flats, sharps = (score_of(0, pitches=pitches) for pitches in ("Bb4 Eb4 Ab4", "F#4 C#4 G#4"))
    assert interval_of_semitones(flats, (0,), 6) == parse_interval("A4")
    assert interval_of_semitones(sharps, (0,), 6) == parse_interval("d5")
    # B three times and E sharp, or C flat three times and F; and the other way round.
    assert interval_of_semitones(score_of(0, pitches="F4 F4 F4 B4"), (0,), 6) == parse_interval("A4")
    assert interval_of_semitones(score_of(0, pitches="B4 B4 B4 F4"), (0,), 6) == parse_interval("d5")
    # Six times B sharp, or seven times C flat.
    assert interval_of_semitones(score_of(0, pitches="F4 " * 7 + "F#4 " * 6), (0,), 6) == parse_interval("A4")


def test_of_equally_readable_spellings_the_simpler_interval_is_chosen():
    # E flat major with the note F becomes G flat major with A flat, or F sharp major with G sharp.
    assert interval_of_semitones(score_of(-3, pitches="F4"), (0,), 3) == parse_interval("m3")


def test_spelling_that_suits_most_signatures_is_chosen():
    # By a minor second only the first could be written, by a chromatic semitone the two others.
    assert interval_of_semitones(score_of(6, -3, -4), (0,), 1) == parse_interval("A1")


@pytest.mark.parametrize(
    ("present", "target", "direction", "expected"),
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
def test_interval_to_a_key(present, target, direction, expected):
    interval = interval_to_key(parse_key(present), parse_key(target), direction)
    assert interval == parse_interval(expected)


def test_enharmonic_keys_are_zero_semitones_apart():
    interval = interval_to_key(parse_key("C- major"), parse_key("B major"), None)
    assert (interval.semitones, interval.fifths) == (0, 12)


def test_other_mode_is_refused():
    with pytest.raises(ScoreError, match=r"Expected a minor key, .* score is in A minor .* got C major"):
        interval_to_key(parse_key("A minor"), parse_key("C major"), None)


def test_octaves_outside_the_range_are_refused():
    score = score_of(0, pitches="C4 B8 A0")
    rows = moving_rows(score.notes, (0,))
    check_range(score, rows, parse_interval("P8"))
    with pytest.raises(ScoreError, match="which moves B8 to octave 10"):
        check_range(score, rows, parse_interval("M9"))
    with pytest.raises(ScoreError, match="which moves A0 to octave -1"):
        check_range(score, rows, parse_interval("-P8"))
    check_range(score, rows & (np.arange(len(rows)) == 0), parse_interval("P29"))
