"""What the tool asks a process for."""

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

from music21_server.composition.imitation.generation import MOST_MEASURES, Request, imitated, report_of
from music21_server.composition.imitation.imitate import imitation
from music21_server.composition.imitation.pieces import Piece
from music21_server.composition.imitation.similarity import FEATURES, distance
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.reading.ingest import DerivedScore, stored_entry
from music21_server.reading.locations import from_corpus
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.theory.pitch.names import parse_key

ASKED = Request("haydn", 8, None, None, 0)


@pytest.fixture(scope="module")
def haydn() -> DerivedScore:
    return imitated((), ASKED, Limits())


def entry(text: str) -> Entry:
    document = Document("tinynotation", text.encode())
    return stored_entry(document, read(document, Limits()))


def corpus_entry(name: str) -> Entry:
    document = from_corpus(name)
    return stored_entry(document, read(document, Limits()))


def test_the_report_says_what_was_made(haydn: DerivedScore) -> None:
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


def test_what_the_report_counts(chorales: tuple[Piece, ...]) -> None:
    found = imitation(chorales, "t", measures=16, voices=None, key=parse_key("A minor"), seed=2)
    report = report_of(found, None, 2)
    works = [piece.name for piece in found.pieces for _ in piece.beats]

    def as_in_a_work(pairs: Any) -> int:
        return sum(other == one + 1 and works[one] == works[other] for one, other in pairs)

    beats, way = found.beats, found.walk.beats
    follows = zip(beats.source.tolist(), beats.target.tolist(), strict=True)
    assert report["model"]["successions_of_works"] == as_in_a_work(follows)
    assert report["way"] == {
        "beats": len(way),
        "works_used": len({works[index] for index in way}),
        "successions_as_in_a_work": as_in_a_work(pairwise(way)),
        "new_successions": len(way) - 1 - as_in_a_work(pairwise(way)),
    }
    assert report["learned_from"]["works"] == [piece.name for piece in found.pieces]
    assert report["model"]["distinct_beats"] == len({repr(content) for content in beats.contents})
    assert report["learned_from"]["bars"] == sum(
        len({bar for bar in piece.bars if bar >= 0}) for piece in found.pieces
    )
    assert report["quotation"]["of"] == works[found.quotation.source]
    assert len({works[index] for index in way}) > 2
    assert works[found.quotation.source] != works[0]


def test_other_styles_are_compared_in_the_same_mode(chorales: tuple[Piece, ...]) -> None:
    packaged = resources.files("music21_server").joinpath("data", "styles.json").read_text(encoding="utf-8")
    table = json.loads(packaged)["styles"]
    for key in ("A minor", "G major"):
        found = imitation(chorales, "t", measures=8, voices=None, key=parse_key(key), seed=0)
        modes = {name: each[found.key.mode] for name, each in table.items() if found.key.mode in each}
        expected = {
            name: sum(distance(found.profile[feature], each[feature]) for feature in FEATURES) / 4
            for name, each in modes.items()
        }
        assert report_of(found, None, 0)["likeness"]["other_styles"] == pytest.approx(expected, abs=6e-4)
        del expected["bach"]
        assert set(report_of(found, "bach", 0)["likeness"]["other_styles"]) == set(expected)


def test_the_seed_and_the_title_are_those_asked_for(haydn: DerivedScore) -> None:
    other = imitated((), replace(ASKED, seed=3), Limits())
    assert (other.entry.info["title"], other.report["seed"]) == (
        "In the style of Haydn's quartets (seed 3)",
        3,
    )
    renamed = other.entry.document().content.replace(b"(seed 3)", b"(seed 0)")
    assert renamed != haydn.entry.document().content


def test_it_is_nearer_to_its_style_than_to_distant_ones(haydn: DerivedScore) -> None:
    likeness = haydn.report["likeness"]
    others = likeness["other_styles"]
    assert "haydn" not in others
    assert list(others.values()) == sorted(others.values())
    assert likeness["distance"]["mean"] < others["reels"]
    assert likeness["distance"]["mean"] < others["trecento"]


def test_another_process_makes_the_same(haydn: DerivedScore) -> None:
    code = (
        "from hashlib import sha256\n"
        "from music21_server.composition.imitation.generation import Request, imitated\n"
        "from music21_server.score.limits import Limits\n"
        "made = imitated((), Request('haydn', 8, None, None, 0), Limits())\n"
        "print(sha256(made.entry.document().content).hexdigest())\n"
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


def test_stored_scores_are_learned_from() -> None:
    entries = tuple(corpus_entry(f"bach/bwv{number}") for number in (253, 255, 257, 259, 261, 263, 267, 271))
    made = imitated(entries, Request(None, 8, None, "G major", 0), Limits())
    assert made.report["style"] == "scores"
    assert made.report["key"] == "G major"
    assert made.report["learned_from"]["work_count"] <= 8
    assert (
        min(made.report["likeness"]["other_styles"], key=made.report["likeness"]["other_styles"].get)
        == "bach"
    )
    title = str(made.entry.info["title"])
    assert title.startswith("In the style of ")
    assert title.endswith(" (seed 0)")
    assert len(title) <= 100


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"style": "lully"}, "bach, beethoven"),
    ({"style": None}, "either composer or score_ids"),
    ({"measures": 3}, "4 to 64 measures, got 3"),
    ({"measures": 1000}, "got 1,000"),
    ({"voices": 0}, "1 to 8 voices"),
    ({"voices": 9}, "1 to 8 voices"),
    ({"voices": 8}, "at most"),
    ({"key": "H dur"}, "F# minor"),
    ({"key": ""}, "F# minor"),
]


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_wrong_requests_are_told_what_to_do(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ScoreError, match="Expected") as caught:
        imitated((), replace(ASKED, **changed), Limits())
    assert said in str(caught.value)


def test_both_styles_and_scores_are_refused() -> None:
    with pytest.raises(ScoreError, match="got both or neither"):
        imitated((entry("tinyNotation: 4/4 c4 d e f"),), ASKED, Limits())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tinyNotation: 4/4 r1 r1", "nothing to analyse"),
        ("tinyNotation: 4/4 c1", "Give more or longer works"),
        ("tinyNotation: 4/4 c4 d e f g f e d c1", "Give more or longer works"),
    ],
)
def test_scores_with_too_little(text: str, said: str) -> None:
    with pytest.raises(ScoreError, match="Expected") as caught:
        imitated((entry(text),), replace(ASKED, style=None), Limits())
    assert said in str(caught.value)


def test_too_much_to_learn_from() -> None:
    one = entry("tinyNotation: 4/4 c1")
    many, more = (replace(one, info={**one.info, "notes": count}) for count in (60_000, 60_001))
    with pytest.raises(ScoreError, match="Give more or longer works"):
        imitated((many,), replace(ASKED, style=None), Limits())
    for entries in ((more,), (one, many)):
        with pytest.raises(ScoreError, match="got 60,001: send fewer"):
            imitated(entries, replace(ASKED, style=None), Limits())


def test_as_much_as_is_made_at_most(haydn: DerivedScore) -> None:
    made = imitated((), replace(ASKED, measures=MOST_MEASURES), Limits())
    assert made.entry.info["measures"] == 64
    assert made.report["way"]["beats"] > 4 * haydn.report["way"]["beats"]
