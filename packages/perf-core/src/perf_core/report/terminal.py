"""The report that appears in the terminal at the end of a run."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from perf_core.report import summary, tables
from perf_core.report.summary import TargetRow, Tone
from perf_core.report.tables import Table
from perf_core.report.wording import plain, sentence
from perf_core.results.record import RunRecord

_STYLE: dict[Tone, str] = {"good": "green", "bad": "red", "unsure": "yellow", "neutral": "dim"}


def render(record: RunRecord, console: Console) -> None:
    """Print the report.

    Args:
        record: The run.
        console: Where to print; colours follow its terminal, and only what its encoding can hold.
    """
    _verdict(record, console)
    rows = summary.target_rows(record)
    if rows:
        console.print()
        console.print(_targets(rows, summary.headline(record).tally, console))
        for row in rows:
            if row.reason:
                console.print(_text(f"{row.figure}: {row.reason}", console, _STYLE[row.tone]))
    for table in tables.result_tables(record):
        console.print()
        console.print(_rich(table, console))
    if record.findings:
        console.print()
        console.print(_text("Findings", console, "bold"))
        for finding in record.findings:
            line = _text(f"  {sentence(plain(finding.title))}: ", console, "bold")
            line.append_text(_text(plain(finding.text), console))
            console.print(line)


def _verdict(record: RunRecord, console: Console) -> None:
    head = summary.headline(record)
    line = _text(f" {head.word} ", console, f"bold reverse {_STYLE[head.tone]}")
    line.append_text(_text(f" {head.subject}", console, "bold"))
    console.print(line)
    console.print(_text(head.summary, console, _STYLE[head.tone]))
    for reason in head.further:
        console.print(_text(f"- {reason}", console))
    if head.meaning:
        console.print(_text(head.meaning, console))
    console.print(_text(head.when, console, "dim"))


def _targets(rows: tuple[TargetRow, ...], tally: str, console: Console) -> RichTable:
    stretched = any(row.stretch for row in rows)
    table = _frame(f"Targets: {tally}", console)
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_column("target", justify="right", overflow="fold")
    if stretched:
        table.add_column("stretch", justify="right", overflow="fold")
    table.add_column("outcome", overflow="fold", min_width=len("not judged"))
    for row in rows:
        cells = [row.figure, row.value, row.target, *([row.stretch] if stretched else [])]
        table.add_row(
            *(_text(cell, console) for cell in cells), _text(row.outcome, console, _STYLE[row.tone])
        )
    return table


def _rich(content: Table, console: Console) -> RichTable:
    table = _frame(content.title, console)
    for index, heading in enumerate(content.headings):
        is_label = index < content.labels
        # A number that is broken over two lines is misread, so it is cut with an ellipsis where the
        # console has one; names may wrap.
        is_cut = not is_label and _is_unicode(console)
        table.add_column(
            heading,
            justify="left" if is_label else "right",
            no_wrap=is_cut,
            overflow="ellipsis" if is_cut else "fold",
        )
    for row in content.rows:
        table.add_row(*(_text(cell, console) for cell in row))
    if content.note:
        table.caption = _text(content.note, console, "dim")
        table.caption_justify = "left"
    return table


def _frame(title: str, console: Console) -> RichTable:
    return RichTable(
        title=_text(title, console, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1 if console.width < 100 else 2, 0, 0),
    )


def _text(text: str, console: Console, style: str = "") -> Text:
    # Text, not markup: what a server calls itself must not style or break the report. What the
    # console cannot encode (ASCII, a Windows code page) is replaced instead of ending the run.
    if not _is_unicode(console):
        text = text.replace("\N{EN DASH}", "-").replace("\N{MICRO SIGN}", "u")
    return Text(text.encode(console.encoding, "replace").decode(console.encoding), style=style)


def _is_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
