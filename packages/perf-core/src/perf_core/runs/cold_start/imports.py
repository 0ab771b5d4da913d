"""Imports of a Python server at its start: how long each module takes, and which files are read.

Python itself tells it when an environment variable asks for it, which needs no change of the command. Other
programs ignore the variables.
"""

from __future__ import annotations

from pathlib import Path

from perf_core.analysis.import_times import Imports, ModuleImport, parse, summarize
from perf_core.errors import TargetError
from perf_core.runs.cold_start.file_cache import python_files
from perf_core.runs.cold_start.one_start import Starter

RUNS = 3
"""Starts of which the times of imports are the medians."""

_IMPORT_TIMES = {"PYTHONPROFILEIMPORTTIME": "1"}
_VERBOSE = {"PYTHONVERBOSE": "1"}


def import_times(starter: Starter) -> Imports | None:
    """Start a server a few times and return its import times; None if it is no Python program.

    The times are a few percent longer than without the look at them.

    Raises:
        Interrupted: The user interrupted.
    """
    runs: list[tuple[ModuleImport, ...]] = []
    for number in range(RUNS):
        imports = parse(_log_of(starter.with_variables(_IMPORT_TIMES), number))
        if not imports:
            return None
        runs.append(imports)
    return summarize(runs)


def imported_files(starter: Starter) -> set[Path]:
    """Start a Python server and return the files of all modules that it imports.

    Raises:
        Interrupted: The user interrupted.
    """
    return python_files(_log_of(starter.with_variables(_VERBOSE), 0))


def _log_of(starter: Starter, number: int) -> str:
    try:
        starter.start("warm", number)
    except TargetError:
        # With so much more on its standard error, a server may not become ready.
        return ""
    return starter.log_path.read_text(encoding="utf-8", errors="replace")
