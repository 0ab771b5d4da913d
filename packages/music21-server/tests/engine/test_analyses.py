"""Analyses by name, and the limits of their lists."""

from __future__ import annotations

import json

import pytest

from music21_server.engine import analyses
from music21_server.engine.analyses import ANALYSES, Answer, answer
from music21_server.engine.pages import cut
from music21_server.errors import ScoreError
from music21_server.reading.formats import read, recognise
from music21_server.reading.locations import corpus_works
from music21_server.score.limits import Limits
from music21_server.score.table import Score


def _score(text: bytes) -> Score:
    return read(recognise(text), Limits())


def _rows(result: Answer) -> list[dict[str, object]]:
    assert result.rows is not None
    rows: list[dict[str, object]] = json.loads(cut(result.rows, 0, 1000)[0])
    return rows


@pytest.mark.parametrize("name", ANALYSES)
def test_a_head_has_all_fields_and_no_rows(name: str) -> None:
    arguments = {"query": "C4 D4"} if name == "search" else {}
    result = answer(name, _score(b"C4 D4 E4 C4"), arguments)
    head = json.loads(result.head)
    pages = ANALYSES[name].pages
    assert (result.rows is None) == (pages is None)
    assert pages is None or head[pages] == []
    assert result.size_bytes >= len(result.head)


def test_findings_of_a_kind_are_limited_and_their_count_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyses, "_MOST_FINDINGS", 2)
    chorale = _score(corpus_works()["demos/chorale_with_parallels"].read_bytes())
    result = answer("voice_leading", chorale, {"kinds": ["parallel octaves"]})
    assert json.loads(result.head)["counts"] == [{"kind": "parallel octaves", "count": 3, "listed": 2}]
    assert len(_rows(result)) == 2


def test_matches_are_limited_and_their_count_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyses, "_MOST_MATCHES", 2)
    result = answer("search", _score(b"C4 D4 C4 D4 C4 D4"), {"query": "C4 D4"})
    assert json.loads(result.head)["found"] == 3
    assert len(_rows(result)) == 2


def test_a_key_that_is_not_one_is_an_error() -> None:
    with pytest.raises(ScoreError, match="Expected a key"):
        answer("chords", _score(b"C4 D4"), {"key": "H dur"})
