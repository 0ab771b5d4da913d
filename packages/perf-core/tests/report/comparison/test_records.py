from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from perf_core.analysis.token_cost import TokenChange, ToolChange
from perf_core.comparison.records import ComparedRun, RecordComparison, Row
from perf_core.report.comparison.records import HEADINGS, terminal
from perf_core.report.comparison.text import change
from perf_core.report.wording import DASH


def row(figure: str, before: float | None, after: float | None, verdict: str, **changes: object) -> Row:
    ratio = after / before if before and after is not None else None
    values: dict[str, object] = {
        "unit": "ms",
        "ratio": ratio,
        "difference": None,
        "direction": "lower",
        "bar": 0.1,
        "reason": "",
        **changes,
    }
    return Row(figure=figure, before=before, after=after, verdict=verdict, **values)  # type: ignore[arg-type]


ROWS = (
    row("tool_calls_per_s", 1000.0, 1012.0, "same", direction="higher"),
    row("error_rate", 0.0, 0.0031, "worse", ratio=None, difference=0.0031, bar=0.001),
    row("latency_ms.all.p95", 20.0, 26.0, "worse"),
    row("latency_ms.add.p95", 20.0, 61.0, "worse"),
    row("server.cpu_us_per_call", 914.2, 800.0, "better", bar=0.05),
    row("latency_ms.power.p95", None, 3.0, "not judged", reason="only after"),
    row("session_creation_ms.p95", 20.0, 21.0, "not judged", reason="p95 needs 20 samples; 3 came before"),
)


@pytest.fixture
def comparison() -> RecordComparison:
    run = ComparedRun("run-1", "calculator", "calculator 0.1.0", "0123456789abcdef", False, "2026-03-02")
    return RecordComparison(
        before=run,
        after=replace(run, run_id="run-2", dirty=True),
        scenario="load",
        wire="session",
        verdict="worse",
        rows=ROWS,
        remarks=("A remark.", "Point estimates."),
    )


def shown(
    comparison: RecordComparison, width: int = 100, *, encoding: str = "utf-8", colour: bool = False
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    colours = "standard" if colour else None
    console = Console(file=file, width=width, force_terminal=colour, color_system=colours, _environ={})
    terminal(comparison, console)
    file.flush()
    return raw.getvalue().decode(encoding)


def table(comparison: RecordComparison) -> list[list[str]]:
    """Return the cells of the heading and of each row; a wide terminal has two blanks between columns."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown(comparison, 200).splitlines()]
    return [cells for cells in lines if len(cells) == len(HEADINGS)]


def test_worse_rows_come_first(comparison: RecordComparison) -> None:
    heading, *rows = table(comparison)
    assert tuple(heading) == HEADINGS
    assert rows == [
        ["Error rate", "0 %", "0.31 %", "+0.310 points", "±0.1 points", "worse"],
        ["p95 latency, all tools", "20.0 ms", "26.0 ms", "+30.0 %", "±10 %", "worse"],
        ["p95 latency of add", "20.0 ms", "61.0 ms", change(3.05), "±10 %", "worse"],
        ["Server CPU per call", "914 µs", "800 µs", "-12.5 %", "±5 %", "better"],
        ["Tool calls per second", "1,000/s", "1,010/s", "+1.2 %", "±10 %", "same"],
        ["p95 latency of power", DASH, "3.00 ms", DASH, DASH, "only after"],
        ["p95 session creation", "20.0 ms", "21.0 ms", "+5.0 %", DASH, "not judged"],
    ]


def test_report_begins_with_the_verdict_and_ends_with_the_runs(comparison: RecordComparison) -> None:
    lines = shown(comparison, 200).splitlines()
    assert lines[0].split(maxsplit=1) == ["WORSE", "load of calculator over the session wire"]
    assert lines[1].startswith("3 worse, 1 better, 1 same")
    assert lines[-5:] == [
        "p95 session creation: p95 needs 20 samples; 3 came before",
        "- A remark.",
        "- Point estimates.",
        "Before: run run-1, started 2026-03-02, calculator 0.1.0, commit 0123456789ab",
        "After: run run-2, started 2026-03-02, calculator 0.1.0, commit 0123456789ab with changes",
    ]


def test_two_servers_are_both_named(comparison: RecordComparison) -> None:
    other = replace(comparison, after=replace(comparison.after, target="abacus"))
    assert "load of abacus compared with calculator over" in shown(other)


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(
    comparison: RecordComparison, width: int
) -> None:
    text = shown(comparison, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for expected in ("+0.310 points", "only after", "3 worse, 1 better, 1 same, 2 not judged", "- A remark."):
        assert expected in text
    assert text.splitlines()[0].split()[0] == "WORSE"


def test_colour_only_on_a_terminal(comparison: RecordComparison) -> None:
    assert "\x1b" not in shown(comparison)
    assert "\x1b[31mworse" in shown(comparison, colour=True)


def test_characters_that_the_terminal_cannot_encode_are_replaced(comparison: RecordComparison) -> None:
    text = shown(replace(comparison, scenario="caf\N{LATIN SMALL LETTER E WITH ACUTE}"), encoding="ascii")
    assert "caf? of calculator" in text
    assert "914 us" in text
    assert "+-0.1 points" in text


def test_text_from_a_record_cannot_style_the_terminal(comparison: RecordComparison) -> None:
    hostile = "[red]x[/red]\x1b[31m\n"
    run = replace(comparison.before, target=hostile, run_id=hostile, server=hostile)
    rows = (row(f"latency_ms.{hostile}.p95", 1.0, 2.0, "not judged", reason=hostile),)
    text = shown(
        replace(comparison, before=run, after=run, scenario=hostile, rows=rows, remarks=(hostile,)), 200
    )
    assert "\x1b" not in text
    # Title (2), row (1), its reason (2), remark (1), and both runs (4).
    assert text.count("[red]x[/red]") == 10


def test_error_rate_that_fell_or_did_not_change(comparison: RecordComparison) -> None:
    fell = row("error_rate", 0.0031, 0.0, "better", ratio=None, difference=-0.0031, bar=0.001)
    stayed = replace(fell, before=0.0, difference=0.0, verdict="same")
    lines = table(replace(comparison, rows=(fell, stayed), verdict="better"))[1:]
    assert [cells[3] for cells in lines] == ["\N{MINUS SIGN}0.310 points", "none"]


def test_tokens_of_the_tools_are_shown_below(comparison: RecordComparison) -> None:
    change = TokenChange("o200k_base", False, 100, 150, 0, 0, (ToolChange("add", 100, 150),))
    text = shown(replace(comparison, tokens=change))
    assert "The tools cost a model 150 tokens, 100 before: +50 (o200k_base)." in text
    assert re.search(r"add +heavier +100 +150 +\+50", text)
