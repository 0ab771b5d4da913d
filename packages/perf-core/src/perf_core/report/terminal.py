"""The report in the terminal at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable

from perf_core.report import failures, notices, summary, tables
from perf_core.report.markup import STYLES, is_unicode, terminal_table, terminal_text, verdict_line
from perf_core.report.notices import Notice
from perf_core.report.summary import TargetRow
from perf_core.report.table import Table, without_minor
from perf_core.report.wording import plain, sentence
from perf_core.results.record import RunRecord


def render(record: RunRecord, console: Console) -> None:
    """Print the report."""
    _verdict(record, console)
    print_notices(notices.notices(record), console)
    rows = summary.target_rows(record)
    if rows:
        console.print()
        console.print(_targets(rows, summary.headline(record).tally, console))
        for row in rows:
            if row.reason:
                console.print(terminal_text(f"{row.figure}: {row.reason}", console, STYLES[row.tone]))
    _failures(record, console)
    for table in tables.result_tables(record):
        console.print()
        print_table(table, console)
    if record.findings:
        console.print()
        console.print(terminal_text("Findings", console, "bold"))
        for finding in record.findings:
            line = terminal_text(f"  {sentence(plain(finding.title))}: ", console, "bold")
            line.append_text(terminal_text(plain(finding.text), console))
            console.print(line)


def print_notices(remarks: Sequence[Notice], console: Console) -> None:
    """Print one line for each remark."""
    for notice in remarks:
        line = terminal_text(f"{notice.label}: ", console, f"bold {STYLES[notice.tone]}")
        console.print(line.append_text(terminal_text(notice.line, console)))


def print_table(table: Table, console: Console) -> None:
    """Print a table, without its minor columns if the console is too narrow for all."""
    shown = _rich(table, console)
    if table.minor and _full_width(shown, console) > console.width:
        shown = _rich(without_minor(table), console)
    console.print(shown)
    for remark in table.remarks:
        console.print(terminal_text(f"- {remark}", console))


def _verdict(record: RunRecord, console: Console) -> None:
    head = summary.headline(record)
    console.print(verdict_line(head.word, head.subject, head.tone, console))
    console.print(terminal_text(head.summary, console, STYLES[head.tone]))
    for reason in head.further:
        console.print(terminal_text(f"- {reason}", console))
    if head.meaning:
        console.print(terminal_text(head.meaning, console))
    console.print(terminal_text(head.when, console, "dim"))


def _failures(record: RunRecord, console: Console) -> None:
    examples = failures.first_of_each_class(record)
    if not examples:
        return
    console.print()
    console.print(terminal_text("Failures, the first of each class", console, "bold"))
    for number, example in examples:
        head = ", ".join(filter(None, (f"{example.error}", number)))
        line = terminal_text(f"  {head}: ", console, STYLES["bad"])
        console.print(line.append_text(terminal_text(f"{example.tool} {example.where}", console)))
        for name in ("arguments", "expected", "received"):
            line = terminal_text(f"    {name:<9} ", console, "dim")
            console.print(line.append_text(terminal_text(getattr(example, name), console)))


def _targets(rows: tuple[TargetRow, ...], tally: str, console: Console) -> RichTable:
    stretched = any(row.stretch for row in rows)
    table = terminal_table(console, f"Targets: {tally}")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_column("target", justify="right", overflow="fold")
    if stretched:
        table.add_column("stretch", justify="right", overflow="fold")
    table.add_column("outcome", overflow="fold", min_width=len("not judged"))
    for row in rows:
        cells = [row.figure, row.value, row.target, *([row.stretch] if stretched else [])]
        table.add_row(
            *(terminal_text(cell, console) for cell in cells),
            terminal_text(row.outcome, console, STYLES[row.tone]),
        )
    return table


def _full_width(table: RichTable, console: Console) -> int:
    # The console's own options would limit the result to its width.
    return Measurement.get(console, console.options.update(max_width=1_000), table).maximum


def _rich(content: Table, console: Console) -> RichTable:
    table = terminal_table(console, content.title)
    for index, heading in enumerate(content.headings):
        is_label = index < content.labels
        # A number broken over two lines would be misread, so it is cut with an ellipsis if the console has
        # one; names may wrap.
        is_cut = not is_label and is_unicode(console)
        table.add_column(
            terminal_text(heading, console),
            justify="left" if is_label else "right",
            no_wrap=is_cut,
            overflow="ellipsis" if is_cut else "fold",
        )
    for row in content.rows:
        table.add_row(*(terminal_text(cell, console) for cell in row))
    if content.note:
        table.caption = terminal_text(content.note, console, "dim")
        table.caption_justify = "left"
    return table
