"""Documents: header, parts, staves, marks and limits."""

from __future__ import annotations

import numpy as np
import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.score.table import KeyChange, NoteTable, Part, TempoChange, TimeChange, Transposition


@pytest.fixture
def measure(attributes, note):
    return attributes() + note("C4", 4)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("", ""),
        ("<movement-title>Allegro</movement-title>", "Allegro"),
        ("<work><work-title>Quartet</work-title></work>", "Quartet"),
        (
            "<work><work-title>Quartet</work-title></work><movement-title>Allegro</movement-title>",
            "Quartet: Allegro",
        ),
        ("<work><work-title>Air</work-title></work><movement-title>Air</movement-title>", "Air"),
        ("<movement-title>The\n  long   way</movement-title>", "The long way"),
        (
            "<credit><credit-type>title</credit-type><credit-words>Credited</credit-words></credit>",
            "Credited",
        ),
        ("<movement-title>" + "x" * 9000 + "</movement-title>", "x" * 500),
    ],
)
def test_title(document, measure, read, head, title):
    assert read(document([measure], head=head)).title == title


def test_composer(document, measure, read):
    creators = '<creator type="lyricist">Anon</creator><creator type="composer">Clara Schumann</creator>'
    head = f"<identification>{creators}</identification>"
    assert read(document([measure], head=head)).composer == "Clara Schumann"


def test_parts_have_names_and_identities(document, measure, read):
    score = read(document([measure], [measure], names=["Soprano", "Alto"]))
    assert score.parts == (Part("P1", "Soprano"), Part("P2", "Alto"))


def test_part_without_a_printed_name_is_named_by_its_instrument(document, measure, read):
    source = document([measure], names=[""]).replace(
        b"</score-part>",
        b"<score-instrument><instrument-name>Oboe</instrument-name></score-instrument></score-part>",
    )
    assert read(source).parts[0].name == "Oboe"


def test_part_missing_from_the_part_list_is_read(document, measure, read):
    source = document([measure]).replace(b'<score-part id="P1">', b'<score-part id="other">')
    assert read(source).parts == (Part("P1", ""),)


def test_measures_keep_their_printed_numbers(document, measure, read):
    source = (
        document([measure, measure, measure])
        .replace(b'number="1"', b'number="0"')
        .replace(b'number="3"', b'number="X1"')
    )
    assert read(source).measure_numbers == ("0", "2", "X1")


def test_each_staff_is_a_part(document, note, attributes, read, written):
    staves = "<staves>2</staves>"
    measure = (
        attributes(more=staves)
        + note("C5", 4, "<voice>1</voice><staff>1</staff>")
        + "<backup><duration>4</duration></backup>"
        + note("C3", 4, "<voice>2</voice><staff>2</staff>")
    )
    score = read(document([measure], [attributes() + note("G4", 4)]))
    assert [part.identity for part in score.parts] == ["P1-Staff1", "P1-Staff2", "P2"]
    assert [part.staff for part in score.parts] == [1, 2, 0]
    assert written(score) == [(0, 0, 0, 4, "C5"), (1, 0, 0, 4, "C3"), (2, 0, 0, 4, "G4")]


def test_notes_and_keys_without_a_staff_belong_to_all_staves(document, note, attributes, read, written):
    clefs = '<staves>2</staves><clef number="1"/><clef number="2"/><key><fifths>1</fifths></key>'
    score = read(document([attributes(more=clefs) + note("C5", 4)]))
    assert written(score) == [(0, 0, 0, 4, "C5"), (1, 0, 0, 4, "C5")]
    assert score.keys == (KeyChange(0, 0, 0, 1, ""), KeyChange(1, 0, 0, 1, ""))


def test_marks(document, note, attributes, read):
    key = "<key><fifths>-1</fifths><mode>major</mode></key>"
    metronome = "<metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
    direction = f"<direction><direction-type>{metronome}</direction-type></direction>"
    score = read(
        document(
            [
                attributes(2, "3/4", key) + note("C4", 6) + '<sound tempo="90"/>',
                direction + '<direction><sound tempo="72.5"/></direction>' + note("C4", 6),
            ]
        )
    )
    assert score.keys == (KeyChange(0, 0, 0, -1, "major"),)
    assert score.times == (TimeChange(0, 0, 0, "3/4", 3),)
    assert score.tempos == (
        TempoChange(0, 0, 3, 90),
        TempoChange(0, 1, 0, 120),
        TempoChange(0, 1, 0, 72.5),
    )


def test_chord_symbols_are_not_notes(document, note, attributes, read, written):
    root = "<root><root-step>G</root-step></root><kind>dominant</kind>"
    measure = attributes(2) + note("C4", 4) + f"<harmony>{root}<offset>-2</offset></harmony>" + note("D4", 4)
    score = read(document([measure]))
    assert len(written(score)) == 2
    assert [(symbol.onset, symbol.text) for symbol in score.chord_symbols] == [(1, "G7")]


def test_transpositions_have_their_first_measure(document, note, attributes, read):
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    in_a = "<attributes><transpose><diatonic>-2</diatonic><chromatic>-3</chromatic></transpose></attributes>"
    score = read(document([attributes(more=clarinet) + note("C4", 4), in_a + note("C4", 4)]))
    assert score.parts[0].transpositions == (Transposition(0, -1, -2), Transposition(1, -2, -3))


def test_transposition_of_one_staff(document, note, attributes, read):
    more = (
        '<staves>2</staves><clef number="1"/><clef number="2"/>'
        '<transpose number="2"><diatonic>-7</diatonic><chromatic>-12</chromatic></transpose>'
    )
    parts = read(document([attributes(more=more) + note("C4", 4)])).parts
    assert [part.transpositions for part in parts] == [(), (Transposition(0, -7, -12),)]


