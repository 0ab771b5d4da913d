"""A view in the terminal."""

from __future__ import annotations

from rich.console import Console

from perf_core.report.markup import STYLES, terminal_text, verdict_line
from perf_core.report.table import Table
from perf_core.report.terminal import print_notices, print_table
from perf_core.report.view.model import View
from perf_core.report.wording import plain


def render(view: View, console: Console) -> None:
    """Print the view; drawings are left out."""
    console.print(verdict_line(view.word, plain(view.subject), view.tone, console))
    console.print(terminal_text(plain(view.summary), console, STYLES[view.tone]))
    for reason in view.reasons:
        console.print(terminal_text(f"- {plain(reason)}", console))
    print_notices(view.notices, console)
    for part in view.parts:
        if isinstance(part, Table):
            console.print()
            print_table(part, console)
    console.print(terminal_text(plain(view.when), console, "dim"))
