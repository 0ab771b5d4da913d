"""Randomly damaged documents give a consistent score or a readable error."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from music21_server.errors import ScoreError
from music21_server.reading.formats import read, recognise
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.theory.time.positions import Clock

LIMITS = Limits(max_source_bytes=100_000, max_notes=2_000, max_measures=50, max_parts=20)

RICH = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0">
  <work><work-title>Everything</work-title></work>
  <identification><creator type="composer">Anonymous</creator>
    <encoding><software>Finale 2014</software></encoding></identification>
  <part-list>
    <score-part id="P1"><part-name>Piano</part-name></score-part>
    <score-part id="P2"><part-name>Clarinet</part-name></score-part>
    <score-part id="P3"><part-name>Drum</part-name></score-part>
  </part-list>
  <part id="P1">
    <measure number="0" implicit="yes">
      <attributes><divisions>6</divisions><key><fifths>-2</fifths><mode>minor</mode></key>
        <time><beats>3</beats><beat-type>4</beat-type></time><staves>2</staves>
        <clef number="1"><sign>G</sign><line>2</line></clef><clef
        number="2"><sign>F</sign><line>4</line></clef>
      </attributes>
      <direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>
        <per-minute>72</per-minute></metronome></direction-type><staff>1</staff></direction>
      <note><pitch><step>D</step><octave>5</octave></pitch><duration>6</duration><tie type="start"/>
        <voice>1</voice><type>quarter</type><staff>1</staff></note>
      <backup><duration>6</duration></backup>
      <note><rest measure="yes"/><duration>6</duration><voice>5</voice><staff>2</staff></note>
    </measure>
    <measure number="1">
      <harmony><root><root-step>G</root-step></root><kind>minor</kind><offset>3</offset></harmony>
      <note><grace/><pitch><step>C</step><alter>1</alter><octave>5</octave></pitch><voice>1</voice>
        <type>eighth</type><staff>1</staff></note>
      <note><pitch><step>D</step><octave>5</octave></pitch><duration>12</duration><tie type="stop"/>
        <voice>1</voice><type>half</type><staff>1</staff></note>
      <note><chord/><pitch><step>F</step><alter>0.5</alter><octave>5</octave></pitch><duration>12</duration>
        <voice>1</voice><type>half</type><staff>1</staff></note>
      <note><pitch><step>G</step><octave>5</octave></pitch><duration>2</duration><voice>1</voice>
        <type>eighth</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>
        </time-modification><staff>1</staff></note>
      <note><rest/><duration>4</duration><voice>1</voice><staff>1</staff></note>
      <backup><duration>18</duration></backup>
      <note><pitch><step>G</step><octave>2</octave></pitch><duration>9</duration><voice>5</voice>
        <type>quarter</type><dot/><staff>2</staff></note>
      <forward><duration>9</duration><voice>5</voice><staff>2</staff></forward>
    </measure>
  </part>
  <part id="P2">
    <measure number="0"><attributes><divisions>4</divisions>
      <time><beats>3</beats><beat-type>4</beat-type></time>
      <transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>
      <note><rest/><duration>4</duration></note></measure>
    <measure number="1"><sound tempo="96"/>
      <note><cue/><pitch><step>E</step><octave>4</octave></pitch><duration>12</duration>
        <accidental>flat</accidental></note></measure>
  </part>
  <part id="P3">
    <measure number="0"><note><unpitched><display-step>E</display-step><display-octave>4</display-octave>
      </unpitched><duration>10080</duration></note></measure>
    <measure number="1"/>
  </part>
</score-partwise>"""

TEXTS = [
    "", " ", "0", "-1", "1", "2", "3", "7", "0.333", "1e999", "nan", "inf", "99999999999999999999",
    "9" * 5000, "1/0", "x", "\u0663", "3+2", "+", "65537", "10007", "-0", "yes", "P1", "P9",
    "start", "whole", "none",
]  # fmt: skip
TAGS = [
    "note", "chord", "grace", "rest", "backup", "forward", "attributes", "divisions", "duration", "measure",
    "part", "pitch", "unpitched", "staves", "staff", "time", "senza-misura", "harmony", "direction",
    "part-list", "voice",
]  # fmt: skip
ATTRIBUTES = ["id", "number", "measure", "type", "tempo", "x"]

