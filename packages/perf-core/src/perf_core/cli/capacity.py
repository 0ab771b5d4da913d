"""``perf-core capacity``: find the highest arrival rate at which a server keeps its objectives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.analysis.capacity.model import CAPACITIES
from perf_core.analysis.capacity.objectives import DEFAULT_OBJECTIVES, parse_objectives
from perf_core.analysis.capacity.search import TOLERANCE
from perf_core.cli import servers
from perf_core.cli.console import err, out, print_plain, print_results_folder, progress
from perf_core.cli.options import (
    ACCESS,
    DRAWING,
    AccessOptions,
    Command,
    DrawingOptions,
    Env,
    ServerUrl,
    Shared,
)
from perf_core.comparison.contenders import DEFAULT_SCENARIO
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.load.plan import Settings, parse_duration_s
from perf_core.report import documents
from perf_core.results.folder import expect_writable
from perf_core.runs.capacity.measure import LONGEST_S, CapacityRequest, measure_capacity, prepared
from perf_core.runs.settings import expect_usable
from perf_core.targets.urls import is_url

_SHORTEST_S = 20.0


def capacity(
    target: Annotated[
        str | None, Parameter(help="The server: an installed adapter's name, a TOML file or a URL.")
    ] = None,
    /,
    *,
    slo: Annotated[
        tuple[str, ...],
        Parameter(
            name="--slo",
            negative="",
            help=f"Objective to keep, such as p99<200ms, avg<50ms or errors<0.1%; repeatable. "
            f"Default: {' and '.join(DEFAULT_OBJECTIVES)}.",
        ),
    ] = (),
    scenario: Annotated[str, Parameter(help="Scenario whose calls are made.")] = DEFAULT_SCENARIO,
    wire: Annotated[
        Wire | None, Parameter(help="Protocol era. Default: session, or the one that the server offers.")
    ] = None,
    time_limit: Annotated[
        str, Parameter(help="Begin no step that would end later than this.")
    ] = f"{LONGEST_S:.0f}s",
    tolerance: Annotated[
        float, Parameter(help="Width of the interval in percent at which the search ends.")
    ] = TOLERANCE * 100,
    max_rate: Annotated[
        float | None, Parameter(help="Highest rate to offer, per second, for a server that others use.")
    ] = None,
    seed: Annotated[int, Parameter(help="Seed of all random draws.")] = 1,
    server_url: ServerUrl = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per search.")] = Path("results"),
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")] = False,
    command: Command = None,
) -> ExitCode:
    """Find the highest arrival rate at which a server keeps its objectives, with an interval.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it.
    """
    objectives = parse_objectives(slo)
    longest_s = parse_duration_s(time_limit)
    _expect(longest_s, tolerance, max_rate)
    words = () if target is None else (target,)
    is_place = target is not None and (is_url(target) or target.endswith(".toml"))
    typed = servers.Typed(
        words if is_place else (), () if is_place else words, server_url, command, shared, env
    )
    if not words and server_url is None and command is None:
        raise UsageError(
            "expected a server, got none", "For example: perf-core capacity http://127.0.0.1:8000/mcp."
        )
    subjects = servers.find(typed, [scenario], access)
    if len(subjects) != 1:
        raise UsageError(
            f"expected one server, got {', '.join(subject.name for subject in subjects)}",
            "Measure them one by one: two under load at one time disturb each other.",
        )
    expect_usable(subjects[0], [scenario], Settings(), wire)
    expect_writable(output_dir)
    with watch_signals() as interruption:
        (subject,) = servers.with_calls(subjects, wire, drawing, seed=seed, interruption=interruption)
        its_wire = wire or subject.scenario(scenario).wires[0]
        request = CapacityRequest(
            subject,
            objectives,
            scenario,
            its_wire,
            wire_is_optional=wire is None,
            longest_s=longest_s,
            tolerance=tolerance / 100,
            most_rate=max_rate,
            seed=seed,
        )
        question = prepared(request)
        with progress(f"capacity of {subject.name}") as on_progress:
            done = measure_capacity(
                request, question, output_dir, interruption=interruption, on_progress=on_progress
            )
    if as_json:
        print_plain(json.dumps(CAPACITIES.members(done.capacity), indent=2, ensure_ascii=False))
        err.print(f"Results: {done.folder}", soft_wrap=True)
    else:
        documents.show(CAPACITIES, done.capacity, out)
        print_results_folder(done.folder)
    return done.capacity.exit_code


def _expect(longest_s: float, tolerance: float, max_rate: float | None) -> None:
    problems = []
    if longest_s < _SHORTEST_S:
        problems.append(f"--time-limit: expected at least {_SHORTEST_S:g} s, got {longest_s:g} s")
    if not 1 <= tolerance <= 100:
        problems.append(f"--tolerance: expected 1 to 100 percent, got {tolerance:g}")
    if max_rate is not None and not 1 <= max_rate < float("inf"):
        problems.append(f"--max-rate: expected at least 1 per second, got {max_rate:g}")
    if problems:
        raise UsageError("; ".join(problems), "See perf-core capacity --help.")
