"""A view in the terminal, as Markdown and as a page, with hostile texts."""

from __future__ import annotations

import io
import re

from markupsafe import Markup
from rich.console import Console

from perf_core.report.notices import Notice
from perf_core.report.table import Table
from perf_core.report.view import markdown, page, terminal
from perf_core.report.view.model import Drawing, Tile, View

HOSTILE = "<script>alert(1)</script>[bold]`x`\x1b[31m"

VIEW = View(
    word="CAPACITY",
    tone="good",
    subject=f"adder {HOSTILE}, session wire",
    summary="The server carries at least 800 calls/s.",
    when="30 November 2026, 2 CPUs",
    manifest={"machine": {"cpu": "a CPU", "cpus": 2}},
    reasons=("The generator was the limit",),
    notices=(Notice("Health", "unsure", ("the machine was busy",)),),
    tiles=(Tile("capacity", "at least 800 calls/s"),),
    parts=(
        Table("Steps", ("rate", "p99, ms"), (("800/s", "12.0"), (HOSTILE, "13.0")), note="Each step once."),
        Drawing("Latency by rate", Markup("<svg><title>drawing</title></svg>"), "One dot for each step."),
    ),
)


def shown(view: View, width: int = 80) -> str:
    file = io.StringIO()
    terminal.render(view, Console(file=file, width=width, markup=False, highlight=False))
    return file.getvalue()


def test_terminal_shows_answer_remarks_and_tables() -> None:
    text = shown(VIEW)
    lines = text.splitlines()
    assert lines[0].startswith(" CAPACITY  adder")
    for words in ("at least 800 calls/s", "- The generator was", "Health: The machine was busy.", "12.0"):
        assert words in text
    assert lines[-1] == "30 November 2026, 2 CPUs"
    assert "\x1b" not in text
    assert max(map(len, lines)) <= 80


def test_markdown_escapes_what_a_server_sent() -> None:
    text = markdown.render(VIEW)
    assert text.startswith("## ✅ CAPACITY: adder")
    assert "### Steps" in text
    assert "| 800/s | 12.0 |" in text
    assert "machine.cpus" in text
    assert "<script>" not in text
    assert "\x1b" not in text


def test_page_stands_alone_and_escapes() -> None:
    text = page.render(VIEW, "capacity.json")
    assert "<svg><title>drawing</title></svg>" in text
    assert "<dd>at least 800 calls/s</dd>" in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert re.findall(r'(?:href|src)="([^"]*)"', text) == ["capacity.json", "summary.md"]
    assert "default-src 'none'" in text
