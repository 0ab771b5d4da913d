"""Reports: a record in, text out.

Every module renders one format from the record alone; :func:`write_all` is the only place here that
touches the disk. ``summary`` and ``tables`` say what every report contains, ``wording`` how
figures are said.
"""

from __future__ import annotations

from pathlib import Path

from perf_core.comparison.model import Comparison
from perf_core.errors import ResultsError
from perf_core.results.record import RunRecord

HTML_NAME = "report.html"
MARKDOWN_NAME = "summary.md"
JUNIT_NAME = "junit.xml"
PROMETHEUS_NAME = "metrics.prom"


def write_all(record: RunRecord, folder: Path) -> None:
    """Write every report of ``record`` into ``folder``, each file whole or not at all.

    Raises:
        ResultsError: The folder cannot be written.
    """
    # plotly and jinja2 take a third of a second to load, and most commands write no report.
    from perf_core.report import html, junit, markdown, prometheus

    for name, text in (
        (HTML_NAME, html.render(record)),
        (MARKDOWN_NAME, markdown.render(record)),
        (JUNIT_NAME, junit.render(record)),
        (PROMETHEUS_NAME, prometheus.render(record)),
    ):
        _write(folder / name, text)


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write every report of ``comparison`` into ``folder``, each file whole or not at all.

    Raises:
        ResultsError: The folder cannot be written.
    """
    from perf_core.report.comparison import page
    from perf_core.report.comparison import text as text

    for name, content in (
        (HTML_NAME, page.render(comparison)),
        (MARKDOWN_NAME, text.markdown(comparison)),
    ):
        _write(folder / name, content)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        try:
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ResultsError(
            f"cannot write {path}: {error.strerror}",
            "The folder must exist and be writable; choose another with --output-dir.",
        ) from error
