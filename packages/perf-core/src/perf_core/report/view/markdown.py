"""A view as GitHub-flavoured Markdown, for job summaries and comments."""

from __future__ import annotations

from perf_core.report.markdown import folded_manifest, notice_lines, table_blocks
from perf_core.report.markup import MARKS, markdown_text
from perf_core.report.table import Table
from perf_core.report.tables import flat_table
from perf_core.report.view.model import View


def render(view: View) -> str:
    """Return one Markdown document that starts with a heading of level two; drawings are left out."""
    blocks = [
        f"## {MARKS[view.tone]} {markdown_text(view.word)}: {markdown_text(view.subject)}",
        f"**{markdown_text(view.summary)}**",
    ]
    if view.reasons:
        blocks.append("\n".join(f"- {markdown_text(reason)}" for reason in view.reasons))
    blocks += notice_lines(view.notices)
    blocks.append(markdown_text(view.when))
    for part in view.parts:
        if isinstance(part, Table):
            blocks += table_blocks(part)
    blocks += folded_manifest(flat_table("Manifest", view.manifest))
    return "\n\n".join(blocks) + "\n"
