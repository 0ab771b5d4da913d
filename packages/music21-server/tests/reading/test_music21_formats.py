"""Small documents of each format: expected rows, and the notes that music21 reads."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction

import pytest
from music21 import chord, converter, note, stream

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import recognise
from music21_server.reading.music21_formats import FORMATS, read_through_music21
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, TIE_START, TIE_STOP, UNPITCHED, Transposition
from music21_server.theory.pitch.transposition import sounding_pitches

HUMDRUM = """!!!COM: Anon
!!!OTL: Test
**kern\t**kern
*clefF4\t*clefG2
*k[b-]\t*k[b-]
*F:\t*F:
*M3/4\t*M3/4
=1\t=1
2.F\t4c
.\t8.f#
.\t16g
.\t4r
=2\t=2
4C 4E\t[2.cc
4GG\t.
4r\t.
=3\t=3
2.FF\t2.cc]
==\t==
*-\t*-
"""

ABC = """X:1
T:A Jig
C:Trad.
M:6/8
L:1/8
Q:3/8=60
K:D
"D"ABc d3 | {g}f2e "G"d3 |]
"""

MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="3.0.0"><music><body><mdiv><score>
<scoreDef meter.count="3" meter.unit="4" key.sig="1s"><staffGrp>
<staffDef n="1" lines="5" clef.shape="G" clef.line="2" label="Clarinet" trans.diat="-1" trans.semi="-2"/>
<staffDef n="2" lines="5" clef.shape="F" clef.line="4"/></staffGrp></scoreDef>
<section>
<measure n="1"><staff n="1"><layer n="1"><note pname="d" oct="5" dur="2"/><note pname="f" oct="5" dur="4"
accid="s"/> </layer></staff><staff n="2"><layer n="1"><chord dur="2" dots="1"><note pname="g" oct="3"/><note
pname="b" oct="3"/> </chord></layer></staff></measure>
<measure n="2"><staff n="1"><layer n="1"><rest dur="4"/><note pname="g" oct="5" dur="2"/></layer></staff>
<staff n="2"><layer n="1"><note pname="g" oct="2" dur="2" dots="1"/></layer></staff></measure>
</section></score></mdiv></body></music></mei>"""


def _midi(*tracks):
    chunks = [
        b"MThd",
        (6).to_bytes(4, "big"),
        (1).to_bytes(2, "big"),
        len(tracks).to_bytes(2, "big"),
        b"\x00\x60",
    ]
    for track in tracks:
        data = track + b"\x00\xff\x2f\x00"
        chunks += [b"MTrk", len(data).to_bytes(4, "big"), data]
    return b"".join(chunks)


# 96 ticks per quarter: C4 a quarter, E4 and G4 a half together; and a clarinet in concert pitch.
MIDI = _midi(
    b"\x00\xff\x58\x04\x04\x02\x18\x08\x00\xff\x51\x03\x07\xa1\x20",
    b"\x00\x90\x3c\x40\x60\x80\x3c\x00\x00\x90\x40\x40\x00\x43\x40\x81\x40\x40\x00\x00\x43\x00",
    b"\x00\xc1\x47\x00\x91\x48\x40\x83\x00\x81\x48\x00",
)

TINY = "tinyNotation: 3/4 c4 trip{c8 d e} f#4~ f#2. BB-4 r2"

SOURCES = {
    "humdrum": HUMDRUM.encode(),
    "abc": ABC.encode(),
    "mei": MEI.encode(),
    "midi": MIDI,
    "tinynotation": TINY.encode(),
}


@pytest.fixture(scope="module")
def scores():
    return {kind: read_through_music21(source, kind, Limits()) for kind, source in SOURCES.items()}


def test_every_format_has_a_source():
    assert set(SOURCES) == set(FORMATS)
    for kind, source in SOURCES.items():
        assert recognise(source).kind == kind


