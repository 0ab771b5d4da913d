"""``perf-core schema``: the JSON Schema of target files."""

from __future__ import annotations

import json

from perf_core.cli.console import print_plain
from perf_core.errors import ExitCode
from perf_core.targets.file_schema import file_schema


def schema() -> ExitCode:
    """Print the JSON Schema of target files, for editors that check TOML (such as Even Better TOML)."""
    print_plain(json.dumps(file_schema(), indent=2))
    return ExitCode.PASS
