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

from perf_core.adapter import Wire
from perf_core.comparison import model
from perf_core.comparison.contenders import DEFAULT_SCENARIO, find_entrants
from perf_core.comparison.model import COMPARISON_NAME, CPU_BAR, EXIT_CODES, OTHER_BAR, Bars
from perf_core.comparison.records import compare_records
from perf_core.errors import ExitCode, LabError, UsageError, most_serious
from perf_core.interruption import OnProgress, watch_signals
from perf_core.load.k6_process import find_k6, k6_version
from perf_core.load.plan import Settings, parse_duration_s
from perf_core.report import terminal, write_all, write_comparison
from perf_core.report.comparison import records as record_report
from perf_core.report.comparison import text as comparison_report
from perf_core.results import record
from perf_core.results.record import RECORD_NAME
from perf_core.runs.compare import Effort, Load
from perf_core.runs.compare import compare as compare_servers
from perf_core.runs.measure import Options, run_scenario
from perf_core.server.live import Place, live_server
from perf_core.targets.registry import find_subjects, installed_adapters

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
    scenarios: Annotated[
        list[str] | None, Parameter(help="Questions to ask: quick, load, stress, …", negative="")
    ] = None,
    /,
    *,
    scenario: Annotated[
        list[str] | None,
        Parameter(name="--scenario", negative="", help="A question to ask, by name; repeatable."),
    ] = None,
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
    names = [*(scenarios or ()), *(scenario or ())]
    if not names:
        raise UsageError("names of scenarios were expected, none came", "perf-core targets lists them.")
    subjects = find_subjects(target or (), names, server_url)
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
    asked = [(subject, subject.scenario(name)) for subject in subjects for name in names]
    codes: list[ExitCode] = []
    with watch_signals() as interruption:
        for subject, question in asked:
            for chosen in _wires(wire, question.wires):
                title = f"{question.name} on {subject.name}, {chosen} wire"
                with _progress(title) as tell:
                    finished = run_scenario(
                        subject, question, chosen, settings, options, interruption=interruption, tell=tell
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
def _progress(title: str) -> Iterator[OnProgress]:
    """Yield what tells how a run goes: a moving line in a terminal, the title alone elsewhere."""
    if not _err.is_terminal:
        _err.print(title, highlight=False)
        yield lambda _what, _done: None
        return
    with _err.status(title) as status:
        yield lambda what, done: status.update(f"{title}: {what}" + ("" if done is None else f" {done:.0%}"))


@app.command
def compare(
    a: Annotated[
        str,
        Parameter(help="What is compared with: NAME, NAME@REVISION, a TOML file, a URL; or a recorded run."),
    ],
    b: Annotated[str | None, Parameter(help="What is judged: the same kinds.")] = None,
    /,
    *,
    baseline: Annotated[
        Path | None, Parameter(help="A recorded run to compare the one recorded run given with.")
    ] = None,
    cross_machine: Annotated[
        bool, Parameter(negative="", help="Compare recorded runs of different machines all the same.")
    ] = False,
    wire: Annotated[Wire, Parameter(help="Protocol era of both.")] = "session",
    wire_b: Annotated[Wire | None, Parameter(help="Protocol era of b, to compare wires.")] = None,
    scenario: Annotated[str, Parameter(help="Whose calls are made.")] = DEFAULT_SCENARIO,
    vus: Annotated[int, Parameter(name=["--vus", "--clients"], help="Virtual users.")] = Load.vus,
    launches: Annotated[int, Parameter(help="Starts of both servers, at least two.")] = Effort.launches,
    pairs: Annotated[int, Parameter(help="Pairs of slices in each launch.")] = Effort.pairs,
    slice_length: Annotated[
        str, Parameter(name="--slice", help="Length of a slice, such as 1s; longer than the slowest call.")
    ] = f"{Effort.slice_s:g}s",
    until_decided: Annotated[
        bool, Parameter(negative="", help="Go on while inconclusive, to 60 pairs or the time limit.")
    ] = False,
    time_limit: Annotated[str, Parameter(help="No launch begins that would end later.")] = "10m",
    cpu_bar: Annotated[float, Parameter(help="Percent by which CPU per call may differ.")] = CPU_BAR * 100,
    bar: Annotated[float, Parameter(help="Percent by which all else may differ.")] = OTHER_BAR * 100,
    pin: Annotated[
        bool, Parameter(help="Keep both servers to one half of the CPUs, the generator to the other.")
    ] = Effort.pin,
    seed: Annotated[int, Parameter(help="Seed of everything drawn.")] = 1,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per comparison.")] = Path(
        "results"
    ),
) -> ExitCode:
    """Compare two servers in interleaved slices, or two recorded runs; exit 3 when b is worse."""
    if baseline is not None or any(_is_recorded(text) for text in (a, b) if text):
        return _compare_records(*_recorded(a, b, baseline), cross_machine=cross_machine)
    if b is None:
        raise UsageError(
            "compare takes two targets or two recorded runs; one came", "See perf-core compare --help."
        )
    effort = Effort(
        launches=launches,
        pairs=pairs,
        slice_s=parse_duration_s(slice_length),
        until_decided=until_decided,
        longest_s=parse_duration_s(time_limit),
        pin=pin,
    )
    bars = Bars(cpu=cpu_bar / 100, other=bar / 100)
    with watch_signals() as interruption, _progress(f"{b} beside {a}") as tell:
        entry = find_entrants(
            a,
            b,
            wires=(wire, wire_b or wire),
            scenario=scenario,
            repository=Path.cwd(),
            interruption=interruption,
            tell=tell,
        )
        load = Load(entry.scenario, vus=vus, seed=seed)
        finished = compare_servers(
            entry.a,
            entry.b,
            load,
            effort,
            bars=bars,
            output_dir=output_dir,
            interruption=interruption,
            tell=tell,
        )
    comparison_report.terminal(finished.comparison, _out)
    _out.print(f"Results: {_shown(finished.folder)}", highlight=False, soft_wrap=True)
    return finished.comparison.exit_code


