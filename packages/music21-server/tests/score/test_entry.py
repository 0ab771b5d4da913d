"""Stored entry of a score, and its file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.score.document import Document
from music21_server.score.entry import DamagedEntryError, Entry, content_id

DOCUMENT = Document("musicxml", b"<score-partwise/>" * 20)


def test_the_document_is_stored_compressed() -> None:
    entry = Entry.from_document(DOCUMENT, b"columns", {"title": "Étude", "parts": 2})
    assert entry.document() == DOCUMENT
    assert len(entry.packed_document) < entry.document_bytes == len(DOCUMENT.content)
    assert entry.size_bytes > len(entry.packed_document) + len(b"columns")


def test_the_content_id_depends_on_kind_and_content() -> None:
    identity = content_id(DOCUMENT)
    assert (
        identity
        == Entry.from_document(DOCUMENT, b"", {}).content_id
        == content_id(Document("musicxml", DOCUMENT.content))
    )
    assert identity != content_id(Document("mei", DOCUMENT.content))
    assert identity != content_id(Document("musicxml", DOCUMENT.content + b" "))


@settings(max_examples=30)
@given(
    st.binary(max_size=100), st.binary(max_size=100), st.dictionaries(st.text(), st.integers() | st.text())
)
def test_an_entry_survives_its_file(content: bytes, columns: bytes, info: dict[str, int | str]) -> None:
    entry = Entry.from_document(Document("abc", content), columns, info)
    assert Entry.from_bytes(entry.to_bytes()) == entry


def test_a_damaged_or_truncated_file_is_an_error() -> None:
    kept = Entry.from_document(DOCUMENT, b"columns", {"title": "x"}).to_bytes()
    for length in range(len(kept)):
        with pytest.raises(DamagedEntryError):
            Entry.from_bytes(kept[:length])
    for place in range(len(kept)):
        with pytest.raises(DamagedEntryError):
            Entry.from_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])
