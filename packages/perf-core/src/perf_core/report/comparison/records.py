"""A comparison of two stored runs in the terminal and as Markdown, the worse figures first."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perf_core.comparison.records import ComparedRun, RecordComparison, Row
from perf_core.report.comparison.text import change
from perf_core.report.summary import Tone
from perf_core.report.wording import DASH, MICRO, figure_value, plain, sentence, significant, wording

HEADINGS = ("figure", "before", "after", "change", "bar", "verdict")

TONES: Mapping[str, Tone] = {"worse": "bad", "better": "good", "same": "good", "not judged": "neutral"}

_MINUS = "\N{MINUS SIGN}"
_ORDER = ("worse", "better", "same", "not judged")
_STYLE: Mapping[Tone, str] = {"good": "green", "bad": "red", "unsure": "yellow", "neutral": "dim"}
_MARK: Mapping[Tone, str] = {"good": "✅", "bad": "❌", "unsure": "⚠️", "neutral": "⚪"}


@dataclass(frozen=True)
class _Line:
    cells: tuple[str, ...]
    reason: str
    tone: Tone


def markdown(comparison: RecordComparison) -> str:
    """Return the comparison as Markdown that starts with a heading of level two."""
    mark = _MARK[TONES[comparison.verdict]]
    table = [f"| {' | '.join(HEADINGS)} |", "| :-- | --: | --: | --: | --: | :-- |"]
    reasons = []
    for line in _lines(comparison):
        *cells, verdict = map(_escape, line.cells)
        table.append(f"| {' | '.join(cells)} | {_MARK[line.tone]} {verdict} |")
        if line.reason:
            reasons.append(f"- {_escape(line.cells[0])}: {_escape(line.reason)}")
    blocks = [
        f"## {mark} {comparison.verdict.upper()}: {_escape(_title(comparison))}",
        f"**{_escape(_tally(comparison))}**",
        "\n".join(table),
        *(["\n".join(reasons)] if reasons else []),
        "\n".join(f"- {_escape(remark)}" for remark in comparison.remarks),
        "\n".join(f"- {_escape(line)}" for line in _runs(comparison)),
    ]
    return "\n\n".join(blocks) + "\n"


def terminal(comparison: RecordComparison, console: Console) -> None:
    """Print the comparison.

    Args:
        comparison: What was found.
        console: Where to print; colours follow its terminal, and only what its encoding can hold.
    """
    style = _STYLE[TONES[comparison.verdict]]
    line = _text(f" {comparison.verdict.upper()} ", console, f"bold reverse {style}")
    line.append_text(_text(f" {_title(comparison)}", console, "bold"))
    console.print(line)
    console.print(_text(_tally(comparison), console, style))
    console.print()
    console.print(_table(comparison, console))
    console.print()
    for found in _lines(comparison):
        if found.reason:
            console.print(_text(f"{found.cells[0]}: {found.reason}", console, "dim"))
    for remark in comparison.remarks:
        console.print(_text(f"- {plain(remark)}", console))
    for run in _runs(comparison):
        console.print(_text(run, console, "dim"))


def _table(comparison: RecordComparison, console: Console) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1 if console.width < 100 else 2, 0, 0),
    )
    for index, heading in enumerate(HEADINGS):
        is_number = 0 < index < len(HEADINGS) - 1
        # A number that is broken over two lines is misread; names may wrap.
        table.add_column(
            heading, justify="right" if is_number else "left", no_wrap=index > 0, overflow="fold"
        )
    for line in _lines(comparison):
        *cells, verdict = line.cells
        table.add_row(*(_text(cell, console) for cell in cells), _text(verdict, console, _STYLE[line.tone]))
    return table


def _lines(comparison: RecordComparison) -> list[_Line]:
    # Sorting is stable: within a verdict the order of the figures stays.
    return [_line(row) for row in sorted(comparison.rows, key=lambda row: _ORDER.index(row.verdict))]


def _line(row: Row) -> _Line:
    only = row.before is None or row.after is None
    cells = (
        sentence(wording(row.figure).words),
        figure_value(row.figure, row.before),
        figure_value(row.figure, row.after),
        _change(row),
        DASH if row.verdict == "not judged" else _bar(row),
        row.reason if only else row.verdict,
    )
    return _Line(cells, "" if only else plain(row.reason), TONES[row.verdict])


def _change(row: Row) -> str:
    if row.difference is not None:
        if row.difference == 0:
            return "none"
        sign = "+" if row.difference > 0 else _MINUS
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
    who = after if before == after else f"{after} beside {before}"
    return f"{plain(comparison.scenario)} of {who} over the {comparison.wire} wire"


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


def _escape(text: str) -> str:
    marked = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~!@$])", r"\\\1", marked).replace("://", ":&#47;/")


def _text(text: str, console: Console, style: str = "") -> Text:
    # Text, not markup: what a server calls itself must not style the report. What the console cannot
    # encode (ASCII, a Windows code page) is replaced instead of ending the command.
    if not console.encoding.lower().startswith("utf"):
        for character, plainer in ((DASH, "-"), (MICRO, "u"), ("±", "+-"), (_MINUS, "-")):
            text = text.replace(character, plainer)
    return Text(text.encode(console.encoding, "replace").decode(console.encoding), style=style)
