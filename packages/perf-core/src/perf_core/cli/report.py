"""``perf-core report``: show recorded results again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.cli.console import out
from perf_core.comparison import comparison_file
from perf_core.comparison.comparison_file import COMPARISON_NAME
from perf_core.errors import ExitCode
from perf_core.report import terminal, write_all, write_comparison
from perf_core.report.comparison import text as comparison_report
from perf_core.results import record_file


def report(
    path: Annotated[Path, Parameter(name="run", help="Folder of a run, or its record.json.")], /
) -> ExitCode:
    """Show a recorded run or comparison again and rewrite its reports."""
    folder = path if path.is_dir() else path.parent
    if path.name == COMPARISON_NAME or (folder / COMPARISON_NAME).is_file():
        comparison = comparison_file.read(path)
        comparison_report.terminal(comparison, out)
        write_comparison(comparison, folder)
        return ExitCode.PASS
    record = record_file.read(path)
    terminal.render(record, out)
    write_all(record, folder)
    return ExitCode.PASS
