"""``perf-core coldstart``: how long a server takes from its start to its first answers."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.analysis.cold_start import CACHES, COLD_STARTS, Cache, ColdStart
from perf_core.cli import servers
from perf_core.cli.console import out, print_plain, print_results_folder, progress
from perf_core.cli.options import (
    ACCESS,
    DRAWING,
    AccessOptions,
    AnyWire,
    Command,
    DrawingOptions,
    Env,
    Shared,
)
from perf_core.errors import ExitCode, NothingToCall, UsageError
from perf_core.interruption import Interruption, watch_signals
from perf_core.report import documents
from perf_core.results.folder import expect_writable, new_folder
from perf_core.results.secrets import masked_parts
from perf_core.runs.cold_start.measure import FEWEST_STARTS, manifest_of, measure
from perf_core.runs.cold_start.prepare import Effort, Preparation
from perf_core.server.subject import Subject, secrets_of
from perf_core.targets.bare import is_bare

CacheChoice = Literal["both", "warm", "cold"]


def coldstart(
    server: Annotated[
        list[str] | None,
        Parameter(help="An installed adapter's name, a TOML file, or the URL of a command.", negative=""),
    ] = None,
    /,
    *,
    target: Annotated[
        list[str] | None,
        Parameter(name="--target", negative="", help="The same; repeatable, to compare starts."),
    ] = None,
    starts: Annotated[int, Parameter(help="Starts of each server with each state of the cache.")] = 20,
    cache: Annotated[
        CacheChoice,
        Parameter(help="Whether the server's files are in memory before a start (warm), on disk (cold)."),
    ] = "both",
    drop_caches: Annotated[
        bool,
        Parameter(
            negative="",
            help="Before cold starts, put all files of the machine out of memory, not the server's alone; "
            "takes root, and slows down everything else.",
        ),
    ] = False,
    wire: AnyWire = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    seed: Annotated[int, Parameter(help="Seed of drawn calls.")] = 1,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")] = False,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per measurement.")] = Path(
        "results"
    ),
    command: Command = None,
) -> ExitCode:
    """Start servers again and again, and time their first answers: handshake, list of tools, a call.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it. Several
    servers take turns, and are compared with the first.
    """
    effort = _effort(starts, cache, drop_caches=drop_caches, seed=seed)
    expect_writable(output_dir)
    typed = servers.Typed(tuple(server or ()), tuple(target or ()), None, command, shared, env)
    with watch_signals() as interruption:
        startable = _startable(typed, access)
        names = [each.name for each in startable]
        subjects = [_with_calls(each, wire, drawing, effort, interruption) for each in startable]
        with (
            progress(f"starting {', '.join(names)}") as on_progress,
            TemporaryDirectory(prefix="perf-core-") as logs,
        ):
            preparation = Preparation(wire, effort, Path(logs), interruption, on_progress)
            done = measure(subjects, preparation, manifest_of(effort, _versions(subjects)))
    secrets = [secret for each in subjects for secret in secrets_of(each, each.adapter.launch)]
    done = masked_parts(done, secrets)
    folder = new_folder(output_dir, f"coldstart-{'-'.join(names)}")
    documents.save(COLD_STARTS, done, folder)
    _show(done, folder, as_json=as_json)
    return ExitCode.INVALID if interruption.requested else ExitCode.PASS


def _effort(starts: int, cache: CacheChoice, *, drop_caches: bool, seed: int) -> Effort:
    if starts < FEWEST_STARTS:
        raise UsageError(
            f"--starts: expected {FEWEST_STARTS} or more, got {starts}", "Intervals take 20 or more."
        )
    caches: tuple[Cache, ...] = CACHES if cache == "both" else (cache,)
    if drop_caches and "cold" not in caches:
        raise UsageError("--drop-caches: expected cold starts, got --cache warm", "Leave one of the two out.")
    return Effort(starts, caches, drop_caches, seed)


def _startable(typed: servers.Typed, access: AccessOptions) -> list[Subject]:
    """Return the servers.

    Raises:
        UsageError: There are none, or one runs already.
    """
    if not (typed.words or typed.targets or typed.command is not None):
        raise UsageError(
            "expected a server to start, got none",
            "Give an adapter's name, a TOML file, or a command after --.",
        )
    subjects = servers.find(typed, (), access)
    for each in subjects:
        if each.url is not None:
            raise UsageError(
                f"expected a server that the lab can start, got {each.name}, which runs already",
                "Give its command, too: perf-core coldstart URL -- COMMAND, without the URL for stdio.",
            )
    return subjects


def _with_calls(
    subject: Subject, wire: Wire | None, drawing: DrawingOptions, effort: Effort, interruption: Interruption
) -> Subject:
    """Return a server with its calls; one that has nothing to call starts all the same."""
    if not is_bare(subject):
        return subject
    try:
        return servers.draw_calls(subject, wire, drawing, seed=effort.seed, interruption=interruption).subject
    except NothingToCall:
        return subject


def _versions(subjects: list[Subject]) -> dict[str, str]:
    return {
        "perf_core": version("mcp-perf-core"),
        "python": platform.python_version(),
        **{each.name: each.package for each in subjects if each.package},
    }


def _show(done: ColdStart, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_plain(json.dumps(COLD_STARTS.members(done), indent=2, ensure_ascii=False))
        return
    documents.show(COLD_STARTS, done, out)
    print_results_folder(folder)
