"""Measures, chords, voices, durations and rests."""

from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.score import table as columns


def test_notes_are_consecutive(document, note, attributes, rows):
    notes = rows(document([attributes() + note("C4") + note("F#4", 2) + note("r"), note("B-3", 4)]))
    assert notes == [
        (0, 0, 0, 1, "C4"),
        (0, 0, 1, 2, "F#4"),
        (0, 0, 3, 1, "r"),
        (0, 1, 0, 4, "B-3"),
    ]


def test_chord_shares_onset_and_duration_of_its_first_note(document, note, attributes, rows):
    notes = rows(document([attributes() + note("C4", 2) + note("E4", 1, first="<chord/>") + note("G4", 2)]))
    assert notes == [(0, 0, 0, 2, "C4"), (0, 0, 0, 2, "E4"), (0, 0, 2, 2, "G4")]


def test_chord_continues_after_a_direction(document, note, attributes, rows):
    direction = "<direction><direction-type><words>dolce</words></direction-type></direction>"
    notes = rows(
        document([attributes() + note("C4") + direction + note("E4", first="<chord/>") + note("G4")])
    )
    assert notes == [(0, 0, 0, 1, "C4"), (0, 0, 0, 1, "E4"), (0, 0, 1, 1, "G4")]


def test_chord_note_without_a_chord_before_it_is_a_single_note(document, note, attributes, rows):
    notes = rows(document([attributes() + note("E4", first="<chord/>") + note("G4")]))
    assert notes == [(0, 0, 0, 1, "E4"), (0, 0, 1, 1, "G4")]


def test_backup_and_forward_move_the_position(document, note, attributes, read, written):
    measure = (
        attributes() + note("C5", 4, "<voice>1</voice>") + "<backup><duration>4</duration></backup>"
        "<forward><duration>1</duration></forward>" + note("E4", 2, "<voice>2</voice>")
    )
    score = read(document([measure]))
    assert written(score) == [(0, 0, 0, 4, "C5"), (0, 0, 1, 2, "E4")]
    assert score.notes.voice.tolist() == [0, 1]


def test_backup_stops_at_the_barline(document, note, attributes, rows):
    measure = attributes() + note("C5") + "<backup><duration>7</duration></backup>" + note("E4")
    assert rows(document([measure]))[1] == (0, 0, 0, 1, "E4")


def test_divisions_may_change_within_a_measure(document, note, attributes, read, written):
    finer = "<attributes><divisions>3</divisions></attributes>"
    score = read(document([attributes(2) + note("C4", 1) + finer + note("D4", 1) + note("E4", 2)]))
    assert score.notes.ticks_per_quarter == 6
    assert score.notes.onset.tolist() == [0, 3, 5]
    assert score.notes.duration.tolist() == [3, 2, 4]


def test_backup_in_finer_divisions(document, note, attributes, read):
    finer = "<attributes><divisions>3</divisions></attributes><backup><duration>1</duration></backup>"
    score = read(document([attributes(2) + note("C4", 2) + finer + note("D4", 1)]))
    assert score.quarters(score.notes.onset[1]) == Fraction(2, 3)


def test_parts_share_a_common_tick(document, note, attributes, read):
    score = read(document([attributes(2) + note("C4", 7)], [attributes(3) + note("C4", 11)]))
    assert score.notes.ticks_per_quarter == 6
    assert score.notes.duration.tolist() == [21, 22]


@pytest.mark.parametrize(("time", "ticks"), [("4/4", 1), ("6/8", 2), ("3/2", 1), ("12/16", 4)])
def test_beats_are_whole_numbers_of_ticks(document, note, attributes, read, *, time, ticks):
    assert read(document([attributes(480, time) + note("C4", 480)])).notes.ticks_per_quarter == ticks


def test_decimal_divisions_and_durations(document, note, attributes, rows):
    notes = rows(document([attributes("2.0") + note("C4", "1.5") + note("D4", "6.5")]))
    assert notes == [(0, 0, 0, 0.75, "C4"), (0, 0, 0.75, 3.25, "D4")]


def test_part_without_divisions_has_the_default_of_music21(document, note, rows):
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
    measure = f"<note><pitch><step>C</step>{pitch}<octave>4</octave></pitch><duration>4</duration></note>"
    assert read(document([attributes() + measure])).notes.alter_cents.tolist() == [cents]


