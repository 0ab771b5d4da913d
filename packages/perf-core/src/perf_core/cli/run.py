"""``perf-core run``: measure servers under load."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Scenario, Wire
from perf_core.cli import servers
from perf_core.cli.arguments import scenarios_and_servers
from perf_core.cli.console import out, print_error, print_results_folder, progress
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
from perf_core.errors import ExitCode, Interrupted, ResultsError, TargetError, UsageError, most_serious
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.plan import Settings
from perf_core.report import terminal
from perf_core.results.folder import expect_writable
from perf_core.runs.measure import DASHBOARD_PORT, Options, measure, record_unasked
from perf_core.runs.profiling import find_py_spy
from perf_core.runs.questions import Question, prepare, wires_of
from perf_core.runs.settings import expect_usable, settings_of
from perf_core.runs.unmeasured import unasked
from perf_core.server.subject import Subject
from perf_core.targets.bare import is_bare


def run(
    *scenarios: Annotated[
        str,
        Parameter(help="Scenarios to run (quick, load, stress, …), and the URL or TOML file of the server."),
    ],
    scenario: Annotated[
        list[str] | None,
        Parameter(name="--scenario", negative="", help="A scenario to run, by name; repeatable."),
    ] = None,
    target: Annotated[
        list[str] | None,
        Parameter(
            name="--target",
            negative="",
            help="Server to measure: an installed adapter's name, a TOML file or a URL; repeatable. "
            "Default: the URL or the command after --; without one, every installed adapter that has the "
            "scenarios.",
        ),
    ] = None,
    wire: Annotated[
        Wire | None,
        Parameter(
            help="Protocol era. Default: the scenario's own (session; quick measures both, and skips one "
            "that the server does not offer)."
        ),
    ] = None,
    time_scale: Annotated[
        float | None, Parameter(help="Factor on every duration of the published profile. Default: 1.")
    ] = None,
    duration: Annotated[
        str | None,
        Parameter(
            env_var="TEST_DURATION",
            help="Length of the whole profile, such as 90s or 2m, instead of a scale.",
        ),
    ] = None,
    vus: Annotated[
        int | None,
        Parameter(
            name=["--vus", "--clients"],
            env_var="TEST_VUS",
            help="Peak number of virtual users; other levels in proportion.",
        ),
    ] = None,
    rate: Annotated[
        int | None,
        Parameter(help="Highest arrival rate in iterations/s; other levels in proportion."),
    ] = None,
    think_time: Annotated[float, Parameter(help="Pause in seconds after each iteration.")] = 0.0,
    session_per_iteration: Annotated[
        bool,
        Parameter(negative="", help="In each iteration, open a session, make three calls and delete it."),
    ] = False,
    seed: Annotated[int, Parameter(help="Seed of all random draws.")] = 1,
    server_url: ServerUrl = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per run.")] = Path("results"),
    dashboard: Annotated[
        bool,
        Parameter(negative="", help="Serve k6's live dashboard on http://127.0.0.1:5665 during the load."),
    ] = False,
    pin: Annotated[
        bool, Parameter(negative="", help="Bind the server and the generator to different CPUs.")
    ] = False,
    profile: Annotated[
        bool,
        Parameter(
            negative="",
            help="Sample the stacks of a Python server that the lab starts, for a flame graph in the report "
            "(py-spy, in the extra mcp-perf-core[profile]).",
        ),
    ] = False,
    command: Command = None,
) -> ExitCode:
    """Measure servers under load, judge the results, and write a record and reports.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it.
    """
    words, urls_and_files = scenarios_and_servers(scenarios)
    names = [*words, *(scenario or ())]
    if not names:
        raise UsageError(
            "expected names of scenarios, got none", "perf-core targets lists them; quick is a start."
        )
    typed = servers.Typed(tuple(urls_and_files), tuple(target or ()), server_url, command, shared, env)
    subjects = servers.find(typed, names, access)
    settings = settings_of(
        time_scale=time_scale,
        duration=duration,
        vus=vus,
        rate_per_s=rate,
        think_time_s=think_time,
        session_per_iteration=session_per_iteration,
        seed=seed,
    )
    if profile:
        _expect_started(subjects)
    options = Options(
        output_dir=output_dir,
        dashboard=dashboard,
        pin=pin,
        py_spy=find_py_spy() if profile else None,
    )
    # Everything is looked up and checked before the first run: no mistake ends the command halfway.
    servers.expect_drawn(subjects, drawing)
    for subject in subjects:
        expect_usable(subject, names, settings, wire)
    expect_writable(output_dir)
    if dashboard:
        _expect_free_port(DASHBOARD_PORT)
    codes: list[ExitCode] = []
    with watch_signals() as interruption:
        ready = []
        for subject in subjects:
            try:
                ready.append(
                    servers.draw_calls(subject, wire, drawing, seed=seed, interruption=interruption).subject
                    if is_bare(subject)
                    else subject
                )
            except TargetError as error:
                # The others can be measured all the same.
                print_error(error)
                for name in names:
                    measured = record_unasked(unasked(subject, name, wire, settings), error, output_dir)
                    print_results_folder(measured.folder)
                    codes.append(ExitCode(measured.record.exit_code))
        pairs = [(subject, subject.scenario(name)) for subject in ready for name in names]
        for question in _questions(pairs, wire, settings, interruption):
            codes.append(_answer(question, options, interruption))
            if interruption.requested:
                break
    return most_serious(codes)


def _questions(
    pairs: Sequence[tuple[Subject, Scenario]],
    wire: Wire | None,
    settings: Settings,
    interruption: Interruption,
) -> list[Question]:
    questions = []
    for subject, scenario in pairs:
        for its_wire, is_optional in wires_of(scenario, wire):
            interruption.check()
            questions.append(prepare(subject, scenario, its_wire, settings, is_optional=is_optional))
    return questions


def _expect_started(subjects: Sequence[Subject]) -> None:
    running = [subject.name for subject in subjects if subject.url is not None]
    if running:
        raise UsageError(
            f"--profile: expected a server that the lab starts, got {', '.join(running)}, which already runs",
            "Give the server's command after --, or profile it yourself: py-spy record --pid PID.",
        )


def _expect_free_port(port: int) -> None:
    with socket.socket() as probe:
        # As k6 does: connections of an earlier run may still be closing.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"--dashboard: expected port {port} to be free, got: {error.strerror}",
                "End the other run with a dashboard, or leave --dashboard out.",
            ) from error


def _answer(question: Question, options: Options, interruption: Interruption) -> ExitCode:
    """Measure, show the result and return its exit code; an error ends this question alone."""
    # Not the wire where the server may offer another one only.
    on_wire = "" if question.has_other_wire else f", {question.wire} wire"
    title = f"{question.scenario.name} on {question.subject.name}{on_wire}"
    try:
        with progress(title) as on_progress:
            measured = measure(question, options, interruption=interruption, on_progress=on_progress)
    except (ResultsError, Interrupted) as error:
        print_error(error)
        return error.exit_code
    if measured.error is None or measured.record.verdict == "skipped":
        terminal.render(measured.record, out)
    else:
        print_error(measured.error)
    print_results_folder(measured.folder)
    return ExitCode(measured.record.exit_code)
