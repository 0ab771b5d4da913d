"""Bars, chords, voices, durations, rests."""

from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.score import table as columns


def test_notes_follow_each_other(document, note, attributes, rows):
    found = rows(document([attributes() + note("C4") + note("F#4", 2) + note("r"), note("B-3", 4)]))
    assert found == [
        (0, 0, 0, 1, "C4"),
        (0, 0, 1, 2, "F#4"),
        (0, 0, 3, 1, "r"),
        (0, 1, 0, 4, "B-3"),
    ]


def test_chord_shares_onset_and_duration_of_its_first_note(document, note, attributes, rows):
    found = rows(document([attributes() + note("C4", 2) + note("E4", 1, first="<chord/>") + note("G4", 2)]))
    assert found == [(0, 0, 0, 2, "C4"), (0, 0, 0, 2, "E4"), (0, 0, 2, 2, "G4")]


def test_chord_goes_on_behind_a_direction(document, note, attributes, rows):
    direction = "<direction><direction-type><words>dolce</words></direction-type></direction>"
    found = rows(
        document([attributes() + note("C4") + direction + note("E4", first="<chord/>") + note("G4")])
    )
    assert found == [(0, 0, 0, 1, "C4"), (0, 0, 0, 1, "E4"), (0, 0, 1, 1, "G4")]


def test_note_of_a_chord_without_the_others_stands_alone(document, note, attributes, rows):
    found = rows(document([attributes() + note("E4", first="<chord/>") + note("G4")]))
    assert found == [(0, 0, 0, 1, "E4"), (0, 0, 1, 1, "G4")]


def test_backup_and_forward(document, note, attributes, read, written):
    bar = (
        attributes() + note("C5", 4, "<voice>1</voice>") + "<backup><duration>4</duration></backup>"
        "<forward><duration>1</duration></forward>" + note("E4", 2, "<voice>2</voice>")
    )
    score = read(document([bar]))
    assert written(score) == [(0, 0, 0, 4, "C5"), (0, 0, 1, 2, "E4")]
    assert score.notes.voice.tolist() == [0, 1]


def test_backup_stops_at_the_barline(document, note, attributes, rows):
    bar = attributes() + note("C5") + "<backup><duration>7</duration></backup>" + note("E4")
    assert rows(document([bar]))[1] == (0, 0, 0, 1, "E4")


def test_divisions_may_change(document, note, attributes, read, written):
    finer = "<attributes><divisions>3</divisions></attributes>"
    score = read(document([attributes(2) + note("C4", 1) + finer + note("D4", 1) + note("E4", 2)]))
    assert score.notes.ticks_per_quarter == 6
    assert score.notes.onset.tolist() == [0, 3, 5]
    assert score.notes.duration.tolist() == [3, 2, 4]


def test_finer_divisions_in_a_backup(document, note, attributes, read):
    finer = "<attributes><divisions>3</divisions></attributes><backup><duration>1</duration></backup>"
    score = read(document([attributes(2) + note("C4", 2) + finer + note("D4", 1)]))
    assert score.quarters(score.notes.onset[1]) == Fraction(2, 3)


def test_parts_share_their_ticks(document, note, attributes, read):
    score = read(document([attributes(2) + note("C4", 7)], [attributes(3) + note("C4", 11)]))
    assert score.notes.ticks_per_quarter == 6
    assert score.notes.duration.tolist() == [21, 22]


@pytest.mark.parametrize(("time", "ticks"), [("4/4", 1), ("6/8", 2), ("3/2", 1), ("12/16", 4)])
def test_beats_can_be_counted_in_ticks(document, note, attributes, read, *, time, ticks):
    assert read(document([attributes(480, time) + note("C4", 480)])).notes.ticks_per_quarter == ticks


def test_decimal_divisions_and_durations(document, note, attributes, rows):
    found = rows(document([attributes("2.0") + note("C4", "1.5") + note("D4", "6.5")]))
    assert found == [(0, 0, 0, 0.75, "C4"), (0, 0, 0.75, 3.25, "D4")]


def test_part_without_divisions_has_those_of_music21(document, note, rows):
    assert rows(document([note("C4", 10080)])) == [(0, 0, 0, 1, "C4")]


