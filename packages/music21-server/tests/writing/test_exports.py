from __future__ import annotations

import pytest

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.writing.exports import ExportLimits, export
from music21_server.writing.musicxml_writer import write_musicxml
from music21_server.writing.mxl import pack
from music21_server.writing.text import TextLimits

SOURCE = b"\xef\xbb\xbf<?xml version='1.0'?>\r\n<!-- kept --><score-partwise >\r\n</score-partwise>\n\n"


def test_musicxml_is_returned_byte_for_byte(score) -> None:
    exported = export(Document("musicxml", SOURCE), score([{}]), "musicxml", Limits())
    assert exported.content == SOURCE
    assert exported.media_type == "application/vnd.recordare.musicxml+xml"


def test_mxl_is_unpacked_for_musicxml_and_returned_unchanged_for_mxl(score) -> None:
    archive = pack(SOURCE)
    document = Document("mxl", archive)
    assert export(document, score([{}]), "musicxml", Limits()).content == SOURCE
    assert export(document, score([{}]), "mxl", Limits()).content is archive


def test_musicxml_is_packed_unchanged(score) -> None:
    exported = export(Document("musicxml", SOURCE), score([{}]), "mxl", Limits())
    assert exported.content == pack(SOURCE)
    assert exported.media_type == "application/vnd.recordare.musicxml"


def test_other_formats_are_written_from_the_columns(score) -> None:
    some = score([{"pitch": "C5"}])
    exported = export(Document("abc", b"X:1\nK:C\nc"), some, "musicxml", Limits())
    assert exported.content == write_musicxml(some)


def test_midi_export_has_remarks(score) -> None:
    exported = export(Document("musicxml", SOURCE), score([{"alter_cents": 50}]), "midi", Limits())
    assert exported.content.startswith(b"MThd")
    assert exported.remarks == ("Notes between semitones, played on the nearest one: 1.",)


def test_notes_of_a_text_are_bounded(score) -> None:
    document = Document("musicxml", SOURCE)
    assert b"m1 | Part 1: C4 q" in export(document, score([{}]), "text", Limits()).content
    with pytest.raises(TooMuchScoreError, match=r"at most 1 notes .*\(setting max_text_notes\), got 2"):
        export(document, score([{}, {"onset": 4}]), "text", Limits(), TextLimits(1))


def test_musicxml_beyond_the_limit_is_exported_only_as_mxl(score) -> None:
    document, some = Document("musicxml", SOURCE), score([{}])
    whole = export(document, some, "musicxml", Limits())
    ExportLimits(len(SOURCE)).check(whole)
    less = ExportLimits(len(SOURCE) - 1)
    with pytest.raises(TooMuchScoreError, match=r"\(setting max_exported_text_bytes\), got .*: ask for mxl"):
        less.check(whole)
    less.check(export(document, some, "mxl", Limits()))


@pytest.mark.parametrize(("form", "name"), [("abc", "ABC"), ("lilypond", "LilyPond")])
def test_abc_and_lilypond_beyond_the_limit_are_refused_with_advice(score, form, name) -> None:
    exported = export(Document("musicxml", SOURCE), score([{"alter_cents": 14}]), form, Limits())
    size = len(exported.content)
    assert exported.media_type.startswith(f"text/{'vnd.abc' if form == 'abc' else 'x-lilypond'};")
    assert "Notes between" in exported.remarks[0]
    ExportLimits(size).check(exported)
    with pytest.raises(TooMuchScoreError, match=rf"bytes of {name} .*, got {size}: ask for fewer"):
        ExportLimits(size - 1).check(exported)


def test_mxl_of_other_formats_is_packed_from_the_columns(score) -> None:
    some, document = score([{"pitch": "C5"}]), Document("abc", b"X:1\nK:C\nc")
    assert export(document, some, "mxl", Limits()).content == pack(write_musicxml(some))


def test_unpacked_document_is_bounded(score) -> None:
    document = Document("mxl", pack(SOURCE))
    less = Limits(max_source_bytes=len(SOURCE) - 1)
    with pytest.raises(TooMuchScoreError):
        export(document, score([{}]), "musicxml", less)
    # Returned unchanged, it is not unpacked.
    assert export(document, score([{}]), "mxl", less).content == document.content


def test_unknown_format_is_answered_with_the_formats(score) -> None:
    with pytest.raises(ScoreError, match="formats musicxml, mxl, midi, abc, lilypond, text, got 'doc'"):
        export(Document("musicxml", SOURCE), score([{}]), "doc", Limits())
