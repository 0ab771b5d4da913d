from __future__ import annotations

import base64
import contextlib
import io
import time
import zipfile

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import read, recognise, tiny_notation
from music21_server.score.document import KINDS, SUFFIXES, Document
from music21_server.score.limits import Limits

MUSICXML = b'<?xml version="1.0"?><score-partwise><part-list/></score-partwise>'
MEI = b'<?xml version="1.0"?><!-- a comment --><mei xmlns="http://www.music-encoding.org/ns/mei"/>'
MIDI = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00" + bytes(20)
ABC = b"X:1\nT:Tune\nK:C\nCDEF|\n"
HUMDRUM = b"!!!COM: Bach\n**kern\t**kern\n4c\t4e\n*-\t*-\n"
TINY = b"tinyNotation: 4/4 c4 d e f"


def _zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("score.xml", MUSICXML)
    return buffer.getvalue()


EXAMPLES = {
    "musicxml": MUSICXML, "mxl": _zip(), "midi": MIDI, "humdrum": HUMDRUM, "abc": ABC, "mei": MEI,
    "tinynotation": TINY,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_formats_are_recognised_from_content(kind):
    assert recognise(EXAMPLES[kind]) == Document(kind, EXAMPLES[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_base64_is_decoded(kind):
    content = EXAMPLES[kind] * (1 if len(EXAMPLES[kind]) > 30 else 2)
    assert recognise(base64.b64encode(content)) == Document(kind, content)
    assert recognise(base64.encodebytes(content)) == Document(kind, content)
    assert recognise(b"data:audio/midi;base64," + base64.b64encode(content)) == Document(kind, content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\n\n  <score-partwise/>", "musicxml"),
        (b"\xef\xbb\xbf" + MUSICXML, "musicxml"),
        (MUSICXML.decode().encode("utf-16"), "musicxml"),
        (MUSICXML.decode().encode("utf-16-be"), "musicxml"),
        (MEI.decode().encode("utf-16"), "mei"),
        (b'<mei:mei xmlns:mei="http://www.music-encoding.org/ns/mei"/>', "mei"),
        (b"T:No number\nM:4/4\nK:D\nABc|", "abc"),
        (b"% comment\nX: 12\nM:4/4\nK:D\nABc|", "abc"),
        (b"**kern\n4c\n*-\n", "humdrum"),
        (b"! comment\n**recip\t**kern\n4\tc\n*-\t*-\n", "humdrum"),
        (b"  TinyNotation: c4 d e", "tinynotation"),
    ],
)
def test_recognised_beginnings(content, kind):
    assert recognise(content).kind == kind


@pytest.mark.parametrize(
    ("names", "notation"),
    [
        ("C4 E4 G4", "tinyNotation: 4/4 c4 e4 g4"),
        ("c5, d#5, Eb3", "tinyNotation: 4/4 c'4 d'#4 E-4"),
        ("B-2 F##6 C1 A0", "tinyNotation: 4/4 BB-4 f''##4 CCC4 AAAA4"),
        ("C\nR\nD", "tinyNotation: 4/4 c4 r4 d4"),
        ("Bb", "tinyNotation: 4/4 b-4"),
    ],
)
def test_note_names_become_tiny_notation(names, notation):
    assert recognise(names.encode()) == Document("tinynotation", notation.encode())


def test_words_that_are_not_note_names_are_refused():
    with pytest.raises(UnreadableScoreError, match="note name such as C#4 or B-3, got 'H4'"):
        tiny_notation("C4 H4")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n",
        b"What a lovely melody",
        b"\x00\x01\x02\x03" * 20,
        b"C4 E4 H4",
        b"https://example.org/score.musicxml",
        base64.b64encode(b"something else, and long enough to be a document"),
        b"QUJD" * 20 + b"!",
        bytes(range(256)),
        base64.b64encode(b"MThd"),  # too short for a document
        b"C4 " * 34_000,
        b"%" * 20_000 + b"\nX:1\nK:C\nCDE",  # the format is recognised from the first 20,000 bytes
        b"data:" + b"a" * 101 + b";base64," + base64.b64encode(MUSICXML),
    ],
)
def test_unknown_formats_are_refused(content):
    with pytest.raises(UnreadableScoreError, match="Expected MusicXML, MXL or MIDI"):
        recognise(content)


def test_error_quotes_the_beginning_of_the_content():
    with pytest.raises(UnreadableScoreError, match=r"got 'Lorem ipsum'\.$"):
        recognise(b"Lorem ipsum" + b" " * 100_000 + b"dolor")


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: recognise(MUSICXML, "x" * 1000),
        lambda: tiny_notation("H" * 1000),
        lambda: recognise(b"Lorem" * 1000),
    ],
)
def test_errors_quote_only_the_beginning_of_long_input(refuse):
    with pytest.raises(UnreadableScoreError) as caught:
        refuse()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("declared", KINDS)
def test_declared_format_must_match_the_content(declared):
    assert recognise(EXAMPLES[declared], declared).kind == declared
    other = "abc" if declared != "abc" else "midi"
    with pytest.raises(UnreadableScoreError, match=f"Expected {declared} as declared, got {other}"):
        recognise(EXAMPLES[other], declared)


def test_unknown_declared_format_is_answered_with_the_formats():
    with pytest.raises(UnreadableScoreError, match=r"one of the formats musicxml, mxl, .*got 'pdf'"):
        recognise(MUSICXML, "pdf")


def test_every_format_has_a_suffix():
    assert set(SUFFIXES.values()) == set(KINDS)


@pytest.mark.parametrize(
    "content",
    [
        b"<" + b"a" * 100_000,
        b"C4 " * 33_000 + b"!",
        b" " * 100_000 + b"!",
        b"A" * 100_000 + b" " * 100_000 + b"!",
        b"X:" * 100_000,
        b"data:" + b"a" * 100_000,
    ],
)
def test_odd_content_is_recognised_in_linear_time(content):
    """With time that grows with the square of the length, each of these takes a second or more."""
    begin = time.process_time()
    with contextlib.suppress(UnreadableScoreError):
        recognise(content)
    assert time.process_time() - begin < 0.5


def test_size_is_checked_first():
    for kind, content in EXAMPLES.items():
        with pytest.raises(TooMuchScoreError, match="max_source_bytes"):
            read(Document(kind, content), Limits(max_source_bytes=5))


def test_mxl_is_unpacked_and_read(document, note, attributes, written):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("score.xml", document([attributes() + note("C4", 4)]))
    assert written(read(recognise(buffer.getvalue()), Limits())) == [(0, 0, 0, 4, "C4")]
