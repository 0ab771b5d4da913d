"""The report as GitHub-flavoured Markdown, for job summaries and comments."""

from __future__ import annotations

import re

from perf_core.report import summary, tables
from perf_core.report.tables import Table
from perf_core.report.wording import plain, sentence
from perf_core.results.record import RunRecord

_MARK = {"good": "✅", "bad": "❌", "unsure": "⚠️", "neutral": "⚪"}


def render(record: RunRecord) -> str:
    """Return the report as one Markdown document that starts with a heading of level two."""
    blocks = [*_verdict(record), *_targets(record), *_findings(record)]
    for table in tables.result_tables(record):
        blocks += [f"### {_escape(table.title)}", _table(table)]
        if table.note:
            blocks.append(_escape(table.note))
    manifest = tables.manifest_table(record)
    if manifest is not None:
        blocks.append(f"<details><summary>Manifest</summary>\n\n{_table(manifest)}\n\n</details>")
    return "\n\n".join(blocks) + "\n"


def _verdict(record: RunRecord) -> list[str]:
    head = summary.headline(record)
    blocks = [f"## {_MARK[head.tone]} {head.word}: {_escape(head.subject)}", f"**{_escape(head.summary)}**"]
    if head.further:
        blocks.append("\n".join(f"- {_escape(reason)}" for reason in head.further))
    if head.meaning:
        blocks.append(_escape(head.meaning))
    return [*blocks, _escape(head.when)]


def _targets(record: RunRecord) -> list[str]:
    rows = summary.target_rows(record)
    if not rows:
        return []
    stretched = any(row.stretch for row in rows)
    headings = ("figure", "outcome", "value", "target", *(["stretch"] if stretched else []))
    cells = tuple(
        (row.figure, f"{_MARK[row.tone]} {row.outcome}", row.value, row.target)
        + ((row.stretch,) if stretched else ())
        for row in rows
    )
    table = Table("Targets", headings, cells, labels=2)
    reasons = [f"- {_escape(row.figure)}: {_escape(row.reason)}" for row in rows if row.reason]
    return [
        f"### Targets: {summary.headline(record).tally}",
        _table(table),
        *(["\n".join(reasons)] if reasons else []),
    ]


def _findings(record: RunRecord) -> list[str]:
    if not record.findings:
        return []
    lines = [
        f"- **{_escape(sentence(plain(finding.title)))}**: {_escape(plain(finding.text))}"
        for finding in record.findings
    ]
    return ["### Findings", "\n".join(lines)]


def _table(table: Table) -> str:
    rules = [":--" if index < table.labels else "--:" for index in range(len(table.headings))]
    lines = [table.headings, rules, *table.rows]
    return "\n".join(
        f"| {' | '.join(cells if cells is rules else [_escape(cell) for cell in cells])} |" for cells in lines
    )


def _escape(text: str) -> str:
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # "://" is split so that an address from a record does not become a link.
    return re.sub(r"([\\`*_{}\[\]#|~!@$])", r"\\\1", marked).replace("://", ":&#47;/")
