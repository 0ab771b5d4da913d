"""Which works stand for a style."""

from __future__ import annotations

import json
from importlib import metadata, resources

import pytest

from music21_server.composition.imitation.styles import STYLES, pieces_of, works_of
from music21_server.reading.places import corpus_works


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_works(style: str) -> None:
    works = works_of(style)
    assert len(works) >= 9
    assert {work.partition("#")[0] for work in works} <= set(corpus_works())


def test_works_are_spread_over_those_there_are() -> None:
    works, pieces = works_of("haydn"), pieces_of("haydn")
    assert {piece.name for piece in pieces} <= set(works)
    assert len(pieces) >= 5
    assert len({piece.metre.text for piece in pieces}) > 2


def test_the_packaged_profiles_are_of_these_styles() -> None:
    text = resources.files("music21_server").joinpath("data", "styles.json").read_text(encoding="utf-8")
    table = json.loads(text)
    assert set(table["styles"]) == set(STYLES)
    assert table["music21"] == metadata.version("music21")
    for modes in table["styles"].values():
        for features in modes.values():
            for shares in features.values():
                assert sum(shares.values()) == pytest.approx(1, abs=0.01)
