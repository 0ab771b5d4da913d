from __future__ import annotations

import codecs
import time

import pytest

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading import xml
from music21_server.reading.xml import Feed, as_utf8, pieces, root_tag, text_of

PLAIN = '<?xml version="1.0" encoding="{}"?><r><a>Dvořák</a></r>'


@pytest.mark.parametrize(
    "source",
    [
        PLAIN.format("UTF-8").encode(),
        codecs.BOM_UTF8 + PLAIN.format("UTF-8").encode(),
        PLAIN.format("UTF-16").encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.format("UTF-16").encode("utf-16-be"),
        PLAIN.format("UTF-16LE").encode("utf-16-le"),
        PLAIN.format("UTF-16BE").encode("utf-16-be"),
        PLAIN.format("ISO-8859-2").encode("iso-8859-2"),
    ],
)
def test_encodings(source):
    texts = [text_of(element) for element in pieces(Feed(as_utf8(source)), ("a",))]
    assert texts == ["Dvořák"]


@pytest.mark.parametrize(
    "name", ["windows-1252", "Shift_JIS", "macintosh", "GB18030", "KOI8-R", "ISO-8859-15"]
)
def test_character_sets_of_notation_programs(name):
    text = PLAIN.format(name).replace("Dvořák", "Dvorak")
    assert [text_of(element) for element in pieces(Feed(as_utf8(text.encode(name))), ("a",))] == ["Dvorak"]


def test_an_encoding_that_takes_quadratic_time_is_refused_at_once():
    source = PLAIN.format("punycode").encode() + b"-" + b"a" * 1_000_000
    begin_s = time.process_time()
    with pytest.raises(UnreadableScoreError, match=r"encoding that it declares \(punycode\)"):
        as_utf8(source)
    assert time.process_time() - begin_s < 0.5


@pytest.mark.parametrize("name", ["klingon", "hex", "zip", "idna", "unicode_escape", "undefined", "charmap"])
def test_unknown_encoding_is_refused(name):
    with pytest.raises(UnreadableScoreError, match=f"encoding that it declares \\({name}\\)"):
        as_utf8(PLAIN.format(name).encode())


def test_wrong_encoding_is_refused():
    with pytest.raises(UnreadableScoreError, match="utf-16"):
        as_utf8(codecs.BOM_UTF16_LE + b"<\x00r\x00>")
    with pytest.raises(UnreadableScoreError, match="well-formed"):
        list(pieces(Feed(as_utf8("<r>Dvořák</r>".encode("iso-8859-2"))), ("r",)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(encoding):
    text = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><r>&b;</r>'
    with pytest.raises(UnreadableScoreError, match="without entity declarations"):
        as_utf8(text.encode(encoding))


def test_external_documents_are_not_fetched(tmp_path):
    secret = tmp_path / "secret.dtd"
    secret.write_text('<!ENTITY leak "leaked">')
    text = f'<!DOCTYPE r SYSTEM "{secret.as_uri()}"><r><a>&leak;</a></r>'
    texts = [text_of(element) for element in pieces(Feed(as_utf8(text.encode())), ("a",))]
    assert texts == [""]


def test_external_dtd_is_not_read(tmp_path):
    broken = tmp_path / "broken.dtd"
    broken.write_text("<!ELEMENT")  # reading it would be an error
    text = f'<!DOCTYPE r SYSTEM "{broken.as_uri()}"><r><a>music</a></r>'
    assert [text_of(element) for element in pieces(Feed(text.encode()), ("a",))] == ["music"]


def test_children_are_freed_before_the_next_piece():
    elements = pieces(Feed(b"<r><a><n/></a><a/></r>"), ("a",))
    first = next(elements)
    assert len(first) == 1
    next(elements)
    assert len(first) == 0


def test_root_tag_is_read_without_parsing_the_rest():
    assert root_tag(b"<!-- music --><score-partwise><unfinished>") == "score-partwise"


@pytest.mark.parametrize("source", [b"", b"  ", b"no xml", b"<", b"<?xml", b"<!-- "])
def test_root_tag_of_malformed_xml_is_refused(source):
    with pytest.raises(UnreadableScoreError, match="Expected"):
        root_tag(source)


def test_cut_off_document_is_refused():
    with pytest.raises(UnreadableScoreError, match="may be cut off"):
        _all(b"<r><a/><a/>")


def _all(source):
    return list(pieces(Feed(source), ("a",)))


def test_elements_are_freed_when_they_end(monkeypatch):
    monkeypatch.setattr(xml, "_READ_BYTES", 40)
    source = b"<r>" + b"<x><y/></x><a>1</a>" * 500 + b"</r>"
    kept = [len(element.getparent()) for element in pieces(Feed(source), ("a",))]
    assert len(kept) == 500
    assert max(kept) < 10  # elements in 40 bytes, and the piece before


def test_deep_nesting_is_refused():
    with pytest.raises(UnreadableScoreError, match="depth"):
        list(pieces(Feed(b"<a>" * 100_000), ("r",)))


def test_size_of_a_piece_is_bounded(monkeypatch):
    monkeypatch.setattr(xml, "LARGEST_PIECE_BYTES", 200_000)
    with pytest.raises(TooMuchScoreError, match="at most 200,000 bytes between two barlines"):
        _all(b"<r><a>" + b"<n/>" * 100_000)


def test_each_piece_is_counted_separately(monkeypatch):
    monkeypatch.setattr(xml, "LARGEST_PIECE_BYTES", 200_000)
    assert len(_all(b"<r>" + b"<a>music</a>" * 20_000 + b"</r>")) == 20_000