def test_grace_notes_take_no_time(document, note, attributes, read):
    grace = "<note><grace/><pitch><step>D</step><octave>5</octave></pitch></note>"
    table = read(document([attributes() + grace + note("C5", 4)])).notes
    assert table.grace.tolist() == [True, False]
    assert table.onset.tolist() == [0, 0]
    assert table.duration.tolist() == [0, 4]


def test_cue_notes_are_marked(document, note, attributes, read):
    table = read(document([attributes() + note("C5", 4, first="<cue/>")])).notes
    assert table.cue.tolist() == [True]


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        ("", columns.NO_TIE),
        ('<tie type="start"/>', columns.TIE_START),
        ('<tie type="stop"/>', columns.TIE_STOP),
        ('<tie type="stop"/><tie type="start"/>', columns.TIE_CONTINUE),
        ('<tie type="let-ring"/>', columns.TIE_OTHER),
        ("<tie/>", columns.TIE_START),
    ],
)
def test_ties(document, note, attributes, read, *, ties, expected):
    assert read(document([attributes() + note("C5", 4, ties)])).notes.tie.tolist() == [expected]


@pytest.mark.parametrize(
    ("pitch", "cents"),
    [
        ("<alter>0.5</alter>", 50),
        ("<alter>-1.5</alter>", -150),
        ("<alter>2</alter>", 200),
        ("<alter> 1 </alter>", 100),
        ("<alter/>", 0),
    ],
)
def test_alterations(document, attributes, read, pitch, cents):
    bar = f"<note><pitch><step>C</step>{pitch}<octave>4</octave></pitch><duration>4</duration></note>"
    assert read(document([attributes() + bar])).notes.alter_cents.tolist() == [cents]


def test_accidental_counts_where_no_alteration_is_written(document, note, attributes, read):
    bar = (
        note("C4", 1, "<accidental>sharp</accidental>")
        + note("C-4", 1, "<accidental>natural</accidental>")
        + note("C4", 1, "<accidental>quarter-flat</accidental>")
        + note("C4", 1, "<accidental>invented</accidental>")
    )
    assert read(document([attributes() + bar])).notes.alter_cents.tolist() == [100, -100, -50, 0]


def test_unpitched_notes_stand_on_a_line(document, attributes, read):
    display = "<display-step>E</display-step><display-octave>5</display-octave>"
    bar = (
        f"<note><unpitched>{display}</unpitched><duration>2</duration></note>"
        "<note><unpitched/><duration>2</duration></note>"
    )
    table = read(document([attributes() + bar])).notes
    assert table.kind.tolist() == [columns.UNPITCHED, columns.UNPITCHED]
    assert [columns.STEPS[step] for step in table.step] == ["E", "B"]
    assert table.octave.tolist() == [5, 4]


def test_bar_without_anything_is_a_rest(document, note, attributes, read, written):
    score = read(document([attributes(time="3/4") + note("C4", 3), "", note("D4", 3)]))
    assert written(score)[1] == (0, 1, 0, 3, "r")
    assert score.measure_ticks.tolist() == [3, 3, 3]


@pytest.mark.parametrize("rest", ['<rest measure="yes"/>', "<rest/>"])
def test_rest_of_a_whole_bar_lasts_the_bar(document, attributes, read, written, rest):
    bar = f"<note>{rest}<duration>4</duration><type>whole</type></note>"
    score = read(document([attributes(time="3/4") + bar]))
    assert written(score) == [(0, 0, 0, 3, "r")]
    assert score.measure_ticks.tolist() == [3]


def test_whole_rest_beside_a_note_is_taken_at_its_word(document, note, attributes, rows):
    rest = "<note><rest/><duration>4</duration><type>whole</type></note>"
    found = rows(document([attributes(time="6/4") + rest + note("C4", 2)]))
    assert found == [(0, 0, 0, 4, "r"), (0, 0, 4, 2, "C4")]


def test_rest_of_a_pickup_that_is_marked_as_whole_keeps_its_length(document, attributes, rows):
    bar = '<note><rest measure="yes"/><duration>1</duration><type>quarter</type></note>'
    assert rows(document([attributes() + bar])) == [(0, 0, 0, 1, "r")]


def test_short_bars_are_as_long_as_what_they_hold(document, note, attributes, read):
    score = read(document([attributes() + note("C4", 1), note("C4", 4), note("C4", 3)]))
    assert score.measure_ticks.tolist() == [1, 4, 3]
    assert score.measure_starts.tolist() == [0, 1, 5, 8]


