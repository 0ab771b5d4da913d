"""``perf-core check``: start a target without load."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.cli.console import out
from perf_core.cli.options import ServerUrl
from perf_core.errors import ExitCode, TargetError, UsageError
from perf_core.interruption import watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.load.plan import Settings
from perf_core.runs.questions import prepare
from perf_core.server.live import StartOptions, live_server
from perf_core.server.session_end import deleted_session_problem
from perf_core.server.subject import Subject, closest_name
from perf_core.targets.registry import find_subjects


def check(
    target: Annotated[str, Parameter(help="An installed adapter's name or a TOML file.")],
    /,
    *,
    wire: Annotated[Wire, Parameter(help="Protocol era.")] = "session",
    server_url: ServerUrl = None,
) -> ExitCode:
    """Start a target, list its tools, and check the targets and tools of its scenarios: all but the load."""
    (subject,) = find_subjects([target], (), server_url)
    with (
        TemporaryDirectory(prefix="perf-core-") as folder,
        watch_signals() as interruption,
        live_server(subject, wire, StartOptions(Path(folder) / "server.log"), interruption) as live,
    ):
        handshake = live.handshake
        out.print(
            f"{handshake.server_name} {handshake.server_version} answers at {live.url}", highlight=False
        )
        if live.ready_s is not None:
            out.print(f"ready after {live.ready_s:.2f} s", highlight=False)
        out.print(f"tools: {', '.join(handshake.tools) or 'none'}", highlight=False)
        ended = deleted_session_problem(live.url, access=live.access) if wire == "session" else ""
        if ended:
            raise TargetError(ended, "Clients rely on it to open a new session (MCP, session management).")
    out.print(f"generator: {k6_version(find_k6())}", highlight=False)
    problems = list(_scenario_problems(subject, set(handshake.tools)))
    if problems:
        raise UsageError("\n".join(problems), "perf-core figures --target TARGET lists the figures.")
    names = ", ".join(subject.adapter.scenarios)
    out.print(f"scenarios, whose targets and tools exist: {names}", highlight=False, soft_wrap=True)
    return ExitCode.PASS


def _scenario_problems(subject: Subject, tools: Collection[str]) -> Iterator[str]:
    """Yield what `perf-core run` would refuse, given the tools that the server lists."""
    for scenario in subject.adapter.scenarios.values():
        try:
            question = prepare(subject, scenario, scenario.wires[0], Settings())
        except UsageError as error:
            yield error.message
            continue
        # Started in its own way, the server may have other tools.
        for tool in sorted(set(question.plan.tools) - set(tools)) if scenario.launch is None else ():
            yield f"scenario {scenario.name}: expected the tool {tool}{closest_name(tool, tools)}"
