from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_core import report
from perf_core.errors import ResultsError
from perf_core.report import html, junit, markdown, prometheus
from perf_core.results.record import RunRecord

Sample = Callable[..., RunRecord]


def test_every_report_is_written(any_record: RunRecord, tmp_path: Path) -> None:
    report.write_all(any_record, tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == {
        "report.html": html.render(any_record),
        "summary.md": markdown.render(any_record),
        "junit.xml": junit.render(any_record),
        "metrics.prom": prometheus.render(any_record),
    }


def test_reports_are_replaced(sample: Sample, tmp_path: Path) -> None:
    report.write_all(sample("load"), tmp_path)
    report.write_all(sample("empty"), tmp_path)
    assert "FAIL" not in (tmp_path / report.MARKDOWN_NAME).read_text(encoding="utf-8")


def test_missing_folder_is_named_with_a_hint(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot write .*absent") as caught:
        report.write_all(sample("empty"), tmp_path / "absent")
    assert "--output-dir" in caught.value.hint


def test_report_that_cannot_be_replaced_stays_and_leaves_no_partial_file(
    sample: Sample, tmp_path: Path
) -> None:
    # A folder in the file's place fails for every user, root included.
    (tmp_path / report.HTML_NAME).mkdir()
    with pytest.raises(ResultsError, match=r"report\.html"):
        report.write_all(sample("empty"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [report.HTML_NAME]


@pytest.mark.process
def test_heavy_libraries_are_loaded_only_when_reports_are_written() -> None:
    code = (
        "import sys, perf_core.report.terminal as t; print(t and {'plotly', 'jinja2'} & sys.modules.keys())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