def test_humdrum(scores, written):
    score = scores["humdrum"]
    assert written(score) == [
        (0, 0, 0, 1, "C4"), (0, 0, 1, 0.75, "F#4"), (0, 0, 1.75, 0.25, "G4"), (0, 0, 2, 1, "r"),
        (0, 1, 0, 3, "C5"), (0, 2, 0, 3, "C5"),
        (1, 0, 0, 3, "F3"), (1, 1, 0, 1, "C3"), (1, 1, 0, 1, "E3"), (1, 1, 1, 1, "G2"), (1, 1, 2, 1, "r"),
        (1, 2, 0, 3, "F2"),
    ]  # fmt: skip
    assert score.notes.tie.tolist()[4:6] == [TIE_START, TIE_STOP]
    assert score.measure_numbers == ("1", "2", "3")
    assert (score.title, score.composer) == ("Test", "Anon")
    assert {(time.text, float(score.quarters(time.ticks))) for time in score.times} == {("3/4", 3.0)}
    assert {key.fifths for key in score.keys} == {-1}


def test_abc(scores, written):
    score = scores["abc"]
    assert written(score) == [
        (0, 0, 0, 0.5, "A4"), (0, 0, 0.5, 0.5, "B4"), (0, 0, 1, 0.5, "C#5"), (0, 0, 1.5, 1.5, "D5"),
        (0, 1, 0, 0, "G5"), (0, 1, 0, 1, "F#5"), (0, 1, 1, 0.5, "E5"), (0, 1, 1.5, 1.5, "D5"),
    ]  # fmt: skip
    assert score.notes.grace.tolist() == [False] * 4 + [True] + [False] * 3
    assert [
        (symbol.measure, float(score.quarters(symbol.onset)), symbol.text) for symbol in score.chord_symbols
    ] == [
        (0, 0, "D"),
        (1, 1.5, "G"),
    ]
    assert (score.title, score.composer) == ("A Jig", "Trad.")
    assert [tempo.quarters_per_minute for tempo in score.tempos] == [90]


def test_mei(scores, written):
    score = scores["mei"]
    assert written(score) == [
        (0, 0, 0, 2, "D5"), (0, 0, 2, 1, "F#5"), (0, 1, 0, 1, "r"), (0, 1, 1, 2, "G5"),
        (1, 0, 0, 3, "G3"), (1, 0, 0, 3, "B3"), (1, 1, 0, 3, "G2"),
    ]  # fmt: skip
    assert [part.transpositions for part in score.parts] == [(Transposition(0, -1, -2),), ()]
    assert sounding_pitches(score).cents[0] == 7200


def test_midi(scores, written):
    score = scores["midi"]
    rows = [row for row in written(score) if row[4] != "r"]
    assert rows == [
        (0, 0, 0, 1, "C4"), (0, 0, 1, 2, "E4"), (0, 0, 1, 2, "G4"),
        (1, 0, 0, 4, "C5"),
    ]  # fmt: skip
    # The clarinet of a MIDI file is in concert pitch.
    assert all(part.transpositions == () for part in score.parts)
    assert {tempo.quarters_per_minute for tempo in score.tempos} == {120}


