"""``perf-core sessions``: what a session costs a server, and what becomes of sessions that clients leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.cli import servers
from perf_core.cli.console import out, print_plain, print_results_folder, progress
from perf_core.cli.options import ACCESS, AccessOptions, AnyWire, Command, Env, ServerNames, ServerUrl, Shared
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.load.plan import parse_duration_s
from perf_core.report import documents
from perf_core.results.folder import expect_writable
from perf_core.results.session_costs import SESSION_COSTS
from perf_core.runs.session_cost.measure import SessionOptions, measure_sessions
from perf_core.server.subject import Subject

_SHORTEST_S = 10.0


def sessions(
    server: ServerNames = None,
    /,
    *,
    target: Annotated[
        list[str] | None,
        Parameter(name="--target", negative="", help="The same, or the target that a URL belongs to."),
    ] = None,
    wire: AnyWire = None,
    max_sessions: Annotated[
        int, Parameter(help="Most sessions that are left open at one time, and most repetitions of all else.")
    ] = 2000,
    max_streams: Annotated[int, Parameter(help="Most GET streams that are held; 0 for none.")] = 256,
    time_limit: Annotated[str, Parameter(help="Time for everything, such as 150s or 5m.")] = "150s",
    expires_after: Annotated[
        str | None,
        Parameter(help="Time after which the server ends idle sessions, if you know it, such as 60s."),
    ] = None,
    server_url: ServerUrl = None,
    shared: Shared = False,
    env: Env = (),
    access: AccessOptions = ACCESS,
    output_dir: Annotated[Path, Parameter(help="Folder that gets one folder per result.")] = Path("results"),
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")] = False,
    command: Command = None,
) -> ExitCode:
    """Measure the memory of open, abandoned and deleted sessions, and find the cap on sessions.

    Sessions are opened by clients that come one after the other; all are deleted at the end. What follows --
    is a command that starts a server, over stdio unless a URL stands before it.
    """
    typed = servers.Typed(tuple(server or ()), tuple(target or ()), server_url, command, shared, env)
    subject = _one_subject(typed, access)
    options = _options(output_dir, max_sessions, max_streams, parse_duration_s(time_limit), expires_after)
    expect_writable(output_dir)
    with watch_signals() as interruption, progress(f"sessions of {subject.name}") as on_progress:
        measured = measure_sessions(
            subject, wire, options, interruption=interruption, on_progress=on_progress
        )
    if as_json:
        print_plain(json.dumps(SESSION_COSTS.members(measured.document), indent=1, ensure_ascii=False))
    else:
        documents.show(SESSION_COSTS, measured.document, out)
        print_results_folder(measured.folder)
    return ExitCode.INVALID if measured.document.interrupted else ExitCode.PASS


def _one_subject(typed: servers.Typed, access: AccessOptions) -> Subject:
    if not (typed.words or typed.targets or typed.server_url or typed.command is not None):
        raise UsageError(
            "expected a server whose sessions are measured, got none",
            "Give a URL, a TOML file, an adapter's name, or a command after --.",
        )
    subjects = servers.find(typed, (), access)
    if len(subjects) != 1:
        raise UsageError(
            f"expected one server, got {', '.join(each.name for each in subjects)}",
            "Measure them one by one.",
        )
    return subjects[0]


def _options(
    output_dir: Path, max_sessions: int, max_streams: int, time_limit_s: float, expires_after: str | None
) -> SessionOptions:
    for name, number, least in (("--max-sessions", max_sessions, 1), ("--max-streams", max_streams, 0)):
        if number < least:
            raise UsageError(f"{name}: expected {least} or more, got {number}", f"For example {name} 500.")
    if time_limit_s < _SHORTEST_S:
        raise UsageError(
            f"--time-limit: expected at least {_SHORTEST_S:g} s, got {time_limit_s:g} s", "For example 150s."
        )
    expires_after_s = None if expires_after is None else parse_duration_s(expires_after)
    return SessionOptions(output_dir, max_sessions, max_streams, time_limit_s, expires_after_s)
