"""The command ``perf-core``: a thin layer that turns words into calls and results into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from perf_core import record
from perf_core.adapter import Wire
from perf_core.errors import ExitCode, LabError, UsageError, most_serious
from perf_core.generator import find_k6, k6_version
from perf_core.interruption import watch_signals
from perf_core.live import Place, live_server
from perf_core.plan import Settings, parse_duration_s
from perf_core.report import terminal, write_all
from perf_core.run import Options, Tell, run_scenario
from perf_core.targets import find_subjects, installed_adapters

app = cyclopts.App(
    name="perf-core",
    help="Performance lab for MCP servers.",
    help_format="plaintext",
    # main() turns every outcome into an exit code itself.
    result_action="return_value",
)

_out = Console()
_err = Console(stderr=True)

Target = Annotated[
    list[str] | None,
    Parameter(
        name="--target",
        negative="",
        help="Server to measure: an installed adapter's name or a TOML file; repeatable. "
        "Default: every installed adapter that has the scenarios.",
    ),
]
ServerUrl = Annotated[
    str | None,
    Parameter(
        name="--server-url",
        env_var="SERVER_URL",
        help="Measure a server that runs already, such as http://127.0.0.1:8100.",
    ),
]


@app.command
def run(
    scenarios: Annotated[list[str], Parameter(help="Questions to ask: quick, load, stress, …", negative="")],
    /,
    *,
    target: Target = None,
    wire: Annotated[
        Literal["session", "stateless"] | None,
        Parameter(help="Protocol era. Default: the scenario's own (session; quick measures both)."),
    ] = None,
    time_scale: Annotated[float, Parameter(help="Factor on every duration of the published profile.")] = 1.0,
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
            help="Peak of virtual users; other levels in proportion.",
        ),
    ] = None,
    rate: Annotated[int | None, Parameter(help="Calls per second, for scenarios paced by a rate.")] = None,
    think_time: Annotated[float, Parameter(help="Pause in seconds after each iteration.")] = 0.0,
    session_per_iteration: Annotated[
        bool, Parameter(negative="", help="Open a session, make three calls, delete it; again and again.")
    ] = False,
    seed: Annotated[int, Parameter(help="Seed of everything drawn.")] = 1,
    server_url: ServerUrl = None,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per run.")] = Path("results"),
    dashboard: Annotated[
        bool, Parameter(negative="", help="Serve k6's live dashboard on http://127.0.0.1:5665 meanwhile.")
    ] = False,
    pin: Annotated[bool, Parameter(negative="", help="Keep server and generator on different CPUs.")] = False,
) -> ExitCode:
    """Measure servers under load, judge them, and write record and reports."""
    subjects = find_subjects(target or (), scenarios, server_url)
    settings = Settings(
        time_scale=time_scale,
        duration_s=parse_duration_s(duration) if duration is not None else None,
        vus=vus,
        rate_per_s=rate,
        think_time_s=think_time,
        session_per_iteration=session_per_iteration,
        seed=seed,
    )
    options = Options(output_dir=output_dir, dashboard=dashboard, pin=pin)
    asked = [(subject, subject.scenario(name)) for subject in subjects for name in scenarios]
    codes: list[ExitCode] = []
    with watch_signals() as interruption:
        for subject, scenario in asked:
            for chosen in _wires(wire, scenario.wires):
                title = f"{scenario.name} on {subject.name}, {chosen} wire"
                with _progress(title) as tell:
                    finished = run_scenario(
                        subject, scenario, chosen, settings, options, interruption=interruption, tell=tell
                    )
                terminal.render(finished.record, _out)
                _out.print(f"Results: {_shown(finished.folder)}", highlight=False, soft_wrap=True)
                codes.append(ExitCode(finished.record.exit_code))
                if finished.record.verdict == "interrupted":
                    return most_serious(codes)
    return most_serious(codes)


def _wires(asked: Wire | None, usual: Sequence[Wire]) -> Sequence[Wire]:
    return (asked,) if asked else usual


def _shown(folder: Path) -> str:
    return os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)


@contextmanager
def _progress(title: str) -> Iterator[Tell]:
    """Yield what tells how a run goes: a moving line in a terminal, the title alone elsewhere."""
    if not _err.is_terminal:
        _err.print(title, highlight=False)
        yield lambda _what, _done: None
        return
    with _err.status(title) as status:
        yield lambda what, done: status.update(f"{title}: {what}" + ("" if done is None else f" {done:.0%}"))


@app.command
def targets() -> ExitCode:
    """List the installed targets and their scenarios."""
    installed = installed_adapters()
    if not installed:
        _out.print("No target is installed. Install a server with its extra [perf], or write a TOML file.")
    for subject in installed.values():
        _out.print(f"{subject.name}  ({subject.package})", highlight=False)
        for scenario in subject.adapter.scenarios.values():
            _out.print(f"  {scenario.name:<14} {scenario.summary}", highlight=False)
    return ExitCode.PASS


@app.command
def check(
    target: Annotated[str, Parameter(help="An installed adapter's name or a TOML file.")],
    /,
    *,
    wire: Annotated[Literal["session", "stateless"], Parameter(help="Protocol era.")] = "session",
    server_url: ServerUrl = None,
) -> ExitCode:
    """Start a target, shake hands, list its tools: everything but the load."""
    (subject,) = find_subjects([target], (), server_url)
    with (
        TemporaryDirectory(prefix="perf-core-") as folder,
        watch_signals() as interruption,
        live_server(subject, wire, Place(Path(folder) / "server.log"), interruption) as live,
    ):
        shaken = live.handshake
        _out.print(f"{shaken.server_name} {shaken.server_version} answers at {live.url}", highlight=False)
        if live.ready_s is not None:
            _out.print(f"ready after {live.ready_s:.2f} s", highlight=False)
        _out.print(f"tools: {', '.join(shaken.tools) or 'none'}", highlight=False)
    _out.print(f"generator: {k6_version(find_k6())}", highlight=False)
    return ExitCode.PASS


@app.command(name="report")
def report_(
    run_folder: Annotated[Path, Parameter(name="run", help="Folder of a run, or its record.json.")], /
) -> ExitCode:
    """Show a recorded run again and write its reports anew."""
    found = record.read(run_folder)
    terminal.render(found, _out)
    write_all(found, run_folder if run_folder.is_dir() else run_folder.parent)
    return ExitCode.PASS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors go to stderr with what to do about them."""
    try:
        return int(_dispatch(arguments))
    except LabError as error:
        _err.print(f"perf-core: {error.message}", style="red", highlight=False, markup=False, soft_wrap=True)
        if error.hint:
            _err.print(error.hint, highlight=False, markup=False, soft_wrap=True)
        return int(error.exit_code)


def _dispatch(arguments: Sequence[str] | None) -> ExitCode:
    try:
        result = app(
            list(sys.argv[1:] if arguments is None else arguments), exit_on_error=False, print_error=False
        )
    except cyclopts.CycloptsError as error:
        raise UsageError(str(error), "See perf-core --help.") from error
    return result if isinstance(result, ExitCode) else ExitCode.PASS
