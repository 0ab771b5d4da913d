"""What the tool asks a process for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from music21_server.composition.imitation.making import Request, imitated
from music21_server.derived import Made, stored
from music21_server.entries import Entry
from music21_server.errors import ScoreError
from music21_server.limits import Limits
from music21_server.reading.places import from_corpus
from music21_server.reading.sources import Document, read

ASKED = Request("haydn", 8, None, None, 0)


@pytest.fixture(scope="module")
def haydn() -> Made:
    return imitated((), ASKED, Limits())


def entry(text: str) -> Entry:
    document = Document("tinynotation", text.encode())
    return stored(document, read(document, Limits()))


def corpus_entry(name: str) -> Entry:
    document = from_corpus(name)
    return stored(document, read(document, Limits()))


def test_the_report_says_what_was_made(haydn: Made) -> None:
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


def test_it_is_nearer_to_its_style_than_to_distant_ones(haydn: Made) -> None:
    likeness = haydn.report["likeness"]
    others = likeness["other_styles"]
    assert "haydn" not in others
    assert list(others.values()) == sorted(others.values())
    assert likeness["distance"]["mean"] < others["reels"]
    assert likeness["distance"]["mean"] < others["trecento"]


def test_another_process_makes_the_same(haydn: Made) -> None:
    code = (
        "from hashlib import sha256\n"
        "from music21_server.composition.imitation.making import Request, imitated\n"
        "from music21_server.limits import Limits\n"
        "made = imitated((), Request('haydn', 8, None, None, 0), Limits())\n"
        "print(sha256(made.entry.document().content).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "12345"},
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
    large = entry("tinyNotation: 4/4 c1")
    many = replace(large, info={**large.info, "notes": 70_000})
    with pytest.raises(ScoreError, match="send fewer"):
        imitated((many,), replace(ASKED, style=None), Limits())
