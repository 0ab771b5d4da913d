"""The report of a capacity in the terminal, as Markdown and as a page."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from perf_core.analysis.capacity.model import CAPACITIES, Broken, Capacity, Scaling, Step, Waits
from perf_core.report import documents
from perf_core.report.capacity.drawing import draw
from perf_core.report.capacity.view import view_of
from perf_core.results.documents import DocumentKind


def _step(rate: float, state: str, p99_ms: float | None, **changes: object) -> Step:
    waits = None if p99_ms is None else Waits(p99_ms / 4, p99_ms / 4, p99_ms / 2, p99_ms, p99_ms * 2)
    reasons = ("p99<200ms: 3.00% of the calls took longer, where 1 % may",) if state == "broken" else ()
    step = Step(
        phase="narrowing",
        rate_per_s=rate,
        start_s=1.0,
        hold_s=10.0,
        state=state,  # type: ignore[arg-type] # one of the states
        calls=int(10 * rate),
        answered_per_s=rate,
        waits_ms=waits,
        error_rate=0.0,
        errors={},
        broken=(Broken("p99<200ms", 10 * rate, 0.0),),
        sustained=True,
        reasons=reasons,
        in_flight=rate * 0.02,
        server_cores=0.5,
        health="sound",
    )
    return replace(step, **changes)  # type: ignore[arg-type] # fields of a step


CAPACITY = Capacity(
    target="calculator",
    wire="session",
    transport="http",
    started_at="2026-11-30T22:25:17+00:00",
    duration_s=158.2,
    objectives=("p99<200ms", "errors<0.1%"),
    answer="interval",
    low_per_s=183.4,
    high_per_s=191.2,
    best_per_s=187.7,
    level=0.95,
    tolerance=0.05,
    reasons=(),
    limit="waiting",
    limit_words="The server used 0.50 cores only.",
    steps=(
        _step(2.0, "kept", 5.0),
        _step(100.0, "kept", 20.0),
        _step(180.0, "kept", 120.0),
        _step(200.0, "broken", 420.0),
        _step(400.0, "unclear", None),
    ),
    scaling=Scaling(60.0, 0.02, 0.001, 31.3, 190.0, 8),
    manifest={"machine": {"cpu": "AMD EPYC", "cpus": 2}},
)

ANSWERS = {
    "interval": CAPACITY,
    "at least": replace(CAPACITY, answer="at least", high_per_s=None, best_per_s=None, limit="generator"),
    "none": replace(CAPACITY, answer="none", low_per_s=0.0, high_per_s=2.0, best_per_s=0.0, scaling=None),
    "cannot tell": replace(
        CAPACITY,
        answer="cannot tell",
        low_per_s=None,
        high_per_s=None,
        best_per_s=None,
        steps=(),
        scaling=None,
    ),
}


def _terminal(capacity: Capacity, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    documents.show(CAPACITIES, capacity, console)
    return console.file.getvalue()  # type: ignore[attr-defined] # it is the StringIO from above


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            "interval",
            "up to about 188/s; the limit lies between 183.4 and 191.2/s with a probability of 95 %",
        ),
        ("at least", "at 183/s, and perhaps at more"),
        ("none", "at any rate: not even at 2.00/s"),
        ("cannot tell", "No step told whether it keeps p99<200ms and errors<0.1%"),
    ],
)
def test_answer_is_one_sentence(answer: str, words: str) -> None:
    assert words in view_of(ANSWERS[answer]).summary


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("width", [80, 120])
def test_terminal_keeps_to_its_width(answer: str, width: int) -> None:
    text = _terminal(ANSWERS[answer], width)
    assert max(map(len, text.splitlines())) <= width
    assert "capacity of calculator, session wire" in text


def test_every_answer_is_written_and_read_again(tmp_path: Path) -> None:
    for answer, capacity in ANSWERS.items():
        folder = tmp_path / answer
        folder.mkdir()
        documents.save(CAPACITIES, capacity, folder)
        assert CAPACITIES.read(folder) == capacity
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert "calculator" in page
        assert (folder / "summary.md").read_text(encoding="utf-8").startswith("## ")


def test_drawing_is_well_formed_with_a_mark_for_each_step_that_was_answered() -> None:
    svg = ET.fromstring(str(draw(CAPACITY).svg))  # noqa: S314 - our own drawing
    assert len(svg.findall(".//g")) == 4
    assert len(svg.findall(".//rect")) == 1


def test_texts_of_a_server_are_escaped_in_the_page(tmp_path: Path) -> None:
    hostile = replace(CAPACITY, target="<img src=x>", limit_words="<b>bold</b>")
    documents.save(CAPACITIES, hostile, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "<b>bold" not in page


def test_interrupted_search_says_so() -> None:
    view = view_of(replace(CAPACITY, interrupted=True))
    assert (view.word, view.tone) == ("INTERRUPTED", "unsure")


def test_disturbed_steps_are_a_notice() -> None:
    steps = (_step(100.0, "kept", 20.0, health_problems=("the machine was busy",)), *CAPACITY.steps)
    (notice,) = view_of(replace(CAPACITY, steps=steps)).notices
    assert "in 1 of 6 steps" in notice.sentences[0]


def test_kind_has_the_name_of_its_file() -> None:
    assert isinstance(CAPACITIES, DocumentKind)
    assert CAPACITIES.file_name == "capacity.json"