def test_tiny_notation(scores, written):
    score = scores["tinynotation"]
    third = 1 / 3
    assert written(score) == [
        (0, 0, 0, 1, "C4"),
        (0, 0, 1, third, "C4"), (0, 0, 4 / 3, third, "D4"), (0, 0, 5 / 3, third, "E4"),
        (0, 0, 2, 1, "F#4"), (0, 1, 0, 3, "F#4"), (0, 2, 0, 1, "B-2"), (0, 2, 1, 2, "r"),
    ]  # fmt: skip
    assert score.notes.tie.tolist() == [0, 0, 0, 0, TIE_START, TIE_STOP, 0, 0]


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_notes_are_those_of_music21(scores, kind):
    score = scores[kind]
    table = score.notes
    starts = score.measure_starts[table.measure] + table.onset
    is_note = table.kind == NOTE
    columns = (
        starts[is_note].tolist(),
        table.duration[is_note].tolist(),
        table.written_cents[is_note].tolist(),
    )
    ours = Counter(
        (score.quarters(start), score.quarters(duration), cents / 100)
        for start, duration, cents in zip(*columns, strict=True)
    )
    source = SOURCES[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = converter.parseData(source if kind == "midi" else source.decode(), format=FORMATS[kind])
    if isinstance(parsed, stream.Opus):
        parsed = parsed.scores[0]
    theirs = Counter(
        (Fraction(element.getOffsetInHierarchy(parsed)), Fraction(element.quarterLength), pitch.ps)
        for element in parsed.recurse().getElementsByClass((note.Note, chord.Chord))
        if "ChordSymbol" not in element.classes
        for pitch in element.pitches
    )
    assert ours == theirs


def test_drums_of_midi_are_unpitched():
    drum = b"\x00\x99\x24\x40\x60\x89\x24\x00\x00\x99\x26\x40\x00\x2a\x40\x60\x89\x26\x00\x00\x2a\x00"
    score = read_through_music21(_midi(drum), "midi", Limits())
    kinds = score.notes.kind[score.notes.kind != REST]
    assert set(kinds.tolist()) == {UNPITCHED}
    assert len(kinds) == 3


def test_voices_of_one_work_in_abc_are_parts():
    voice = "X:{}\nT:Work\nT:Voice {}\nM:4/4\nL:1/4\nK:C\n{}|]\n"
    source = voice.format(1, 1, "cdef") + voice.format(2, 2, "CDEF")
    assert len(read_through_music21(source.encode(), "abc", Limits()).parts) == 2


def test_book_of_tunes_is_refused_with_a_summary():
    source = ABC + "\n" + ABC.replace("X:1", "X:2").replace("A Jig", "A Reel")
    with pytest.raises(UnreadableScoreError, match=r"one tune, got 2 tunes \(X:1 'A Jig', X:2 'A Reel'\)"):
        read_through_music21(source.encode(), "abc", Limits())


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("mei", MEI.encode()[:400]),
        ("mei", b"<mei><music/></mei>"),
        ("mei", b"<mei>" * 5_000),
        ("mei", b'<!DOCTYPE mei [<!ENTITY a "b">]>' + MEI.encode().split(b"?>", 1)[1]),
        ("midi", MIDI[:-30]),
        ("midi", b"MThd"),
        ("midi", _midi()),
        ("humdrum", b""),
        ("abc", b""),
        ("tinynotation", b"tinyNotation: 99999/0 c4"),
    ],
)
def test_broken_documents_are_refused(kind, source):
    with pytest.raises(UnreadableScoreError, match="Expected") as caught:
        read_through_music21(source, kind, Limits())
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize(
    ("kind", "source", "parts", "notes"),
    [("humdrum", b"**kern\t**kern\n4c\n", 2, 1), ("tinynotation", b"tinyNotation: H4", 1, 0)],
)
def test_incomplete_documents_that_music21_reads_give_a_score(kind, source, parts, notes):
    score = read_through_music21(source, kind, Limits())
    assert (len(score.parts), len(score.notes)) == (parts, notes)


def test_long_errors_of_music21_are_cut(monkeypatch):
    def fail(*_arguments, **_options):
        raise ValueError("x" * 10_000)

    monkeypatch.setattr(converter, "parseData", fail)
    with pytest.raises(UnreadableScoreError, match=r"cannot read \(ValueError: x{288}\)"):
        read_through_music21(SOURCES["abc"], "abc", Limits())


@pytest.mark.parametrize("kind", ["mei", "midi"])
def test_truncated_documents_are_refused(kind):
    for length in range(0, len(SOURCES[kind]) - 1, len(SOURCES[kind]) // 7):
        with pytest.raises(UnreadableScoreError, match="Expected"):
            read_through_music21(SOURCES[kind][:length], kind, Limits())


def test_size_is_bounded_before_music21_sees_it(monkeypatch):
    monkeypatch.setattr(converter, "parseData", None)  # calling it would raise a TypeError
    with pytest.raises(TooMuchScoreError, match="max_converted_bytes"):
        read_through_music21(ABC.encode() * 100, "abc", Limits(max_converted_bytes=5_000))
    notes = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 60_000
    with pytest.raises(TooMuchScoreError, match=r"max_converted_notes.*60,001"):
        read_through_music21(_midi(notes), "midi", Limits())


@pytest.mark.parametrize(("limit", "value"), [("max_parts", 1), ("max_measures", 1), ("max_notes", 3)])
def test_limits_name_their_setting(limit, value):
    with pytest.raises(TooMuchScoreError, match=limit):
        read_through_music21(SOURCES["mei"], "mei", Limits(**{limit: value}))
