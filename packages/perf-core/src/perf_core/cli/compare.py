"""``perf-core compare``: compare two servers, or two recorded runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.cli import servers
from perf_core.cli.console import out, print_results_folder, progress
from perf_core.cli.options import ACCESS, DRAWING, AccessOptions, Command, DrawingOptions, Env, Shared
from perf_core.comparison.contenders import DEFAULT_SCENARIO, Side, find_contenders
from perf_core.comparison.model import CPU_BAR, EXIT_CODES, MAX_BAR, OTHER_BAR, P99_BAR, SLOWEST_BAR, Bars
from perf_core.comparison.records import compare_records
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.load.plan import parse_duration_s
from perf_core.report.comparison import records as record_report
from perf_core.report.comparison import text as comparison_report
from perf_core.results import record_file
from perf_core.results.record_file import RECORD_NAME
from perf_core.runs.compare import Effort, Workload, expect_usable
from perf_core.runs.compare import compare as compare_servers
from perf_core.runs.drawn import with_drawn_calls
from perf_core.server.credentials.masking import masked_word
from perf_core.server.subject import Subject
from perf_core.targets.registry import advice_for
from perf_core.targets.urls import is_url, server_at, with_scheme


def compare(
    a: Annotated[
        str, Parameter(help="Baseline: NAME, NAME@REVISION, a TOML file or a URL; or a recorded run.")
    ],
    b: Annotated[
        str | None, Parameter(help="What is judged, given in the same way; or the command after --.")
    ] = None,
    /,
    *,
    baseline: Annotated[
        Path | None, Parameter(help="A recorded run with which to compare a single recorded run.")
    ] = None,
    cross_machine: Annotated[
        bool, Parameter(negative="", help="Compare recorded runs even if their machines differ.")
    ] = False,
    wire: Annotated[Wire, Parameter(help="Protocol era of both.")] = "session",
    wire_b: Annotated[Wire | None, Parameter(help="Protocol era of b, to compare wires.")] = None,
    scenario: Annotated[str, Parameter(help="Scenario whose calls are made.")] = DEFAULT_SCENARIO,
    vus: Annotated[int, Parameter(name=["--vus", "--clients"], help="Virtual users.")] = Workload.vus,
    launches: Annotated[int, Parameter(help="Starts of both servers, at least two.")] = Effort.launches,
    pairs: Annotated[int, Parameter(help="Pairs of slices in each launch.")] = Effort.pairs,
    slice_length: Annotated[
        str | None,
        Parameter(name="--slice", help="Length of a slice, such as 1s; by default at least 50 calls."),
    ] = None,
    until_decided: Annotated[
        bool, Parameter(negative="", help="Continue while inconclusive, up to 60 pairs or the time limit.")
    ] = False,
    time_limit: Annotated[str, Parameter(help="Begin no launch that would end later than this.")] = "10m",
    cpu_bar: Annotated[float, Parameter(help="Percent by which CPU per call may differ.")] = CPU_BAR * 100,
    slowest_bar: Annotated[
        float, Parameter(help="Percent by which the mean of the slowest 2 % of the calls may differ.")
    ] = SLOWEST_BAR * 100,
    p99_bar: Annotated[float, Parameter(help="Percent by which the p99 may differ.")] = P99_BAR * 100,
    max_bar: Annotated[float, Parameter(help="Percent by which the longest call may differ.")] = MAX_BAR
    * 100,
    bar: Annotated[float, Parameter(help="Percent by which every other metric may differ.")] = OTHER_BAR
    * 100,
    pin: Annotated[
        bool, Parameter(help="Bind both servers to one half of the CPUs and the generator to the other.")
    ] = Effort.pin,
    seed: Annotated[int, Parameter(help="Seed of all random draws.")] = 1,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per comparison.")] = Path(
        "results"
    ),
    command: Command = None,
) -> ExitCode:
    """Compare two servers in alternating slices, or two recorded runs; exit 3 when b is worse.

    Both get the calls of the first that brings some; if both are URLs or commands, a is asked what it can do.
    Options for credentials apply to both.
    """
    if baseline is not None or any(_is_recorded(text) for text in (a, b) if text):
        return _compare_records(*_recorded_runs(a, b, baseline), cross_machine=cross_machine)
    side_a, side_b = _sides(a, b, command, shared=shared, env=env)
    if drawing != DRAWING and (side_a.has_own_calls or side_b.has_own_calls):
        raise UsageError(
            "--allow-writes and --tool: expected URLs or commands alone, got a target whose calls are known",
            "Change the calls in the adapter or the file.",
        )
    effort = Effort(
        launches=launches,
        pairs=pairs,
        slice_s=None if slice_length is None else parse_duration_s(slice_length),
        until_decided=until_decided,
        longest_s=parse_duration_s(time_limit),
        pin=pin,
    )
    bars = Bars(
        cpu=cpu_bar / 100, other=bar / 100, slowest=slowest_bar / 100, p99=p99_bar / 100, max=max_bar / 100
    )
    expect_usable(effort, vus, output_dir)
    with (
        watch_signals() as interruption,
        progress(f"{_shown(side_b)} beside {_shown(side_a)}") as on_progress,
    ):

        def with_calls(subject: Subject) -> Subject:
            discovered = with_drawn_calls(
                subject, wire, drawing.options(seed), interruption=interruption, on_progress=on_progress
            )
            return discovered.subject

        contenders = find_contenders(
            side_a,
            side_b,
            wires=(wire, wire_b or wire),
            scenario=scenario,
            repository=Path.cwd(),
            with_access=lambda subject: servers.with_access([subject], access)[0],
            with_calls=with_calls,
            interruption=interruption,
            on_progress=on_progress,
        )
        done = compare_servers(
            contenders.a,
            contenders.b,
            Workload(contenders.scenario, vus=vus, seed=seed),
            effort,
            bars=bars,
            output_dir=output_dir,
            interruption=interruption,
            on_progress=on_progress,
        )
    comparison_report.terminal(done.comparison, out)
    print_results_folder(done.folder)
    return done.comparison.exit_code


def _sides(
    a: str, b: str | None, command: tuple[str, ...] | None, *, shared: bool, env: tuple[str, ...] = ()
) -> tuple[Side, Side]:
    """Return both servers as they were typed; a command is always b, the one that is judged."""
    servers.expect_words(command)
    if (b is None) == (command is None):
        got = "one" if b is None else "two and a command"
        raise UsageError(
            f"expected two targets or two recorded runs, got {got}",
            "Give A and B, or A and the command of B after --. See perf-core compare --help.",
        )
    if shared and command is None:
        raise UsageError("--shared: expected a command after --, got none", "It is for servers on stdio.")
    variables = servers.command_variables(env, command)
    for text in filter(None, (a, b)):
        # Names of branches may have slashes.
        if len(Path(text).parts) > 1 and not (is_url(text) or "@" in text or _exists(text)):
            raise UsageError(
                f"expected a recorded run or a server, got {masked_word(text)!r}, which does not exist",
                advice_for(text) if with_scheme(text) else "Give the folder of a run, a TOML file or a URL.",
            )
    return Side(a), Side(b) if b is not None else Side.of_command(command or (), shared=shared, env=variables)


def _shown(side: Side) -> str:
    # A URL may have a password.
    return server_at(side.text) if is_url(side.text) else masked_word(side.text)


def _is_recorded(text: str) -> bool:
    # A folder here may have the same name as an adapter.
    path = Path(text)
    return (path.suffix == ".json" and not is_url(text)) or (
        os.path.isdir(text) and (len(path.parts) > 1 or (path / RECORD_NAME).exists())  # noqa: PTH112 - as below
    )


def _exists(text: str) -> bool:
    # Any word may stand there, also one that is too long for a path.
    return os.path.exists(text)  # noqa: PTH110


def _recorded_runs(a: str, b: str | None, baseline: Path | None) -> tuple[Path, Path]:
    """Return the two recorded runs on the command line, the earlier one first."""
    paths = [*([] if baseline is None else [baseline]), *(Path(text) for text in (a, b) if text)]
    servers = [str(path) for path in paths if not _is_recorded(str(path))]
    if len(paths) != 2 or servers:
        got = (
            f"{', '.join(map(masked_word, servers))}, which is not a recorded run"
            if servers
            else f"{len(paths)} runs"
        )
        raise UsageError(
            f"expected two recorded runs, got {'one' if len(paths) == 1 else got}",
            "perf-core compare RUN RUN, or perf-core compare RUN --baseline RUN.",
        )
    return paths[0], paths[1]


def _compare_records(before: Path, after: Path, *, cross_machine: bool) -> ExitCode:
    comparison = compare_records(
        record_file.read(before), record_file.read(after), cross_machine=cross_machine
    )
    record_report.terminal(comparison, out)
    return EXIT_CODES[comparison.verdict]
