"""``perf-core report``: show recorded results again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.cli.console import out
from perf_core.errors import ExitCode
from perf_core.report import documents, terminal, write_all
from perf_core.results import record_file


def report(
    path: Annotated[
        Path, Parameter(name="run", help="Folder of a run or another result, or the JSON file in it.")
    ],
    /,
) -> ExitCode:
    """Show a recorded run, comparison or other result again and rewrite its reports."""
    folder = path if path.is_dir() else path.parent
    kind = documents.kind_at(path)
    if kind is not None:
        document = kind.read(path)
        documents.show(kind, document, out)
        documents.write_reports(kind, document, folder)
        return ExitCode.PASS
    record = record_file.read(path)
    terminal.render(record, out)
    write_all(record, folder)
    return ExitCode.PASS
