"""The command ``perf-core``: one module per subcommand, and the exit code of each outcome."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import cyclopts

from perf_core.cli import (
    capacity,
    check,
    coldstart,
    compare,
    figures,
    init,
    ladder,
    report,
    run,
    schema,
    sessions,
    targets,
)
from perf_core.cli.arguments import advice_for_mistake, split
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
for _command, _usage in (
    (run.run, "run SCENARIO... [URL | FILE.toml] [OPTIONS] [-- COMMAND ARGS...]"),
    (check.check, "check [URL | FILE.toml | NAME] [OPTIONS] [-- COMMAND ARGS...]"),
    (init.init, "init [URL] [OPTIONS] [-- COMMAND ARGS...]"),
    (compare.compare, "compare A [B …] [OPTIONS] [-- COMMAND ARGS...]"),
    (capacity.capacity, "capacity [NAME | FILE.toml | URL] [OPTIONS] [-- COMMAND ARGS...]"),
    (figures.figures, "figures [SCENARIO] [URL | FILE.toml] [OPTIONS] [-- COMMAND ARGS...]"),
    (sessions.sessions, "sessions [URL | FILE.toml | NAME] [OPTIONS] [-- COMMAND ARGS...]"),
    (coldstart.coldstart, "coldstart [NAME | FILE.toml | URL] [OPTIONS] [-- COMMAND ARGS...]"),
    (targets.targets, "targets"),
    (ladder.ladder, "ladder MODULE:APP | FILE.py:APP [OPTIONS]"),
    (report.report, "report RUN"),
    (schema.schema, "schema"),
):
    app.command(_command, usage=f"Usage: perf-core {_usage}\n")


_LENGTH = "A comparison has --launches of --pairs of slices (--slice), and a --time-limit."
_INSTEAD = {("compare", "--duration"): _LENGTH, ("compare", "--time-scale"): _LENGTH}
"""Options of a command, in a sentence, to use instead of one of another command."""


def _unknown_option(error: cyclopts.UnknownOptionError, own: Sequence[str]) -> UsageError:
    """Return the error for an option that a command has not, which another one may have.

    Names that merely look alike are no advice: what looks most like --duration is --revision.
    """
    option = (error.token.keyword or error.token.value).partition("=")[0]
    chosen = own[0] if own else ""
    others = [name for name, options in _options().items() if option in options and name != chosen]
    if not others:
        return UsageError(str(error), advice_for_mistake(own))
    instead = _INSTEAD.get((chosen, option), f"See perf-core {chosen} --help.")
    return UsageError(
        f"expected an option of perf-core {chosen}, got {option}, which {' and '.join(others)} take"
        f"{'s' if len(others) == 1 else ''}",
        instead,
    )


def _options() -> dict[str, set[str]]:
    """Return the names of the options of each command."""
    return {
        name: {option for argument in app[name].assemble_argument_collection() for option in argument.names}
        for name in ("run", "check", "init", "compare", "capacity", "figures", "coldstart", "sessions")
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors go to stderr, each with a hint."""
    try:
        return int(_dispatch(sys.argv[1:] if arguments is None else arguments))
    except LabError as error:
        print_error(error)
        return int(error.exit_code)


def _dispatch(arguments: Sequence[str]) -> ExitCode:
    words = split(arguments)
    try:
        function, bound, unparsed = app.parse_args(list(words.own), exit_on_error=False, print_error=False)
    except cyclopts.UnknownOptionError as error:
        raise _unknown_option(error, words.own) from error
    except cyclopts.CycloptsError as error:
        raise UsageError(str(error), advice_for_mistake(words.own)) from error
    further: dict[str, Any] = {}
    if words.command is not None:
        if "command" not in unparsed:
            raise UsageError(
                f"expected no -- here, got -- {' '.join(words.command[:1])}",
                "Commands that start a server are taken by run, check, init, compare, figures and sessions.",
            )
        further["command"] = words.command
    result = function(*bound.args, **bound.kwargs, **further)
    return result if isinstance(result, ExitCode) else ExitCode.PASS
