"""The report of what sessions cost, in every format, also of servers with hostile texts."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from perf_core.report import documents
from perf_core.report.sessions.view import sessions_view
from perf_core.report.view import markdown, page
from perf_core.results.session_costs import (
    SESSION_COSTS,
    Answer,
    Cap,
    Cost,
    Ending,
    Gauge,
    Ladder,
    MeasurementHealth,
    SessionCosts,
    Step,
)

HOSTILE = "<script>alert(1)</script>\x1b[31m"

LADDER = Ladder(
    "abandoned",
    64,
    2,
    3.2,
    "sessions",
    tuple(Step(each, 50_000 + 41.6 * each, 20, 3, 4.0) for each in range(0, 65, 4)),
    (Answer("initialize", 200, 64), Answer("initialize", 503, 1, HOSTILE)),
)

COSTS = SessionCosts(
    target="notes",
    wire="session",
    transport="http",
    started_at="2026-11-30T22:00:00+00:00",
    duration_s=61.2,
    memory_source="pss",
    has_sessions=True,
    holds_streams=True,
    costs=(
        Cost("abandoned", 41.6, 41.5, 41.7, 64, requests_kb=0.02),
        Cost("streams", 120.4, 118.0, 123.0, 64),
        Cost("dropped", 40.0, 39.0, 41.0, 64),
        Cost("deleted", 0.01, -0.1, 0.12, 400),
    ),
    ladders=(LADDER, replace(LADDER, name="control", steps=LADDER.steps[:4])),
    endings=(
        Ending(
            "delete", 64, 50_000.0, 52_600.0, 51_000.0, 1.0, (Answer("ping in a deleted session", 404, 20),)
        ),
    ),
    cap=Cap("refuses", 64, Answer("initialize", 503, 1, HOSTILE)),
    gauges=(Gauge("mcp_sessions_open", 1, 65, 64),),
    health=MeasurementHealth("sound", (), 0.4),
    manifest={"machine": {"cpu": "a CPU", "cpus": 2}},
)


def shown(costs: SessionCosts, width: int = 80) -> str:
    file = io.StringIO()
    documents.show(SESSION_COSTS, costs, Console(file=file, width=width, markup=False, highlight=False))
    return file.getvalue()


def test_the_answer_comes_first() -> None:
    view = sessions_view(COSTS)
    assert view.word == "SESSIONS"
    assert view.subject == "sessions of notes, session wire"
    assert view.summary == (
        "A session left without DELETE keeps 41.6 kB (41.5 kB to 41.7 kB); one whose client held a stream "
        "and vanished 40.0 kB (39.0 kB to 41.0 kB); an open one with a held stream 120 kB (118 kB to 123 kB)."
    )
    assert view.tiles[0].text == "41.6 kB"


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_costs_cap_and_endings(width: int) -> None:
    text = shown(COSTS, width)
    assert max(map(len, text.splitlines())) <= width
    flat = " ".join(text.split())
    assert "The server refuses further sessions after 64" in flat
    assert "Deleted sessions answer 404, as they must (20 of 20 asked)" in flat
    assert "not distinguishable from 0" in flat
    assert "open files went from 20 to 20, threads from 3 to 3" in flat
    assert "\x1b" not in text


def test_markdown_and_page_escape_what_a_server_said() -> None:
    for text in (markdown.render(sessions_view(COSTS)), page.render(sessions_view(COSTS), "sessions.json")):
        assert "<script>" not in text
        assert "\x1b" not in text
    assert "polyline" in page.render(sessions_view(COSTS), "sessions.json")


def test_an_invisible_server_is_told_about_all_the_same() -> None:
    unseen = replace(
        COSTS, memory_source="", costs=(), ladders=(replace(LADDER, steps=(Step(0, None), Step(64, None))),)
    )
    view = sessions_view(unseen)
    assert view.word == "CANNOT TELL"
    assert "not visible from here" in view.summary
    assert any("refuses further sessions" in reason for reason in view.reasons)
    assert "polyline" not in page.render(view, "sessions.json")


def test_a_server_without_sessions() -> None:
    view = sessions_view(replace(COSTS, has_sessions=False, cap=None))
    assert view.summary.startswith("A handshake without session leaves 41.6 kB")
    assert "The server has no sessions: initialize gave no Mcp-Session-Id." in view.reasons


def test_problems_and_sessions_left_open_are_notices() -> None:
    health = MeasurementHealth("bounded", ("another process answers now",))
    notices = sessions_view(replace(COSTS, health=health, left_open=3, interrupted=True)).notices
    assert [notice.label for notice in notices] == ["Health", "Sessions"]


def test_the_document_is_read_as_it_was_written(tmp_path) -> None:
    SESSION_COSTS.write(COSTS, tmp_path)
    assert SESSION_COSTS.read(tmp_path) == COSTS
