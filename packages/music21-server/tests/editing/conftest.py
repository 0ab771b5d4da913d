"""Documents to edit: a small one with most of the notation that edits must handle, and corpus works."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from music21_server.engine import jobs
from music21_server.reading.ingest import DerivedScore
from music21_server.reading.musicxml import read_musicxml
from music21_server.score import codec
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Score


@pytest.fixture(scope="session")
def song() -> bytes:
    """A voice, a piano and a clarinet, of five, four and three bars."""
    return (Path(__file__).parent.parent / "song.musicxml").read_bytes()


@pytest.fixture(scope="session")
def entry() -> Callable[[str | bytes], Entry]:
    """Function that returns the store entry of a document, or of a corpus work by its name."""

    @functools.cache
    def stored(source: str | bytes) -> Entry:
        if isinstance(source, bytes):
            return jobs.read(jobs.Source(source.decode(), "content"), Limits())
        return jobs.read(jobs.Source(source, "corpus"), Limits())

    return stored


@pytest.fixture(scope="session")
def columns() -> Callable[[Entry | DerivedScore], Score]:
    """Function that decodes the stored columns of a score."""

    def decoded(what: Entry | DerivedScore) -> Score:
        return codec.decode(what.columns if isinstance(what, Entry) else what.entry.columns)

    return decoded


@pytest.fixture(scope="session")
def tree() -> Callable[[Entry | DerivedScore], Any]:
    """Function that parses the document of a score with lxml alone."""

    def parsed(what: Entry | DerivedScore) -> Any:
        entry = what if isinstance(what, Entry) else what.entry
        document = entry.document()
        content = document.content
        if document.kind == "mxl":
            from music21_server.reading.mxl_archive import unpack

            content = unpack(content, Limits())
        parser = etree.XMLParser(load_dtd=False, no_network=True, remove_comments=True, remove_pis=True)
        return etree.fromstring(content, parser)

    return parsed


@pytest.fixture(scope="session")
def read_again() -> Callable[[DerivedScore], Score]:
    """Function that reads the document of a derived score again."""
    return lambda result: read_musicxml(result.entry.document().content, Limits())
