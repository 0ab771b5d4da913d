"""Reports of comparisons: of two servers in full, of more than two side by side."""

from __future__ import annotations

from rich.console import Console

from perf_core.comparison.model import Comparison
from perf_core.report.comparison import several, text
from perf_core.report.view import markdown as view_markdown
from perf_core.report.view import terminal as view_terminal


def terminal(comparison: Comparison, console: Console) -> None:
    """Print the report."""
    if len(comparison.pairings) > 1:
        view_terminal.render(several.view(comparison, brief=True), console)
    else:
        text.terminal(comparison, console)


def markdown(comparison: Comparison) -> str:
    """Return the report as Markdown that starts with a heading of level two."""
    if len(comparison.pairings) > 1:
        return view_markdown.render(several.view(comparison))
    return text.markdown(comparison)


def html_page(comparison: Comparison) -> str:
    """Return the report as one self-contained page."""
    # jinja2 takes a third of a second to load.
    if len(comparison.pairings) > 1:
        from perf_core.report.comparison import several_page

        return several_page.render(comparison)
    from perf_core.report.comparison import page

    return page.render(comparison)
