"""Small documents of each format: expected rows, and the notes that music21 reads."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction

import pytest
from music21 import chord, converter, note

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import recognise
from music21_server.reading.music21_formats import FORMATS, read_through_music21
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, TIE_START, TIE_STOP, Transposition
from music21_server.theory.pitch.transposition import sounding_pitches

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


TINY = "tinyNotation: 3/4 c4 trip{c8 d e} f#4~ f#2. BB-4 r2"

SOURCES = {
    "mei": MEI.encode(),
    "tinynotation": TINY.encode(),
}


@pytest.fixture(scope="module")
def scores():
    return {kind: read_through_music21(source, kind, Limits()) for kind, source in SOURCES.items()}


def test_every_format_has_a_source():
    assert set(SOURCES) == set(FORMATS)
    for kind, source in SOURCES.items():
        assert recognise(source).kind == kind


def test_mei(scores, written):
    score = scores["mei"]
    assert written(score) == [
        (0, 0, 0, 2, "D5"), (0, 0, 2, 1, "F#5"), (0, 1, 0, 1, "r"), (0, 1, 1, 2, "G5"),
        (1, 0, 0, 3, "G3"), (1, 0, 0, 3, "B3"), (1, 1, 0, 3, "G2"),
    ]  # fmt: skip
    assert [part.transpositions for part in score.parts] == [(Transposition(0, -1, -2),), ()]
    assert sounding_pitches(score).cents[0] == 7200


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
        parsed = converter.parseData(source.decode(), format=FORMATS[kind])
    theirs = Counter(
        (Fraction(element.getOffsetInHierarchy(parsed)), Fraction(element.quarterLength), pitch.ps)
        for element in parsed.recurse().getElementsByClass((note.Note, chord.Chord))
        if "ChordSymbol" not in element.classes
        for pitch in element.pitches
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("mei", MEI.encode()[:400]),
        ("mei", b"<mei><music/></mei>"),
        ("mei", b"<mei>" * 5_000),
        ("mei", b'<!DOCTYPE mei [<!ENTITY a "b">]>' + MEI.encode().split(b"?>", 1)[1]),
        ("tinynotation", b"tinyNotation: 99999/0 c4"),
    ],
)
def test_broken_documents_are_refused(kind, source):
    with pytest.raises(UnreadableScoreError, match="Expected") as caught:
        read_through_music21(source, kind, Limits())
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize(
    ("kind", "source", "parts", "notes"),
    [("tinynotation", b"tinyNotation: H4", 1, 0)],
)
def test_incomplete_documents_that_music21_reads_give_a_score(kind, source, parts, notes):
    score = read_through_music21(source, kind, Limits())
    assert (len(score.parts), len(score.notes)) == (parts, notes)


def test_long_errors_of_music21_are_cut(monkeypatch):
    def fail(*_arguments, **_options):
        raise ValueError("x" * 10_000)

    monkeypatch.setattr(converter, "parseData", fail)
    with pytest.raises(UnreadableScoreError, match=r"cannot read \(ValueError: x{288}\)"):
        read_through_music21(SOURCES["tinynotation"], "tinynotation", Limits())


@pytest.mark.parametrize("kind", ["mei"])
def test_truncated_documents_are_refused(kind):
    for length in range(0, len(SOURCES[kind]) - 1, len(SOURCES[kind]) // 7):
        with pytest.raises(UnreadableScoreError, match="Expected"):
            read_through_music21(SOURCES[kind][:length], kind, Limits())


def test_size_is_bounded_before_music21_sees_it(monkeypatch):
    monkeypatch.setattr(converter, "parseData", None)  # calling it would raise a TypeError
    with pytest.raises(TooMuchScoreError, match="max_converted_bytes"):
        read_through_music21(SOURCES["mei"] * 100, "mei", Limits(max_converted_bytes=5_000))
    with pytest.raises(TooMuchScoreError, match=r"max_converted_notes.*60,000"):
        read_through_music21(b"tinyNotation: 4/4 " + b"c4 " * 60_000, "tinynotation", Limits())


@pytest.mark.parametrize(("limit", "value"), [("max_parts", 1), ("max_measures", 1), ("max_notes", 3)])
def test_limits_name_their_setting(limit, value):
    with pytest.raises(TooMuchScoreError, match=limit):
        read_through_music21(SOURCES["mei"], "mei", Limits(**{limit: value}))