def test_accidental_alters_a_pitch_without_alter(document, note, attributes, read):
    measure = (
        note("C4", 1, "<accidental>sharp</accidental>")
        + note("C-4", 1, "<accidental>natural</accidental>")
        + note("C4", 1, "<accidental>quarter-flat</accidental>")
        + note("C4", 1, "<accidental>invented</accidental>")
    )
    assert read(document([attributes() + measure])).notes.alter_cents.tolist() == [100, -100, -50, 0]


def test_unpitched_notes_have_a_display_step(document, attributes, read):
    display = "<display-step>E</display-step><display-octave>5</display-octave>"
    measure = (
        f"<note><unpitched>{display}</unpitched><duration>2</duration></note>"
        "<note><unpitched/><duration>2</duration></note>"
    )
    table = read(document([attributes() + measure])).notes
    assert table.kind.tolist() == [columns.UNPITCHED, columns.UNPITCHED]
    assert [columns.STEPS[step] for step in table.step] == ["E", "B"]
    assert table.octave.tolist() == [5, 4]


def test_empty_measure_is_a_rest(document, note, attributes, read, written):
    score = read(document([attributes(time="3/4") + note("C4", 3), "", note("D4", 3)]))
    assert written(score)[1] == (0, 1, 0, 3, "r")
    assert score.measure_ticks.tolist() == [3, 3, 3]


@pytest.mark.parametrize("rest", ['<rest measure="yes"/>', "<rest/>"])
def test_whole_measure_rest_lasts_the_measure(document, attributes, read, written, rest):
    measure = f"<note>{rest}<duration>4</duration><type>whole</type></note>"
    score = read(document([attributes(time="3/4") + measure]))
    assert written(score) == [(0, 0, 0, 3, "r")]
    assert score.measure_ticks.tolist() == [3]


def test_whole_rest_beside_a_note_keeps_its_duration(document, note, attributes, rows):
    rest = "<note><rest/><duration>4</duration><type>whole</type></note>"
    notes = rows(document([attributes(time="6/4") + rest + note("C4", 2)]))
    assert notes == [(0, 0, 0, 4, "r"), (0, 0, 4, 2, "C4")]


def test_rest_of_a_pickup_marked_as_whole_measure_keeps_its_duration(document, attributes, rows):
    measure = '<note><rest measure="yes"/><duration>1</duration><type>quarter</type></note>'
    assert rows(document([attributes() + measure])) == [(0, 0, 0, 1, "r")]


def test_short_measures_end_with_their_last_note(document, note, attributes, read):
    score = read(document([attributes() + note("C4", 1), note("C4", 4), note("C4", 3)]))
    assert score.measure_ticks.tolist() == [1, 4, 3]
    assert score.measure_starts.tolist() == [0, 1, 5, 8]


def test_the_longest_part_decides_the_length_of_a_measure(document, note, attributes, read):
    score = read(document([attributes() + note("C4", 1)], [attributes() + note("C4", 4), note("C4", 4)]))
    assert score.own_ticks.tolist() == [[1, -1], [4, 4]]
    assert score.measure_ticks.tolist() == [4, 4]


@pytest.mark.parametrize(("duration", "length"), [(193, 192), (195, 195), (196, 196), (197, 192), (222, 222)])
def test_small_excess_over_the_time_signature_is_cut(document, note, attributes, read, *, duration, length):
    """A full measure has 192 ticks; an excess of more than 24, or a multiple of 3 or 4, is intended."""
    score = read(document([attributes(48) + note("C4", duration)]))
    assert score.quarters(score.measure_ticks[0]) == Fraction(length, 48)


FINALE = "<identification><encoding><software>Finale 2011</software></encoding></identification>"
FORWARD = "<forward><duration>2</duration></forward>"


def test_forward_is_a_hidden_rest_in_finale_documents_only(document, note, attributes, rows):
    measures = [attributes() + note("C4", 1) + FORWARD + note("D4", 1), note("E4", 4)]
    assert rows(document(measures, head=FINALE))[1] == (0, 0, 1, 2, "r")
    assert rows(document(measures))[1] == (0, 0, 3, 1, "D4")