places = st.integers(0, 10_000)
tree_changes = st.lists(
    st.tuples(
        st.sampled_from(["delete", "double", "swap", "text", "tag", "attribute", "move"]),
        places,
        places,
        places,
    ),
    min_size=1,
    max_size=6,
)
byte_changes = st.lists(
    st.tuples(
        st.sampled_from(["cut", "delete", "double", "write"]),
        places,
        st.integers(1, 60),
        st.binary(max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def _change_tree(source, changes):
    root = etree.fromstring(source)
    for kind, one, two, three in changes:
        elements = list(root.iter("*"))[1:]
        if not elements:
            break
        element, other = elements[one % len(elements)], elements[two % len(elements)]
        parent = element.getparent()
        if kind == "delete":
            parent.remove(element)
        elif kind == "double":
            for _ in range(1 + three % 3):
                parent.insert(parent.index(element), etree.fromstring(etree.tostring(element)))
        elif kind == "text":
            element.text = TEXTS[two % len(TEXTS)]
        elif kind == "tag":
            element.tag = TAGS[two % len(TAGS)]
        elif kind == "attribute":
            element.set(ATTRIBUTES[two % len(ATTRIBUTES)], TEXTS[three % len(TEXTS)])
        elif element not in other.iterancestors() and other is not element:
            other.append(element)
            if kind == "swap" and other not in element.iter() and parent is not other:
                parent.append(other) if parent not in other.iter() else None
    return etree.tostring(root)


def _change_bytes(source, changes):
    data = bytearray(source)
    for kind, place, length, new in changes:
        at = place % (len(data) + 1)
        if kind == "cut":
            del data[at:]
        elif kind == "delete":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        else:
            data[at : at + len(new)] = new
    return bytes(data)


def _assert_read_or_refused(content, kind=None):
    try:
        document = recognise(content) if kind is None else Document(kind, content)
        score = read(document, LIMITS)
    except ScoreError as error:
        message = str(error)
    else:
        _assert_consistent(score)
        return
    assert 20 < len(message) < 2_000


def _assert_consistent(score):
    table = score.notes
    parts, measures = len(score.parts), len(score.measure_ticks)
    assert len(table) <= LIMITS.max_notes
    assert parts <= LIMITS.max_parts
    assert measures <= LIMITS.max_measures
    assert len(score.measure_numbers) == measures
    assert score.own_ticks.shape == (parts, measures)
    assert (np.diff(table.part * 1000 + table.measure) >= 0).all()
    if len(table):
        assert 0 <= table.part.min() <= table.part.max() < parts
        assert 0 <= table.measure.min() <= table.measure.max() < measures
        assert min(table.onset.min(), table.duration.min(), table.step.min()) >= 0
        assert table.step.max() < 7
        assert -5 <= table.octave.min() <= table.octave.max() <= 15
        assert set(table.kind.tolist()) <= {0, 1, 2}
    chords = sonorities(score, sounding_pitches(score))
    assert chords.first.tolist() == sorted(set(chords.first.tolist()))
    assert (chords.duration > 0).all()
    assert (np.diff(chords.start) > 0).all()
    clock = Clock(score)
    for measure, start in zip(chords.measure.tolist(), chords.start.tolist(), strict=True):
        assert clock.at_tick(start) == clock.at(measure, start - int(score.measure_starts[measure]))


def test_unchanged_document_is_read():
    score = read(recognise(RICH), LIMITS)
    assert [part.identity for part in score.parts] == ["P1-Staff1", "P1-Staff2", "P2", "P3"]
    _assert_consistent(score)


quick = settings(max_examples=70, deadline=30_000, derandomize=True, database=None)
thorough = settings(
    max_examples=20_000, deadline=30_000, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@quick
@given(tree_changes)
def test_changed_trees(changes):
    _assert_read_or_refused(_change_tree(RICH, changes), "musicxml")


@quick
@given(byte_changes)
def test_changed_bytes(changes):
    _assert_read_or_refused(_change_bytes(RICH, changes))


def _mxl():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="score.xml"/></container>')
        archive.writestr("score.xml", RICH)
    return buffer.getvalue()


MXL = _mxl()
MIDI = (
    b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x00\x1b\x00\xff\x03\x02ab\x00\xc0\x05"
    b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x3e\x40\x60\x80\x3e\x00\x00\xff\x2f\x00"
)


@quick
@given(byte_changes)
def test_changed_archives(changes):
    _assert_read_or_refused(_change_bytes(MXL, changes), "mxl")


@quick
@given(byte_changes)
def test_changed_midi(changes):
    _assert_read_or_refused(_change_bytes(MIDI, changes), "midi")


ABC_PIECES = (
    "c", "^f", "_B,", "z2", "Z3", "[ce_g]2", "(3", "(5:4:3", ">", "<<", "-", "|", "|:", ":|", "::", "|1",
    "[2", "&", "{ga}", '"Am"', "!fermata!", "[K:Eb]", "[M:6/8]", "[L:1/16]", "[V:2]", "[V:1]", "\n", "H", "~",
    "/", "3/2", ")", "]", "[", '"', "!", "%", "\\", " ", "é",
)  # fmt: skip


@quick
@given(st.lists(st.sampled_from(ABC_PIECES), max_size=60))
def test_drawn_abc(pieces):
    _assert_read_or_refused(f"X:1\nM:4/4\nK:D\n{''.join(pieces)}\n".encode(), "abc")


KERN_LINES = (
    "4c\t4e", "8.ff#\t16g", "*^\t*", "*v\t*v", "*v\t*v\t*", "*\t*^", "*x\t*x", "*+\t*", "*-\t*-", "**kern",
    "=2\t=2", "==", "q\t.", "8qd\t.", "4c 4e\t[2g", "2g]", "0r\t.", "*M3/4\t*M3/4", "*k[f#]\t*", "*g:\t*",
    "!!!OTL: x", "! c", "3%2c\t.",
)  # fmt: skip


@quick
@given(st.lists(st.sampled_from(KERN_LINES), max_size=40))
def test_drawn_kern(lines):
    _assert_read_or_refused("\n".join(["**kern\t**kern", *lines]).encode(), "humdrum")


@quick
@given(st.text(max_size=200))
def test_any_text_as_abc(text):
    _assert_read_or_refused(f"X:1\nK:C\n{text}\n".encode("utf-8", "replace"), "abc")


@pytest.mark.corpus
@pytest.mark.timeout(900)
@thorough
@given(tree_changes)
def test_changed_trees_thoroughly(changes):
    _assert_read_or_refused(_change_tree(RICH, changes), "musicxml")


@pytest.mark.corpus
@pytest.mark.timeout(900)
@thorough
@given(byte_changes, st.booleans())
def test_changed_bytes_thoroughly(changes, is_packed):
    _assert_read_or_refused(
        _change_bytes(MXL if is_packed else RICH, changes), "mxl" if is_packed else "musicxml"
    )
