"""Jobs of the worker processes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from music21_server.engine import jobs
from music21_server.engine.jobs import Bounds, Excerpt, Source
from music21_server.errors import ScoreError
from music21_server.score.limits import Limits
from music21_server.writing.exports import ExportLimits

ABC = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:G\nGABc|d4|\n"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("bach/bwv66.6", "auto", "mxl"),
        ("bach/bwv66.6", "corpus", "mxl"),
        ("C4 D4 E4", "auto", "tinynotation"),
        ("tinyNotation: 3/4 c4 d e", "auto", "tinynotation"),
        (ABC, "auto", "abc"),
        (base64.b64encode(ABC.encode()).decode(), "content", "abc"),
    ],
)
def test_sources_are_recognised_by_their_text(text: str, kind: jobs.SourceType, expected: str) -> None:
    entry = jobs.read(Source(text, kind), Limits())
    assert entry.kind == expected
    assert entry.info["notes"] > 0


def test_a_name_can_be_a_file_below_the_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tune.abc").write_text(ABC)
    entry = jobs.read(Source("sub/tune.abc", "auto", (tmp_path,)), Limits())
    assert (entry.kind, entry.info["title"]) == ("abc", "Tune")
    with pytest.raises(ScoreError):  # without folders the corpus is searched, which has no such work
        jobs.read(Source("sub/tune.abc", "auto"), Limits())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/etc/passwd",
        "../../etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/x.xml",
        "\x00",
        "H4 J5",
    ],
)
@pytest.mark.parametrize("kind", ["auto", "corpus", "file", "text", "content"])
def test_a_source_that_is_not_a_score_is_an_error(text: str, kind: jobs.SourceType, tmp_path: Path) -> None:
    with pytest.raises(ScoreError) as caught:
        jobs.read(Source(text, kind, (tmp_path,)), Limits())
    assert "xpected" in str(caught.value)
    assert "root:" not in str(caught.value)


def test_text_is_exported_in_excerpts_and_documents_whole() -> None:
    entry = jobs.read(Source("C4 D4 E4 F4 G4", "auto"), Limits())
    whole = jobs.export(entry, "text", jobs.WHOLE, Bounds()).content.decode()
    first = jobs.export(entry, "text", Excerpt("1", "1"), Bounds()).content.decode()
    assert "G4" in whole
    assert "G4" not in first
    with pytest.raises(ScoreError, match="whole"):
        jobs.export(entry, "musicxml", Excerpt("1", "1"), Bounds())
    with pytest.raises(ScoreError, match="max_exported_text_bytes"):
        jobs.export(entry, "musicxml", jobs.WHOLE, Bounds(export=ExportLimits(1)))


def test_a_long_text_is_not_looked_up_as_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[str] = []

    def from_corpus(name: str) -> None:
        lookups.append(name)
        raise ScoreError("not in the corpus")

    monkeypatch.setattr(jobs, "from_corpus", from_corpus)
    for length in (300, 301):
        for text in ("q" * length, "a/" + "q" * (length - 2)):
            with pytest.raises(ScoreError):
                jobs.read(Source(text, "auto"), Limits())
    assert [len(name) for name in lookups] == [300, 300]
