"""Reports: a record in, text out.

Every module renders one format from the record alone; only this module writes files. ``summary`` and
``tables`` hold the content of every report, ``wording`` turns figures into words, ``markup`` into safe text.
Results other than runs are listed in ``documents``; most describe their report as a ``view``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perf_core.results.files import write_atomically
from perf_core.results.record import RunRecord

HTML_NAME = "report.html"
MARKDOWN_NAME = "summary.md"
JUNIT_NAME = "junit.xml"
PROMETHEUS_NAME = "metrics.prom"

_HINT = "The folder must exist and be writable; choose another with --output-dir."


def write_all(record: RunRecord, folder: Path) -> None:
    """Write every report of a run into ``folder``, each file atomically.

    Raises:
        ResultsError: The folder cannot be written.
    """
    # plotly and jinja2 take a third of a second to load, and most commands write no report.
    from perf_core.report import html, junit, markdown, prometheus

    texts = {
        HTML_NAME: html.render(record),
        MARKDOWN_NAME: markdown.render(record),
        JUNIT_NAME: junit.render(record),
        PROMETHEUS_NAME: prometheus.render(record),
    }
    write_texts(texts, folder)


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write reports by the names of their files, each atomically.

    Raises:
        ResultsError: The folder cannot be written.
    """
    for name, text in texts.items():
        write_atomically(folder / name, text.encode(), _HINT)