def test_forward_at_the_end_of_a_finale_document_is_no_rest(document, note, attributes, rows):
    measures = [attributes() + note("C4", 4), note("D4", 2) + FORWARD]
    assert rows(document(measures, head=FINALE)) == [(0, 0, 0, 4, "C4"), (0, 1, 0, 2, "D4")]


def test_nodes_number_notes_and_forwards_of_all_parts(document, note, attributes, read):
    measure = attributes() + note("C4") + FORWARD + note("D4", 1)
    assert read(document([measure], [measure])).notes.node.tolist() == [0, 2, 3, 5]


def pitched(step, alter, octave):
    pitch = f"<step>{step}</step><alter>{alter}</alter><octave>{octave}</octave>"
    return f"<note><pitch>{pitch}</pitch><duration>1</duration></note>"


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (pitched("H", 0, 4), "<step> from A to G"),
        (pitched("C", "x", 4), "<alter> from"),
        ("<note><rest/><duration>long</duration></note>", "<duration> from"),
        ("<note><rest/><duration>-1</duration></note>", "<duration> from"),
        (
            "<note><rest/><duration>9000</duration></note>",
            "a <duration> of at most 4096 quarter notes, got 9,000",
        ),
        (
            "<note><rest/><duration>1000000000001</duration></note>",
            "a <duration> from 0 to 1,000,000,000,000",
        ),
        ("<note><duration>1</duration></note>", "<pitch>, <unpitched> or <rest>"),
        ("<note><rest/><staff>0</staff></note>", "<staff> from 1"),
        ("<attributes><divisions>0</divisions></attributes>", "<divisions> above 0"),
        ("<attributes><divisions>many</divisions></attributes>", "<divisions> from"),
        (
            "<attributes><time><beats>999+999</beats><beat-type>1</beat-type></time></attributes>",
            "<time> of at most",
        ),
        (
            "<note><rest/><duration>4000</duration></note>" * 2,
            "measure of at most 4096 quarter notes, got 8,000",
        ),
        (
            "<forward><duration>4000</duration></forward>" * 2 + "<backup><duration>8000</duration></backup>",
            "measure of at most 4096",
        ),
        ("<harmony><offset>9999999</offset></harmony>", "<offset> of at most"),
        ("<harmony><offset>-9999999</offset></harmony>", "<offset> of at most"),
        ("<harmony><offset>1000000001</offset></harmony>", "an <offset> from"),
        ("<attributes><divisions>1000000001</divisions></attributes>", "<divisions> from"),
        (pitched("X" * 1000, 0, 4), r"<step> from A to G, got 'X{20}'\.$"),
        (pitched("C", 12.5, 4), "<alter> from -12 to 12"),
        (pitched("C", -12.5, 4), "<alter> from -12 to 12"),
        (pitched("C", 0, 16), "<octave> from -5 to 15"),
        (pitched("C", 0, -6), "<octave> from -5 to 15"),
        ("<note><rest/><staff>1001</staff></note>", "<staff> from 1 to 1,000"),
    ],
)
def test_bad_numbers_name_measure_and_part(document, note, attributes, read, *, measure, message):
    source = document([attributes(), note("C4", 4)], [attributes(), measure])
    with pytest.raises(UnreadableScoreError, match=f"Cannot read measure 2 of part P2: expected.*{message}"):
        read(source)


def test_measure_of_almost_4096_quarters(document, note, attributes, read):
    assert read(document([attributes(time="999/1") + note("C4", 1)])).times[0].ticks == 3996


def test_measure_number_in_a_message_is_cut(document, read):
    source = document(["<note/>"]).replace(b'number="1"', b'number="%s"' % (b"x" * 100))
    with pytest.raises(UnreadableScoreError, match=r"Cannot read measure x{20} of part P1"):
        read(source)


def test_ticks_per_quarter_are_bounded(document, note, attributes, read):
    measures = [attributes(prime) + note("C4", 1) for prime in (10007, 10009, 10037, 10039)]
    with pytest.raises(TooMuchScoreError, match="ticks per quarter note in part P1"):
        read(document(measures))
    with pytest.raises(TooMuchScoreError, match="ticks per quarter note for all parts"):
        read(document(*([measure] for measure in measures)))
