"""The command ``perf-core``: one module per subcommand, and the exit code of each outcome."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

import cyclopts

from perf_core.cli import check, compare, figures, report, run, targets
from perf_core.cli.console import print_error
from perf_core.errors import ExitCode, LabError, UsageError

app = cyclopts.App(
    name="perf-core",
    help="Performance lab for MCP servers.",
    help_format="plaintext",
    version=lambda: version("mcp-perf-core"),
    # main() turns every outcome into an exit code itself.
    result_action="return_value",
)
for _command in (run.run, compare.compare, targets.targets, figures.figures, check.check, report.report):
    app.command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors go to stderr, each with a hint."""
    try:
        return int(_dispatch(arguments))
    except LabError as error:
        print_error(error)
        return int(error.exit_code)


def _dispatch(arguments: Sequence[str] | None) -> ExitCode:
    try:
        result = app(
            list(sys.argv[1:] if arguments is None else arguments), exit_on_error=False, print_error=False
        )
    except cyclopts.CycloptsError as error:
        raise UsageError(str(error), "See perf-core --help.") from error
    return result if isinstance(result, ExitCode) else ExitCode.PASS