def _is_recorded(text: str) -> bool:
    # An adapter may be called like a folder that lies here.
    path = Path(text)
    return path.suffix == ".json" or (
        path.is_dir() and (len(path.parts) > 1 or (path / RECORD_NAME).exists())
    )


def _recorded(a: str, b: str | None, baseline: Path | None) -> tuple[Path, Path]:
    """Return the two recorded runs that were meant, the earlier one first."""
    given = [*([] if baseline is None else [baseline]), *(Path(text) for text in (a, b) if text)]
    servers = [str(path) for path in given if not _is_recorded(str(path))]
    if len(given) != 2 or servers:
        what = f"; {', '.join(servers)} is none" if servers else f"; {len(given)} came"
        what = "; one came" if len(given) == 1 else what
        raise UsageError(
            f"a recorded run is compared with one other recorded run{what}",
            "perf-core compare RUN RUN, or perf-core compare RUN --baseline RUN.",
        )
    return given[0], given[1]


def _compare_records(before: Path, after: Path, *, cross_machine: bool) -> ExitCode:
    found = compare_records(record.read(before), record.read(after), cross_machine=cross_machine)
    record_report.terminal(found, _out)
    return EXIT_CODES[found.verdict]


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
    """Show a recorded run or comparison again and write its reports anew."""
    folder = run_folder if run_folder.is_dir() else run_folder.parent
    if run_folder.name == COMPARISON_NAME or (folder / COMPARISON_NAME).is_file():
        compared = model.read(run_folder)
        comparison_report.terminal(compared, _out)
        write_comparison(compared, folder)
        return ExitCode.PASS
    found = record.read(run_folder)
    terminal.render(found, _out)
    write_all(found, folder)
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
