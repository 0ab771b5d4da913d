"""Requests of the tool: reports, limits and refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest

from music21_server.composition.imitation.generation import (
    LEAST_MEASURES,
    MOST_MEASURES,
    Request,
    generate_imitation,
    report_of,
)
from music21_server.composition.imitation.imitate import imitate
from music21_server.composition.imitation.pieces import Piece
from music21_server.composition.imitation.similarity import FEATURES, distance
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.reading.ingest import DerivedScore, stored_entry
from music21_server.reading.locations import from_corpus
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.theory.pitch.names import parse_key

REQUEST = Request("haydn", 8, None, None, 0)


@pytest.fixture(scope="module")
def haydn() -> DerivedScore:
    return generate_imitation((), REQUEST, Limits())


def entry(text: str) -> Entry:
    document = Document("tinynotation", text.encode())
    return stored_entry(document, read(document, Limits()))


def corpus_entry(name: str) -> Entry:
    document = from_corpus(name)
    return stored_entry(document, read(document, Limits()))


def test_the_report_describes_the_score(haydn: DerivedScore) -> None:
    report = haydn.report
    assert haydn.entry.info["measures"] == 8
    assert haydn.entry.info["parts"] == report["voices"] == 4
    learned = report["learned_from"]
    assert learned["work_count"] == len(learned["works"]) > 1
    assert learned["notes"] > learned["beats"] > learned["bars"] > 50
    assert report["model"]["distinct_beats"] <= report["model"]["beats"] == learned["beats"]
    assert (
        report["way"]["successions_as_in_a_work"] + report["way"]["new_successions"]
        == report["way"]["beats"] - 1
    )
    assert report["quotation"]["longest_notes"] <= report["quotation"]["most_notes_allowed"] == 36
    assert report["quotation"]["of"] in learned["works"]


def test_the_figures_of_the_report(chorales: tuple[Piece, ...]) -> None:
    result = imitate(chorales, "t", measures=16, voices=None, key=parse_key("A minor"), seed=2)
    report = report_of(result, None, 2)
    works = [piece.name for piece in result.pieces for _ in piece.beats]

    def as_in_a_work(pairs: Any) -> int:
        return sum(other == one + 1 and works[one] == works[other] for one, other in pairs)

    beats, way = result.graph, result.walk.beats
    follows = zip(beats.source.tolist(), beats.target.tolist(), strict=True)
    assert report["model"]["successions_of_works"] == as_in_a_work(follows)
    assert report["way"] == {
        "beats": len(way),
        "works_used": len({works[index] for index in way}),
        "successions_as_in_a_work": as_in_a_work(pairwise(way)),
        "new_successions": len(way) - 1 - as_in_a_work(pairwise(way)),
    }
    assert report["learned_from"]["works"] == [piece.name for piece in result.pieces]
    assert report["model"]["distinct_beats"] == len({repr(content) for content in beats.contents})
    assert report["learned_from"]["bars"] == sum(
        len({bar for bar in piece.bars if bar >= 0}) for piece in result.pieces
    )
    assert report["quotation"]["of"] == works[result.quotation.source]
    assert len({works[index] for index in way}) > 2
    assert works[result.quotation.source] != works[0]


def test_other_styles_are_compared_in_the_same_mode(chorales: tuple[Piece, ...]) -> None:
    packaged = resources.files("music21_server").joinpath("data", "styles.json").read_text(encoding="utf-8")
    table = json.loads(packaged)["styles"]
    for key in ("A minor", "G major"):
        result = imitate(chorales, "t", measures=8, voices=None, key=parse_key(key), seed=0)
        modes = {name: each[result.key.mode] for name, each in table.items() if result.key.mode in each}
        expected = {
            name: sum(distance(result.profile[feature], each[feature]) for feature in FEATURES) / 4
            for name, each in modes.items()
        }
        assert report_of(result, None, 0)["likeness"]["other_styles"] == pytest.approx(expected, abs=6e-4)
        del expected["bach"]
        assert set(report_of(result, "bach", 0)["likeness"]["other_styles"]) == set(expected)


def test_seed_and_title_follow_the_request(haydn: DerivedScore) -> None:
    other = generate_imitation((), replace(REQUEST, seed=3), Limits())
    assert (other.entry.info["title"], other.report["seed"]) == (
        "In the style of Haydn's quartets (seed 3)",
        3,
    )
    renamed = other.entry.document().content.replace(b"(seed 3)", b"(seed 0)")
    assert renamed != haydn.entry.document().content


def test_the_result_is_nearer_to_its_style_than_to_distant_ones(haydn: DerivedScore) -> None:
    likeness = haydn.report["likeness"]
    others = likeness["other_styles"]
    assert "haydn" not in others
    assert list(others.values()) == sorted(others.values())
    assert likeness["distance"]["mean"] < others["reels"]
    assert likeness["distance"]["mean"] < others["trecento"]


@pytest.mark.process
def test_another_process_makes_the_same_score(haydn: DerivedScore) -> None:
    code = (
        "from hashlib import sha256\n"
        "from music21_server.composition.imitation.generation import Request, generate_imitation\n"
        "from music21_server.score.limits import Limits\n"
        "result = generate_imitation((), Request('haydn', 8, None, None, 0), Limits())\n"
        "print(sha256(result.entry.document().content).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == sha256(haydn.entry.document().content).hexdigest()


def test_stored_scores_are_imitated() -> None:
    entries = tuple(corpus_entry(f"bach/bwv{number}") for number in (253, 255, 257, 259, 261, 263, 267, 271))
    result = generate_imitation(entries, Request(None, 8, None, "G major", 0), Limits())
    assert result.report["style"] == "scores"
    assert result.report["key"] == "G major"
    assert result.report["learned_from"]["work_count"] <= 8
    assert (
        min(result.report["likeness"]["other_styles"], key=result.report["likeness"]["other_styles"].get)
        == "bach"
    )
    title = str(result.entry.info["title"])
    assert title.startswith("In the style of ")
    assert title.endswith(" (seed 0)")
    assert len(title) <= 100


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"style": "lully"}, "bach, beethoven"),
    ({"style": None}, "either composer or score_ids"),
    ({"measures": 3}, "4 to 64 measures, got 3"),
    ({"measures": 65}, "4 to 64 measures, got 65"),
    ({"measures": 1000}, "got 1,000"),
    ({"voices": 0}, "1 to 8 voices"),
    ({"voices": 9}, "1 to 8 voices"),
    ({"voices": 8}, "at most"),
    ({"key": "H dur"}, "F# minor"),
    ({"key": ""}, "F# minor"),
]


@pytest.mark.parametrize(("changed", "problem"), INVALID)
def test_invalid_requests_are_refused(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScoreError, match="Expected") as error:
        generate_imitation((), replace(REQUEST, **changed), Limits())
    assert problem in str(error.value)


def test_both_styles_and_scores_are_refused() -> None:
    with pytest.raises(ScoreError, match="got both or neither"):
        generate_imitation((entry("tinyNotation: 4/4 c4 d e f"),), REQUEST, Limits())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tinyNotation: 4/4 r1 r1", "no pitched notes"),
        ("tinyNotation: 4/4 c1", "Give more or longer works"),
        ("tinyNotation: 4/4 c4 d e f g f e d c1", "Give more or longer works"),
    ],
)
def test_scores_with_too_little_music_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ScoreError, match="Expected") as error:
        generate_imitation((entry(text),), replace(REQUEST, style=None), Limits())
    assert problem in str(error.value)


def test_scores_with_too_many_notes_are_refused() -> None:
    one = entry("tinyNotation: 4/4 c1")
    many, more = (replace(one, info={**one.info, "notes": count}) for count in (60_000, 60_001))
    with pytest.raises(ScoreError, match="Give more or longer works"):
        generate_imitation((many,), replace(REQUEST, style=None), Limits())
    for entries in ((more,), (one, many)):
        with pytest.raises(ScoreError, match="got 60,001: send fewer"):
            generate_imitation(entries, replace(REQUEST, style=None), Limits())


@pytest.mark.parametrize("measures", [LEAST_MEASURES, 41, MOST_MEASURES])
def test_shortest_and_longest_imitations_have_every_bar(measures: int) -> None:
    result = generate_imitation((), replace(REQUEST, measures=measures), Limits())
    score = codec.decode(result.entry.columns)
    assert result.entry.info["measures"] == len(score.measure_ticks) == measures
    for part in range(4):
        bars = score.notes.measure[score.notes.part == part]
        assert set(bars.tolist()) == set(range(measures))
    per_bar = int(result.report["time_signature"].partition("/")[0])
    assert (measures - 1) * per_bar < result.report["way"]["beats"] <= measures * per_bar
