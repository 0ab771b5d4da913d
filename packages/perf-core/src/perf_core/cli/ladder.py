"""``perf-core ladder``: what each layer around a tool adds to the cost of a call."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from perf_core.cli.console import out, print_plain, print_results_folder, progress
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.report import documents
from perf_core.results.folder import expect_writable, new_folder
from perf_core.results.ladder import LADDERS
from perf_core.runs.ladder.measuring import Request, interpreter, measure_ladder
from perf_core.targets.apps import parse_app


def ladder(
    app: Annotated[
        str,
        Parameter(help="App of FastMCP or of the official SDK: shop.server:mcp, or ./server.py:mcp."),
    ],
    /,
    *,
    python: Annotated[
        str | None,
        Parameter(help="The app's interpreter, such as .venv/bin/python. Default: the lab's own."),
    ] = None,
    tool: Annotated[
        str, Parameter(help="Tool to call. Default: the first that says that it only reads.")
    ] = "",
    arguments: Annotated[
        str | None,
        Parameter(help="Arguments of the tool as a JSON object; else they are drawn from its schema."),
    ] = None,
    allow_writes: Annotated[
        bool, Parameter(negative="", help="Choose also among tools that do not say that they only read.")
    ] = False,
    rounds: Annotated[
        int, Parameter(validator=Number(gte=1, lte=1000), help="Rounds in which each layer is timed.")
    ] = 15,
    seed: Annotated[int, Parameter(help="Seed of the drawn arguments and of the order.")] = 1,
    output_dir: Annotated[Path, Parameter(help="Folder that gets the folder of the result.")] = Path(
        "results"
    ),
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="Print the result as JSON instead of tables.")
    ] = False,
) -> ExitCode:
    """Measure what each layer around a tool adds: validation, tool, server, session, HTTP.

    The app is imported in processes of its own, from the working folder, and one of its tools is called some
    thousand times.
    """
    place = parse_app(app)
    given = _arguments(arguments)
    if given is not None and not tool:
        raise UsageError("--arguments: expected the tool's name, too, got none", "Name it with --tool.")
    expect_writable(output_dir)
    request = Request(
        place,
        interpreter(python, sys.executable),
        tool=tool,
        arguments=given,
        allow_writes=allow_writes,
        rounds=rounds,
        seed=seed,
    )
    folder = new_folder(output_dir, f"ladder-{place.name}")
    with watch_signals() as interruption, progress(f"ladder of {place.name}") as on_progress:
        result = measure_ladder(request, folder, interruption=interruption, on_progress=on_progress)
    documents.save(LADDERS, result, folder)
    if as_json:
        print_plain(json.dumps(LADDERS.members(result), indent=1, ensure_ascii=False))
        return ExitCode.PASS
    documents.show(LADDERS, result, out)
    print_results_folder(folder)
    return ExitCode.PASS


def _arguments(text: str | None) -> dict[str, Any] | None:
    """Return the arguments that the user states; None if there are none.

    Raises:
        UsageError: The text is no JSON object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"--arguments: expected a JSON object, got {text[:60]!r}: {error}", "For example '{\"a\": 1}'."
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            f"--arguments: expected a JSON object, got {text[:60]!r}", "For example '{\"a\": 1}'."
        )
    return value
