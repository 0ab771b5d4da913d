"""The command line as a whole."""

from __future__ import annotations

import importlib.metadata

from perf_core.cli import main
from perf_core.errors import ExitCode


def test_version_is_that_of_the_distribution(capsys) -> None:
    assert main(["--version"]) == ExitCode.PASS
    printed = capsys.readouterr().out.strip()
    assert printed == importlib.metadata.version("mcp-perf-core")
    assert printed != "0.0.0"


def test_unknown_command_is_a_usage_error(capsys) -> None:
    assert main(["fly"]) == ExitCode.USAGE
    assert "See perf-core --help." in capsys.readouterr().err
