"""Works to import under load: known ones with stored answers, and unseen ones."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest

from music21_server.engine import jobs
from music21_server.engine.jobs import Bounds, Source
from music21_server.perf_adapter import pieces
from music21_server.perf_adapter.pieces import (
    answers,
    archived,
    beginning,
    entry_of,
    known_pieces,
    unseen_pieces,
)
from music21_server.reading.formats import recognise
from music21_server.score.entry import content_id
from music21_server.score.limits import Limits
from perf_core import UNIQUE


def test_frozen_answers_are_those_of_the_engine() -> None:
    known = known_pieces()
    assert len(known) == 60
    assert len({piece.source for piece in known}) == 60
    for piece in known[::12]:
        found = answers(entry_of(piece.source, piece.source_type))
        assert found == {"facts": piece.facts, "key": piece.key, "chords": piece.chords, "midi": piece.midi}


@pytest.mark.corpus
def test_all_frozen_answers_are_those_of_the_engine() -> None:
    for piece in known_pieces():
        found = answers(entry_of(piece.source, piece.source_type))
        assert found == {"facts": piece.facts, "key": piece.key, "chords": piece.chords, "midi": piece.midi}


def test_known_works_are_diverse() -> None:
    known = known_pieces()
    notes = [piece.facts["notes"] for piece in known]
    assert min(notes) < 200
    assert max(notes) > 1_000
    assert len({piece.key["key"] for piece in known}) > 10
    assert {piece.source.partition("/")[0] for piece in known} >= {
        "bach",
        "monteverdi",
        "mozart",
        "trecento",
    }


def test_unseen_works_depend_on_the_seed_and_differ_from_one_another() -> None:
    first = unseen_pieces(4, seed=3)
    assert first == unseen_pieces(4, seed=3)
    assert first != unseen_pieces(4, seed=4)
    sources = {piece.source for piece in (*first, *unseen_pieces(4, seed=4))}
    assert len(sources) == 8
    assert all(piece.kind == "unseen" and piece.source_type == "content" for piece in first)


def test_changing_one_work_twice_gives_two_works(monkeypatch: pytest.MonkeyPatch) -> None:
    few = known_pieces()[:2]
    monkeypatch.setattr(pieces, "known_pieces", lambda: few)
    # More than there are known works, so that works are used twice.
    assert len({piece.source for piece in unseen_pieces(5, seed=1)}) == 5


def test_each_unique_text_gives_another_document_with_the_same_score() -> None:
    (piece,) = unseen_pieces(1, seed=5)
    assert piece.source.endswith(UNIQUE)
    contents = set()
    for text in ("0123456789abcdef", "zzzzzzzzzzzzzzzz", "0000000000000000"):
        source = piece.source.replace(UNIQUE, text)
        document = recognise(source.encode())
        contents.add(content_id(document))
        entry = jobs.read(Source(source, "content"), Limits())
        assert {"format": entry.kind, **entry.info} == piece.facts
        assert beginning(entry, "key") == piece.key
    assert len(contents) == 3


@pytest.mark.parametrize("length", [0, 1, 2, 1000])
def test_archive_is_valid_for_any_length(length: int) -> None:
    document = b"x" * length
    content = base64.b64decode(archived(document).replace(UNIQUE, "0" * 16), validate=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("score.musicxml") == document
        assert len(archive.comment) == 12


def test_beginning_has_the_first_members_up_to_a_paged_list() -> None:
    piece = known_pieces()[0]
    entry = entry_of(piece.source, piece.source_type)
    whole = json.loads(jobs.analyse("chords", entry.columns, {}).head)
    found = beginning(entry, "chords")
    assert list(found) == list(whole)[: len(found)]
    assert {"key", "sonority_count"} <= set(found)
    assert len(json.dumps(found)) <= 600
    assert "sonorities" not in found, "its entries are sent in pages"


def test_expected_midi_size_is_that_of_the_export() -> None:
    piece = known_pieces()[0]
    entry = entry_of(piece.source, piece.source_type)
    export = jobs.export(entry, "midi", jobs.WHOLE, Bounds())
    assert piece.midi["size_bytes"] == len(export.content) > 100
