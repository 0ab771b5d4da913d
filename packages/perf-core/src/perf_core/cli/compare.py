"""``perf-core compare``: compare servers, or two recorded runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.cli import servers
from perf_core.cli.console import out, print_results_folder, progress
from perf_core.cli.options import ACCESS, DRAWING, AccessOptions, Command, DrawingOptions, Env, Shared
from perf_core.comparison.contenders import DEFAULT_SCENARIO, Side, find_contenders
from perf_core.comparison.model import CPU_BAR, EXIT_CODES, MAX_BAR, OTHER_BAR, P99_BAR, SLOWEST_BAR, Bars
from perf_core.comparison.records import compare_records
from perf_core.comparison.schedule import MOST_SERVERS
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.load.plan import parse_duration_s
from perf_core.report import comparison as comparison_report
from perf_core.report.comparison import records as record_report
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
        str,
        Parameter(
            help="Baseline: NAME, NAME@REVISION, a TOML file or a URL, each with :stateless or :session "
            "after it if its wire is another one; or a recorded run."
        ),
    ],
    b: Annotated[
        str | None, Parameter(help="What is judged, given in the same way; or the command after --.")
    ] = None,
    /,
    *further: Annotated[str, Parameter(help="Further servers, each judged against A.")],
    baseline: Annotated[
        Path | None, Parameter(help="A recorded run with which to compare a single recorded run.")
    ] = None,
    cross_machine: Annotated[
        bool, Parameter(negative="", help="Compare recorded runs even if their machines differ.")
    ] = False,
    wire: Annotated[Wire, Parameter(help="Protocol era of all.")] = "session",
    wire_b: Annotated[Wire | None, Parameter(help="Protocol era of b, to compare wires.")] = None,
    scenario: Annotated[str, Parameter(help="Scenario whose calls are made.")] = DEFAULT_SCENARIO,
    vus: Annotated[int, Parameter(name=["--vus", "--clients"], help="Virtual users.")] = Workload.vus,
    launches: Annotated[int, Parameter(help="Starts of all servers, at least two.")] = Effort.launches,
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
        bool, Parameter(help="Bind all servers to one half of the CPUs and the generator to the other.")
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
    """Compare servers in alternating slices, or two recorded runs; exit 3 when one is worse than a.

    All get the calls of the first that brings some; if all are URLs or commands, a is asked what it can do.
    Options for credentials apply to all.
    """
    words = [text for text in (a, b, *further) if text]
    if baseline is not None or any(map(_is_recorded, words)):
        return _compare_records(*_recorded_runs(words, baseline), cross_machine=cross_machine)
    targets, wires = _with_wires(words, wire, wire_b, has_command=command is not None)
    sides = _sides(targets, command, shared=shared, env=env)
    if drawing != DRAWING and any(side.has_own_calls for side in sides):
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
        progress(f"{_rivals_shown(sides[1:])} beside {_shown(sides[0])}") as on_progress,
    ):

        def with_calls(subject: Subject) -> Subject:
            discovered = with_drawn_calls(
                subject, wires[0], drawing.options(seed), interruption=interruption, on_progress=on_progress
            )
            return discovered.subject

        contenders = find_contenders(
            sides,
            wires=wires,
            scenario=scenario,
            repository=Path.cwd(),
            with_access=lambda subject: servers.with_access([subject], access)[0],
            with_calls=with_calls,
            interruption=interruption,
            on_progress=on_progress,
        )
        done = compare_servers(
            contenders.servers,
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


def _with_wires(
    words: Sequence[str], wire: Wire, wire_b: Wire | None, *, has_command: bool
) -> tuple[list[str], list[Wire]]:
    """Return the targets without their wires, and the wire of each server, that of a command last.

    Raises:
        UsageError: The second server has two wires.
    """
    targets: list[str] = []
    wires: list[Wire] = []
    for number, word in enumerate(words):
        target, colon, own = word.rpartition(":")
        is_own = bool(colon) and target != "" and own in get_args(Wire)
        if is_own and number == 1 and wire_b is not None:
            raise UsageError(
                f"--wire-b: expected a second server without a wire of its own, got {masked_word(word)!r}",
                "Leave one of them out.",
            )
        targets.append(target if is_own else word)
        usual = wire_b if number == 1 and wire_b is not None else wire
        wires.append(own if is_own else usual)  # type: ignore[arg-type] # checked above
    if has_command:
        wires.append(wire_b if len(words) == 1 and wire_b is not None else wire)
    return targets, wires


def _sides(
    targets: Sequence[str], command: tuple[str, ...] | None, *, shared: bool, env: tuple[str, ...] = ()
) -> list[Side]:
    """Return the servers as they were typed; a command is always the last one."""
    servers.expect_words(command)
    count = len(targets) + (command is not None)
    if not 2 <= count <= MOST_SERVERS:
        got = "one" if count == 1 else f"{count}"
        most = f" to {MOST_SERVERS}" if count > MOST_SERVERS else ""
        raise UsageError(
            f"expected two{most} targets or two recorded runs, got {got}",
            "Give A and B, or A and the command of B after --. See perf-core compare --help.",
        )
    if shared and command is None:
        raise UsageError("--shared: expected a command after --, got none", "It is for servers on stdio.")
    variables = servers.command_variables(env, command)
    for text in targets:
        # Names of branches may have slashes.
        if len(Path(text).parts) > 1 and not (is_url(text) or "@" in text or _exists(text)):
            raise UsageError(
                f"expected a recorded run or a server, got {masked_word(text)!r}, which does not exist",
                advice_for(text) if with_scheme(text) else "Give the folder of a run, a TOML file or a URL.",
            )
    given = [] if command is None else [Side.of_command(command, shared=shared, env=variables)]
    return [*map(Side, targets), *given]


def _rivals_shown(rivals: Sequence[Side]) -> str:
    return _shown(rivals[0]) if len(rivals) == 1 else f"{len(rivals)} servers"


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


def _recorded_runs(words: Sequence[str], baseline: Path | None) -> tuple[Path, Path]:
    """Return the two recorded runs on the command line, the earlier one first."""
    paths = [*([] if baseline is None else [baseline]), *map(Path, words)]
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
