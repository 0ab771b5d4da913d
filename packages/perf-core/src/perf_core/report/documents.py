"""Reports of every kind of result other than a run; a new kind gets a line in :data:`REPORTED`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from perf_core.analysis.capacity.model import CAPACITIES
from perf_core.analysis.cold_start import COLD_STARTS
from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.report import HTML_NAME, MARKDOWN_NAME, write_texts
from perf_core.report import comparison as comparison_report
from perf_core.report.capacity.view import view_of as capacity_view
from perf_core.report.cold_start.view import view as cold_start_view
from perf_core.report.ladder import ladder_view
from perf_core.report.sessions.view import sessions_view
from perf_core.report.view import markdown, terminal
from perf_core.report.view.model import View
from perf_core.results.documents import Document, DocumentKind
from perf_core.results.ladder import LADDERS
from perf_core.results.session_costs import SESSION_COSTS


@dataclass(frozen=True)
class ReportedKind:
    """A kind of result with the functions that show it: in the terminal, as Markdown and as a page."""

    kind: DocumentKind[Any]
    terminal: Callable[[Any, Console], None]
    markdown: Callable[[Any], str]
    page: Callable[[Any], str]


def viewed(kind: DocumentKind[Document], view: Callable[[Document], View]) -> ReportedKind:
    """Return the kind of result whose reports all show ``view`` of it."""

    def page(document: Document) -> str:
        from perf_core.report.view import page as view_page  # plotly and jinja2 take a third of a second

        return view_page.render(view(document), kind.file_name)

    return ReportedKind(
        kind,
        lambda document, console: terminal.render(view(document), console),
        lambda document: markdown.render(view(document)),
        page,
    )


REPORTED: tuple[ReportedKind, ...] = (
    ReportedKind(
        COMPARISONS, comparison_report.terminal, comparison_report.markdown, comparison_report.html_page
    ),
    viewed(CAPACITIES, capacity_view),
    viewed(SESSION_COSTS, sessions_view),
    viewed(COLD_STARTS, cold_start_view),
    viewed(LADDERS, ladder_view),
)


def kind_at(path: Path) -> DocumentKind[Any] | None:
    """Return the kind of the result at ``path``, a file or a folder; None if it is a run or nothing."""
    for each in REPORTED:
        if path.name == each.kind.file_name or (path / each.kind.file_name).is_file():
            return each.kind
    return None


def show(kind: DocumentKind[Document], document: Document, console: Console) -> None:
    """Print the report of a result."""
    _reported(kind).terminal(document, console)


def write_reports(kind: DocumentKind[Document], document: Document, folder: Path) -> None:
    """Write the page and the Markdown of a result into ``folder``.

    Raises:
        ResultsError: The folder cannot be written.
    """
    reported = _reported(kind)
    write_texts({HTML_NAME: reported.page(document), MARKDOWN_NAME: reported.markdown(document)}, folder)


def save(kind: DocumentKind[Document], document: Document, folder: Path) -> None:
    """Write a result and its reports into ``folder``.

    Raises:
        ResultsError: The folder cannot be written.
    """
    kind.write(document, folder)
    write_reports(kind, document, folder)


def _reported(kind: DocumentKind[Any]) -> ReportedKind:
    return next(each for each in REPORTED if each.kind is kind)
