"""Bars from all works of music21's corpus are drawn. Slow, and therefore marked `corpus`."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from music21_server.reading.formats import read
from music21_server.rendering.picture import PictureLimits, render
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]


def test_all_staves_of_all_bars_are_drawn() -> None:
    from music21.corpus import corpora

    problems, drawn = {}, 0
    for path in sorted(map(Path, corpora.CoreCorpus().getPaths(fileExtensions=(".xml", ".mxl")))):
        document = Document(SUFFIXES[path.suffix], path.read_bytes())
        score = read(document, Limits())
        bars = len(score.measure_ticks)
        for first, last in (
            (1, min(2, bars)),
            (max(bars // 2, 1), max(bars // 2, 1)),
            (max(bars - 1, 1), bars),
        ):
            picture = render(
                document, score, f"@{first}", f"@{last}",
                form="svg", limits=Limits(), picture_limits=PictureLimits(),
            )  # fmt: skip
            classes = [each.get("class") for each in etree.fromstring(picture.content).iter()]
            actual = (classes.count("measure"), classes.count("staff"))
            expected = (last - first + 1, (last - first + 1) * len(score.parts))
            drawn += 1
            if actual != expected:
                problems[f"{path.name} {first}-{last}"] = (actual, expected)
    assert drawn > 1900
    assert problems == {}
