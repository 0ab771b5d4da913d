"""The works that represent each style."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import metadata, resources

import pytest

from music21_server.composition.imitation import styles
from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.composition.imitation.styles import STYLES, Style, pieces_of, works_of
from music21_server.errors import ScoreError
from music21_server.reading.locations import corpus_works
from music21_server.score.table import Score


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_works(style: str) -> None:
    works = works_of(style)
    assert len(works) >= 9
    assert {work.partition("#")[0] for work in works} <= set(corpus_works())


def test_works_are_spread_over_the_collection() -> None:
    works, pieces = works_of("haydn"), pieces_of("haydn")
    assert {piece.name for piece in pieces} <= set(works)
    assert len(pieces) >= 5
    assert len({piece.metre.text for piece in pieces}) > 2


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Add a style ``few`` of Bach's first chorales; clear the cache of works before and after."""
    monkeypatch.setattr(styles, "STYLES", {"few": Style("Few", r"bach/bwv2[56]\d")})
    pieces_of.cache_clear()
    yield monkeypatch
    pieces_of.cache_clear()


def test_the_number_of_notes_limits_the_works(few: pytest.MonkeyPatch) -> None:
    names = works_of("few")
    few.setattr(styles, "_MOST_NOTES", 800)
    pieces = pieces_of("few")
    assert 3 <= len(pieces) < len(names) / 2
    assert sum(piece.notes for piece in pieces[:-1]) < 800
    # The works are from all over the collection.
    places = [names.index(piece.name) for piece in pieces]
    assert min(places) < len(names) / 4
    assert max(places) >= len(names) / 2


def test_converted_works_have_a_lower_limit(few: pytest.MonkeyPatch) -> None:
    few.setattr(styles, "STYLES", {"songs": Style("Songs", "essenfolksong/erk5")})
    few.setattr(styles, "_MOST_CONVERTED_NOTES", 1)
    assert len(works_of("songs")) > 10
    assert len(pieces_of("songs")) == 1


def test_unusable_works_are_skipped(few: pytest.MonkeyPatch) -> None:
    def unless_second(name: str, score: Score) -> Piece:
        if name == works_of("few")[0]:
            raise ScoreError("nothing")
        return piece_of(name, score)

    few.setattr(styles, "_MOST_NOTES", 800)
    few.setattr(styles, "piece_of", unless_second)
    assert pieces_of("few")
    assert works_of("few")[0] not in {piece.name for piece in pieces_of("few")}


def test_documents_without_the_required_content_are_skipped(few: pytest.MonkeyPatch) -> None:
    few.setattr(styles, "STYLES", {"none": Style("None", r"bach/bwv25\d", rb"not in any of them")})
    assert pieces_of("none") == ()


@pytest.mark.parametrize(
    ("style", "document", "is_read"),
    [
        ("palestrina", "**kern\t**kern\t**kern\t**kern\n*k[]\t*k[]\t*k[]\t*k[]\n*M4/2\t*M4/2\t*M4/2", True),
        ("palestrina", "**kern\t**kern\t**kern\t**kern\n*M3/1\t*M3/1\t*M3/1\t*M3/1", False),
        ("palestrina", "**kern\t**kern\t**kern\n*M4/2\t*M4/2\t*M4/2", False),
        ("jigs", "X:1\nM:6/8\nK:G\n", True),
        ("jigs", "X:1\nM:9/8\nK:G\n", False),
        ("reels", "X:1\nM: 2/4\nK:G\n", True),
        ("reels", "X:1\nM:4/4\nN:once M:2/4\n", False),
    ],
)  # fmt: skip
def test_required_content_of_a_style(style: str, document: str, is_read: bool) -> None:
    assert bool(re.search(STYLES[style].required_content, document.encode())) == is_read


def test_the_packaged_profiles_are_of_these_styles() -> None:
    text = resources.files("music21_server").joinpath("data", "styles.json").read_text(encoding="utf-8")
    table = json.loads(text)
    assert set(table["styles"]) == set(STYLES)
    assert table["music21"] == metadata.version("music21")
    for modes in table["styles"].values():
        for features in modes.values():
            for shares in features.values():
                assert sum(shares.values()) == pytest.approx(1, abs=0.01)
