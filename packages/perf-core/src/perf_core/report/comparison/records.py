"""A comparison of two recorded runs, in the terminal; worse figures come first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from perf_core.analysis.token_cost import TokenChange
from perf_core.comparison.records import ComparedRun, RecordComparison, Row
from perf_core.report.comparison.text import change
from perf_core.report.markup import STYLES, terminal_table, terminal_text, verdict_line
from perf_core.report.summary import Tone
from perf_core.report.terminal import print_table
from perf_core.report.token_cost import change_line, change_table
from perf_core.report.wording import DASH, MINUS, figure_value, figure_wording, plain, sentence, significant

HEADINGS = ("figure", "before", "after", "change", "bar", "verdict")

TONES: Mapping[str, Tone] = {"worse": "bad", "better": "good", "same": "good", "not judged": "neutral"}

_ORDER = ("worse", "better", "same", "not judged")


@dataclass(frozen=True)
class _Line:
    cells: tuple[str, ...]
    reason: str
    tone: Tone


def terminal(comparison: RecordComparison, console: Console) -> None:
    """Print the comparison."""
    tone = TONES[comparison.verdict]
    console.print(verdict_line(comparison.verdict.upper(), _title(comparison), tone, console))
    console.print(terminal_text(_tally(comparison), console, STYLES[tone]))
    console.print()
    console.print(_table(comparison, console))
    console.print()
    for line in _lines(comparison):
        if line.reason:
            console.print(terminal_text(f"{line.cells[0]}: {line.reason}", console, "dim"))
    for remark in comparison.remarks:
        console.print(terminal_text(f"- {plain(remark)}", console))
    if comparison.tokens is not None:
        _print_tokens(comparison.tokens, console)
    for run in _runs(comparison):
        console.print(terminal_text(run, console, "dim"))


def _print_tokens(tokens: TokenChange, console: Console) -> None:
    console.print(terminal_text(f"- {sentence(change_line(tokens))}.", console))
    table = change_table(tokens)
    if table is not None:
        console.print()
        print_table(table, console)
        console.print()


def _table(comparison: RecordComparison, console: Console) -> Table:
    table = terminal_table(console)
    for index, heading in enumerate(HEADINGS):
        is_number = 0 < index < len(HEADINGS) - 1
        # A number broken over two lines would be misread; names may wrap.
        table.add_column(
            heading, justify="right" if is_number else "left", no_wrap=index > 0, overflow="fold"
        )
    for line in _lines(comparison):
        *cells, verdict = line.cells
        table.add_row(
            *(terminal_text(cell, console) for cell in cells),
            terminal_text(verdict, console, STYLES[line.tone]),
        )
    return table


def _lines(comparison: RecordComparison) -> list[_Line]:
    # Sorting is stable: figures with the same verdict keep their order.
    return [_line(row) for row in sorted(comparison.rows, key=lambda row: _ORDER.index(row.verdict))]


def _line(row: Row) -> _Line:
    is_in_one_run = row.before is None or row.after is None
    cells = (
        sentence(figure_wording(row.figure).words),
        figure_value(row.figure, row.before),
        figure_value(row.figure, row.after),
        _change(row),
        DASH if row.verdict == "not judged" else _bar(row),
        row.reason if is_in_one_run else row.verdict,
    )
    return _Line(cells, "" if is_in_one_run else plain(row.reason), TONES[row.verdict])


def _change(row: Row) -> str:
    if row.difference is not None:
        if row.difference == 0:
            return "none"
        sign = "+" if row.difference > 0 else MINUS
        return f"{sign}{significant(abs(row.difference) * 100)} points"
    if row.ratio is None or not math.isfinite(row.ratio):
        return DASH
    return change(row.ratio)


def _bar(row: Row) -> str:
    if row.difference is not None:
        return f"±{row.bar * 100:g} points"
    return f"±{row.bar * 100:g} %"


def _title(comparison: RecordComparison) -> str:
    before, after = plain(comparison.before.target), plain(comparison.after.target)
    servers = after if before == after else f"{after} compared with {before}"
    return f"{plain(comparison.scenario)} of {servers} over the {comparison.wire} wire"


def _tally(comparison: RecordComparison) -> str:
    counts = {verdict: sum(row.verdict == verdict for row in comparison.rows) for verdict in _ORDER}
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)


def _runs(comparison: RecordComparison) -> tuple[str, str]:
    return f"Before: {_run(comparison.before)}", f"After: {_run(comparison.after)}"


def _run(run: ComparedRun) -> str:
    changed = " with changes" if run.dirty else ""
    parts = (
        f"run {run.run_id}",
        f"started {run.started_at}",
        run.server,
        f"commit {run.commit[:12]}{changed}" if run.commit else "",
    )
    return plain(", ".join(part for part in parts if part))