def test_bar_lasts_as_long_as_in_the_part_where_it_is_longest(document, note, attributes, read):
    score = read(document([attributes() + note("C4", 1)], [attributes() + note("C4", 4), note("C4", 4)]))
    assert score.own_ticks.tolist() == [[1, -1], [4, 4]]
    assert score.measure_ticks.tolist() == [4, 4]


@pytest.mark.parametrize(("duration", "length"), [(193, 192), (195, 195), (196, 196), (197, 192), (222, 222)])
def test_overfull_bars(document, note, attributes, read, *, duration, length):
    """Of 192 ticks, 48 a quarter: a sixteenth or a twelfth of a quarter too much, or much more, is meant."""
    score = read(document([attributes(48) + note("C4", duration)]))
    assert score.quarters(score.measure_ticks[0]) == Fraction(length, 48)


FINALE = "<identification><encoding><software>Finale 2011</software></encoding></identification>"
FORWARD = "<forward><duration>2</duration></forward>"


def test_forward_is_a_hidden_rest_of_finale(document, note, attributes, rows):
    bars = [attributes() + note("C4", 1) + FORWARD + note("D4", 1), note("E4", 4)]
    assert rows(document(bars, head=FINALE))[1] == (0, 0, 1, 2, "r")
    assert rows(document(bars))[1] == (0, 0, 3, 1, "D4")


def test_forward_that_fills_finales_last_bar_is_none(document, note, attributes, rows):
    bars = [attributes() + note("C4", 4), note("D4", 2) + FORWARD]
    assert rows(document(bars, head=FINALE)) == [(0, 0, 0, 4, "C4"), (0, 1, 0, 2, "D4")]


def test_nodes_count_notes_and_forwards_through_all_parts(document, note, attributes, read):
    bar = attributes() + note("C4") + FORWARD + note("D4", 1)
    assert read(document([bar], [bar])).notes.node.tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize(
    ("bar", "message"),
    [
        (
            "<note><pitch><step>H</step><octave>4</octave></pitch><duration>1</duration></note>",
            "<step> from A to G",
        ),
        (
            "<note><pitch><step>C</step><octave>99</octave></pitch><duration>1</duration></note>",
            "<octave> from -5",
        ),
        (
            "<note><pitch><step>C</step><alter>x</alter></pitch><duration>1</duration></note>",
            "<alter> from",
        ),
        ("<note><rest/><duration>long</duration></note>", "<duration> from"),
        ("<note><rest/><duration>-1</duration></note>", "<duration> from"),
        ("<note><rest/><duration>9000</duration></note>", "at most 4096 quarter notes"),
        ("<note><duration>1</duration></note>", "<pitch>, <unpitched> or <rest>"),
        ("<note><rest/><staff>0</staff></note>", "<staff> from 1"),
        ("<attributes><divisions>0</divisions></attributes>", "<divisions> above 0"),
        ("<attributes><divisions>many</divisions></attributes>", "<divisions> from"),
        ("<attributes><time><beats>999</beats><beat-type>1</beat-type></time></attributes>", None),
        (
            "<attributes><time><beats>999+999</beats><beat-type>1</beat-type></time></attributes>",
            "<time> of at most",
        ),
        ("<forward><duration>4000</duration></forward>" * 2, "bar of at most 4096"),
        ("<harmony><offset>9999999</offset></harmony>", "<offset> of at most"),
    ],
)
def test_numbers_that_are_none_name_their_place(document, note, attributes, read, *, bar, message):
    source = document([attributes(), note("C4", 4)], [attributes(), bar])
    if message is None:
        read(source)
        return
    with pytest.raises(UnreadableScoreError, match=f"Bar 2 of part P2 cannot be read: expected.*{message}"):
        read(source)


def test_ticks_are_bounded(document, note, attributes, read):
    bars = [attributes(prime) + note("C4", 1) for prime in (10007, 10009, 10037, 10039)]
    with pytest.raises(TooMuchScoreError, match="divides a quarter note into"):
        read(document(bars))
    with pytest.raises(TooMuchScoreError, match="The parts divide a quarter note into"):
        read(document(*([bar] for bar in bars)))
