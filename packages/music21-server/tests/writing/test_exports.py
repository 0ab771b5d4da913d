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
    made = export(Document("musicxml", SOURCE), score([{}]), "musicxml", Limits())
    assert made.content == SOURCE
    assert made.media_type == "application/vnd.recordare.musicxml+xml"


def test_of_mxl_the_document_inside_is_returned_and_the_archive_as_it_came(score) -> None:
    archive = pack(SOURCE) + b""
    document = Document("mxl", archive)
    assert export(document, score([{}]), "musicxml", Limits()).content == SOURCE
    assert export(document, score([{}]), "mxl", Limits()).content is archive


def test_musicxml_is_packed_as_it_came(score) -> None:
    made = export(Document("musicxml", SOURCE), score([{}]), "mxl", Limits())
    assert made.content == pack(SOURCE)
    assert made.media_type == "application/vnd.recordare.musicxml"


def test_other_formats_are_written_from_the_columns(score) -> None:
    some = score([{"pitch": "C5"}])
    made = export(Document("abc", b"X:1\nK:C\nc"), some, "musicxml", Limits())
    assert made.content == write_musicxml(some)


def test_midi_says_what_is_not_in_it(score) -> None:
    made = export(Document("musicxml", SOURCE), score([{"alter_cents": 50}]), "midi", Limits())
    assert made.content.startswith(b"MThd")
    assert made.remarks == ("1 notes between semitones are played on the nearest one.",)


def test_text_is_bounded(score) -> None:
    document = Document("musicxml", SOURCE)
    assert b"m1 | Part 1: C4 q" in export(document, score([{}]), "text", Limits()).content
    with pytest.raises(TooMuchScoreError, match=r"2 notes .* at most 1 \(setting max_text_notes\)"):
        export(document, score([{}, {"onset": 4}]), "text", Limits(), TextLimits(1))


def test_musicxml_beyond_a_limit_goes_out_compressed_only(score) -> None:
    document, some = Document("musicxml", SOURCE), score([{}])
    whole = export(document, some, "musicxml", Limits())
    ExportLimits(len(SOURCE)).check(whole)
    less = ExportLimits(len(SOURCE) - 1)
    with pytest.raises(TooMuchScoreError, match=r"\(setting max_exported_text_bytes\): ask for mxl"):
        less.check(whole)
    less.check(export(document, some, "mxl", Limits()))


@pytest.mark.parametrize(("form", "called"), [("abc", "ABC"), ("lilypond", "file of LilyPond")])
def test_written_text_beyond_a_limit_is_refused_with_what_to_do(score, form, called) -> None:
    made = export(Document("musicxml", SOURCE), score([{"alter_cents": 14}]), form, Limits())
    size = len(made.content)
    assert made.media_type.startswith(f"text/{'vnd.abc' if form == 'abc' else 'x-lilypond'};")
    assert "1 notes between" in made.remarks[0]
    ExportLimits(size).check(made)
    with pytest.raises(TooMuchScoreError, match=f"^The {called} has {size} bytes.*fewer measures or parts"):
        ExportLimits(size - 1).check(made)


def test_a_score_that_is_written_as_musicxml_is_packed(score) -> None:
    some, document = score([{"pitch": "C5"}]), Document("abc", b"X:1\nK:C\nc")
    assert export(document, some, "mxl", Limits()).content == pack(write_musicxml(some))


def test_an_archive_is_unpacked_within_its_limit(score) -> None:
    document = Document("mxl", pack(SOURCE))
    less = Limits(max_source_bytes=len(SOURCE) - 1)
    with pytest.raises(TooMuchScoreError):
        export(document, score([{}]), "musicxml", less)
    # As it came it needs no room.
    assert export(document, score([{}]), "mxl", less).content == document.content


def test_an_unknown_format_is_answered_with_the_known_ones(score) -> None:
    with pytest.raises(ScoreError, match="formats musicxml, mxl, midi, abc, lilypond, text, got 'doc'"):
        export(Document("musicxml", SOURCE), score([{}]), "doc", Limits())