def test_score_without_notes(read, document):
    score = read(document(["", ""]))
    assert score.measure_ticks.tolist() == [4, 4]
    assert score.notes.kind.tolist() == [1, 1]


@pytest.mark.parametrize(
    "rest",
    [
        '<note><rest measure="yes"/><duration>1</duration></note>',
        "<note><rest/><duration>1</duration><type>whole</type></note>",
        "",
    ],
)
def test_whole_measure_rest_does_not_lengthen_a_pickup(read, written, note, attributes, document, *, rest):
    score = read(
        document([attributes() + note("C4", 1), note("C4", 4)], [attributes() + rest, note("E4", 4)])
    )
    assert score.measure_ticks.tolist() == [1, 4]
    assert score.own_ticks.tolist() == [[1, 4], [1, 4]]
    assert written(score)[2] == (1, 0, 0, 1, "r")


def test_measure_of_rests_in_all_parts_is_full(read, attributes, document):
    rest = '<note><rest measure="yes"/><duration>1</duration></note>'
    score = read(document([attributes(time="3/4") + rest], [attributes(time="3/4")]))
    assert score.measure_ticks.tolist() == [3]
    assert score.own_ticks.tolist() == [[3], [3]]
    assert score.notes.duration.tolist() == [3, 3]


def test_part_without_measures(read, document):
    score = read(document([]))
    assert len(score.notes) == 0
    assert score.own_ticks.shape == (1, 0)
    assert score.measure_starts.tolist() == [0]


def test_column_types(read, document, measure):
    table = read(document([measure])).notes
    for name in NoteTable.__dataclass_fields__:
        if name != "ticks_per_quarter":
            expected = np.bool_ if name in ("grace", "cue") else np.int64
            assert getattr(table, name).dtype == expected, name


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "got an empty document|well-formed"),
        (b"C4 E4 G4", "well-formed XML"),
        (b"<html><body/></html>", "root <html>"),
        (b"<score-timewise/>", "at least one <part>"),
        (b"<score-partwise/>", "at least one <part>"),
        (b"<score-partwise><part-list/></score-partwise>", "at least one <part>"),
        (b"<score-partwise><part></score-partwise>", "well-formed XML"),
    ],
)
def test_documents_that_are_not_musicxml_are_refused(read, source, message):
    with pytest.raises(UnreadableScoreError, match=message):
        read(source)


def test_truncated_documents_are_refused(read, document, measure):
    source = document([measure, measure], [measure])
    for length in range(0, len(source) - 1, 37):
        with pytest.raises(UnreadableScoreError):
            read(source[:length])


def test_limits_name_their_setting(read, document, measure):
    source = document([measure, measure], [measure])
    for limit, value in {"max_source_bytes": 100, "max_notes": 2, "max_measures": 1, "max_parts": 1}.items():
        with pytest.raises(TooMuchScoreError, match=rf"at most {value} .* \(setting {limit}\)"):
            read(source, **{limit: value})
        read(source)


def test_staves_that_share_notes_do_not_multiply_them_beyond_the_limit(read, document, note, attributes):
    clefs = "<staves>200</staves>" + "".join(f'<clef number="{staff}"/>' for staff in range(1, 201))
    source = document([attributes(more=clefs) + note("C4") * 4] + [note("C4") * 4] * 9)
    with pytest.raises(TooMuchScoreError, match="max_notes"):
        read(source, max_notes=7_000)
    with pytest.raises(TooMuchScoreError, match="max_parts"):
        read(source, max_parts=100)
    assert len(read(source).notes) == 8_000


LONG = "x" * 10_000


@pytest.mark.parametrize(
    "source",
    [
        f"<{LONG}/>",
        f"<score-partwise><{LONG}><measure/></{LONG}></score-partwise>",
        f"<score-partwise><{LONG}><part/></{LONG}></score-partwise>",
    ],
)
def test_errors_quote_only_the_beginning_of_a_tag(read, source):
    with pytest.raises(UnreadableScoreError) as caught:
        read(source.encode())
    assert len(str(caught.value)) < 300


def test_ids_and_measure_numbers_are_cut(read, document, measure):
    source = document([measure]).replace(b'"P1"', f'"{LONG}"'.encode())
    score = read(source.replace(b'number="1"', f'number="{LONG}"'.encode()))
    assert score.parts[0].identity == "x" * 100
    assert score.measure_numbers == ("x" * 40,)


def test_many_parts(read, document, measure):
    score = read(document(*[[measure, measure]] * 150))
    assert len(score.parts) == 150
    assert score.notes.part.tolist() == [part for part in range(150) for _ in range(2)]


@pytest.mark.parametrize(
    ("inside", "where"),
    [
        ("<credit><part><measure><note/></measure></part></credit>", "<part> in <credit>"),
        ("<measure/>", "<score-partwise> at the root"),
        ("<part><measure><measure/></measure></part>", "<measure> in <part>"),
        ("<part><part/></part>", "<part> in <part>"),
        ("<work><part-list/></work>", "<part-list> in <work>"),
    ],
)
def test_misplaced_elements_are_refused(read, inside, where):
    with pytest.raises(UnreadableScoreError, match=f"got one of them in {where}"):
        read(f"<score-partwise>{inside}</score-partwise>".encode())


def test_header_may_follow_the_part_list(read, document, measure):
    source = document([measure]).replace(b"<part id", b"<movement-title>Late</movement-title><part id", 1)
    assert read(source).title == "Late"
