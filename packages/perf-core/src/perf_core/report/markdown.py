"""The report as GitHub-flavoured Markdown, for job summaries and comments."""

from __future__ import annotations

from collections.abc import Sequence

from perf_core.report import failures, notices, summary, tables
from perf_core.report.markup import MARKS, markdown_table, markdown_text
from perf_core.report.notices import Notice
from perf_core.report.table import Table
from perf_core.report.wording import DASH, sentence
from perf_core.results.record import RunRecord


def render(record: RunRecord) -> str:
    """Return the report as one Markdown document that starts with a heading of level two."""
    blocks = [
        *_verdict(record),
        *notice_lines(notices.notices(record)),
        *_targets(record),
        *_findings(record),
        *_failures(record),
    ]
    for table in tables.result_tables(record):
        blocks += table_blocks(table)
    blocks += folded_manifest(tables.manifest_table(record))
    return "\n\n".join(blocks) + "\n"


def table_blocks(table: Table) -> list[str]:
    """Return a table with its heading of level three, its remarks and its note."""
    blocks = [f"### {markdown_text(table.title)}", _table(table)]
    if table.remarks:
        blocks.append("\n".join(f"- {markdown_text(remark)}" for remark in table.remarks))
    return [*blocks, markdown_text(table.note)] if table.note else blocks


def notice_lines(remarks: Sequence[Notice]) -> list[str]:
    """Return a block with one line for each remark; none without remarks."""
    lines = [f"- {MARKS[notice.tone]} **{notice.label}**: {markdown_text(notice.line)}" for notice in remarks]
    return ["\n".join(lines)] if lines else []


def folded_manifest(table: Table | None) -> list[str]:
    """Return a block with the manifest, folded; none without one."""
    if table is None:
        return []
    return [f"<details><summary>Manifest</summary>\n\n{_table(table)}\n\n</details>"]


def _verdict(record: RunRecord) -> list[str]:
    head = summary.headline(record)
    blocks = [
        f"## {MARKS[head.tone]} {head.word}: {markdown_text(head.subject)}",
        f"**{markdown_text(head.summary)}**",
    ]
    if head.further:
        blocks.append("\n".join(f"- {markdown_text(reason)}" for reason in head.further))
    if head.meaning:
        blocks.append(markdown_text(head.meaning))
    return [*blocks, markdown_text(head.when)]


def _failures(record: RunRecord) -> list[str]:
    headings = ("class", "calls", "tool", "arguments", "expected", "received", "when")
    rows = tuple(
        (each.error, number or DASH, each.tool, each.arguments, each.expected, each.received, each.where)
        for number, each in failures.first_of_each_class(record)
    )
    if not rows:
        return []
    table = Table("Failures, the first of each class", headings, rows, labels=len(headings))
    return [f"### {table.title}", _table(table)]


def _targets(record: RunRecord) -> list[str]:
    rows = summary.target_rows(record)
    if not rows:
        return []
    stretched = any(row.stretch for row in rows)
    headings = ("figure", "outcome", "value", "target", *(["stretch"] if stretched else []))
    cells = tuple(
        (row.figure, f"{MARKS[row.tone]} {row.outcome}", row.value, row.target)
        + ((row.stretch,) if stretched else ())
        for row in rows
    )
    table = Table("Targets", headings, cells, labels=2)
    reasons = [f"- {markdown_text(row.figure)}: {markdown_text(row.reason)}" for row in rows if row.reason]
    return [
        f"### Targets: {summary.headline(record).tally}",
        _table(table),
        *(["\n".join(reasons)] if reasons else []),
    ]


def _findings(record: RunRecord) -> list[str]:
    if not record.findings:
        return []
    lines = [
        f"- **{markdown_text(sentence(finding.title))}**: {markdown_text(finding.text)}"
        for finding in record.findings
    ]
    return ["### Findings", "\n".join(lines)]


def _table(table: Table) -> str:
    rules = tuple(":--" if index < table.labels else "--:" for index in range(len(table.headings)))
    headings, *rows = (tuple(map(markdown_text, cells)) for cells in (table.headings, *table.rows))
    return markdown_table(headings, rows, rules)
