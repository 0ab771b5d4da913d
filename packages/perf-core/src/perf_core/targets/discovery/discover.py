"""Calls for a server of which only the address or the command is known.

Its tools are called on the idle server with drawn arguments; each call that succeeds is repeated from other
sessions, and what was stable in its answers is expected under load.

Example::

    discovered = discover(
        subject, "session", DrawOptions(), log_path, interruption=interruption, on_progress=on_progress
    )
    discovered.subject.scenario("load")
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from perf_core.adapter import Launch, Wire
from perf_core.errors import NothingToCall, TargetError, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.server.checks import Discovery, LeftOut
from perf_core.server.client.connection import Client
from perf_core.server.credentials.masking import masked, masked_errors, secrets_in_environment
from perf_core.server.credentials.refusals import no_answer
from perf_core.server.interruptible import interruptible
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.server.subject import DerivedAdapter, Subject, closest_name
from perf_core.targets.discovery.calls import Reach, User
from perf_core.targets.discovery.explore import Explorer, Trial
from perf_core.targets.discovery.findings import DrawnCall, drawn_calls, left_out, tool_check, warnings_of
from perf_core.targets.discovery.lanes import Budget, Lanes
from perf_core.targets.discovery.mix import on_wires, scenarios_of
from perf_core.targets.discovery.repeats import Repeater
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import DrawOptions, Tool, parse_tools, refusal

__all__ = ["Discovered", "DrawOptions", "DrawnCall", "discover"]

_LONGEST_CALL_S = 15.0
_RESTARTED_S = 10.0
"""Longest time to repeat calls after a restart; calls that are not reached are judged without."""

_LISTED_TOOLS = 8
_SHORTEST_SECRET = 8
"""Shorter values of variables, such as ``true``, would be found in every other answer."""


@dataclass(frozen=True)
class Discovered:
    """Result of drawing calls for a server.

    Attributes:
        subject: The server with an adapter whose scenarios make these calls.
        discovery: How strictly answers are checked, and what is left out; the subject has it, too.
        calls: The calls, tool by tool.
    """

    subject: Subject
    discovery: Discovery
    calls: tuple[DrawnCall, ...]


def discover(
    subject: Subject,
    wire: Wire,
    options: DrawOptions,
    log_path: Path,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Discovered:
    """Draw calls for a server, try them while it is idle, and return them with their expected answers.

    A server that the lab starts is ended again afterwards.

    Args:
        log_path: File for the output of the server, if the lab starts it.

    Raises:
        NothingToCall: It has no tools, none that may be called, or none that answers a drawn call.
        UsageError: ``options.only`` names a tool that the server does not list.
        TargetError: The server does not start, answer or conform to MCP.
        Interrupted: The user asked to stop.
    """
    on_progress(f"starting {subject.name} to draw calls", None)
    began = time.monotonic()
    start = StartOptions(log_path, on_progress=on_progress)
    with (
        live_server(subject, wire, start, interruption) as live,
        masked_errors(lambda: _secrets(live, subject.adapter.launch)),
    ):
        drawing = _draw(subject, live, options, interruption=interruption, on_progress=on_progress)
    if subject.url is None and any(trial.calls for trial in drawing.trials):
        on_progress(f"starting {subject.name} again to repeat the calls", None)
        with (
            live_server(subject, wire, start, interruption) as live,
            masked_errors(lambda: _secrets(live, subject.adapter.launch)),
        ):
            _repeat_after_restart(drawing, live, interruption)
    return _discovered(subject, drawing, options, time.monotonic() - began)


@dataclass(frozen=True)
class _Drawing:
    """Everything that was found out about a server while it ran."""

    live: LiveServer
    tools: Sequence[Tool]
    refused: Sequence[LeftOut]
    trials: Sequence[Trial]
    reach: Reach
    secrets: tuple[str, ...]


def _draw(
    subject: Subject,
    live: LiveServer,
    options: DrawOptions,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> _Drawing:
    launch = subject.adapter.launch
    # What takes longer than the load would wait is no answer here either.
    longest_s = subject.pace.request_timeout_s or _LONGEST_CALL_S
    call_limit_s = min(longest_s, _LONGEST_CALL_S, options.time_limit_s / 3)
    open_limit_s = call_limit_s if subject.url else max(call_limit_s, launch.ready_timeout_s)
    reach = Reach(live.url, live.handshake.wire, live.access, call_limit_s, open_limit_s)
    seen = SeenValues()
    if subject.url is None:
        seen.add_command(launch.argv, launch.cwd or Path.cwd())
    with Lanes(reach, interruption) as lanes:
        user = lanes.first_user()
        tools, others = interruptible(lambda: _look_around(user, live.url, seen), interruption)
        callable_tools, refused = _permitted(tools, options, others)
        # The time to open sessions does not count: it says nothing about calls.
        budget = Budget(options.time_limit_s)

        def on_step() -> None:
            drawn = sum(bool(trial.calls) for trial in explorer.trials)
            share = min(1.0, budget.elapsed_s / budget.limit_s)
            on_progress(f"drawing calls: {drawn} of {len(callable_tools)} tools answered", share)

        secrets = _secrets(live, launch)
        explorer = Explorer(callable_tools, seen, options.seed, budget, on_step, secrets=secrets)
        explorer.explore(lanes)
        Repeater(explorer.trials, budget, on_step).repeat(lanes)
    return _Drawing(live, tools, refused, explorer.trials, reach, _secrets(live, launch))


def _repeat_after_restart(drawing: _Drawing, live: LiveServer, interruption: Interruption) -> None:
    """Ask once more for each call: ids, folders and times may belong to one start of the server.

    The load has a start of its own, too.
    """
    reach = replace(drawing.reach, url=live.url, wire=live.handshake.wire, access=live.access)
    with Lanes(reach, interruption, users=1) as lanes:
        lanes.first_user()
        Repeater(drawing.trials, Budget(_RESTARTED_S), _ignore_step).repeat_once(lanes)


def _ignore_step() -> None:
    """Report no progress: it takes a few seconds."""


def _discovered(subject: Subject, drawing: _Drawing, options: DrawOptions, duration_s: float) -> Discovered:
    live, launch, secrets = drawing.live, subject.adapter.launch, drawing.secrets
    order = {tool.name: number for number, tool in enumerate(drawing.tools)}
    trials = sorted(drawing.trials, key=lambda trial: order[trial.tool.name])
    drawn = {trial.tool.name: drawn_calls(trial, secrets) for trial in trials}
    checks = [tool_check(trial, calls, secrets) for trial in trials if (calls := drawn[trial.tool.name])]
    failed = [left_out(trial, secrets) for trial in trials if not drawn[trial.tool.name]]
    calls = tuple(call for of_tool in drawn.values() for call in of_tool)
    discovery = Discovery(
        options.seed,
        round(duration_s, 1),
        tuple(checks),
        tuple(sorted([*drawing.refused, *failed], key=lambda each: order[each.tool])),
        tuple(masked(warning, secrets) for warning in warnings_of(checks, calls, trials)),
    )
    if not checks:
        raise _nothing_answered(discovery)
    is_stdio = subject.url is None and launch.transport != "http"
    scenarios = on_wires(
        scenarios_of([call.step for call in calls], subject.pace), live.handshake.wire, alone=is_stdio
    )
    name = live.handshake.server_name or None
    adapter = DerivedAdapter(subject.name, name, launch, scenarios)
    return Discovered(replace(subject, adapter=adapter, discovery=discovery), discovery, calls)


def _look_around(user: User, url: str, seen: SeenValues) -> tuple[list[Tool], str]:
    """Return the tools of a server and, in words, what else it offers."""
    # In the session of a later caller: on stdio each session is a process.
    client = user.client()
    try:
        tools = parse_tools(client.tool_list())
    except httpx2.HTTPError as error:
        raise no_answer(url, error) from error
    return tools, _note_resources(client, seen)


def _note_resources(client: Client, seen: SeenValues) -> str:
    """Collect the URIs of resources, and return what else than tools the server offers, in words."""
    counts = []
    for method, member, noun in (
        ("resources/list", "resources", "resources"),
        ("resources/templates/list", "resourceTemplates", "resource templates"),
        ("prompts/list", "prompts", "prompts"),
    ):
        try:
            entries = client.listing(method, member)
        except TargetError:
            continue  # servers without them answer with an error
        except httpx2.HTTPError:
            break  # or not at all
        for entry in entries if member != "prompts" else ():
            seen.add_resource(_text(entry, "uri") or _text(entry, "uriTemplate"), _text(entry, "name"))
        if entries:
            counts.append(f"{len(entries)} {noun}")
    return " and ".join(counts)


def _text(entry: Any, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _permitted(tools: Sequence[Tool], options: DrawOptions, others: str) -> tuple[list[Tool], list[LeftOut]]:
    """Return the tools that may be called, and why the others may not."""
    names = [tool.name for tool in tools]
    if not tools:
        raise NothingToCall(
            f"expected tools to call, got a server with none{f'; it has {others}' if others else ''}",
            "Resources and prompts can be read under load from a file; see docs/adapters.md."
            if others
            else "Check that this is the right server, and that it has what it needs to offer its tools.",
        )
    for name in options.only:
        if name not in names:
            raise UsageError(
                f"--tool: expected a tool of the server, got {name!r}{closest_name(name, names)}",
                f"It has: {_listed(names)}.",
            )
    refused = [reason for tool in tools if (reason := refusal(tool, options)) is not None]
    dropped = {each.tool for each in refused}
    permitted = [tool for tool in tools if tool.name not in dropped]
    if not permitted:
        raise NothingToCall(
            f"expected a tool that may be called, got {len(tools)} that may not: {_listed(names)} "
            f"({refused[0].reason})",
            "Only tools that say readOnlyHint: true are called by themselves. --tool NAME permits one, "
            "--allow-writes all that do not say destructiveHint: true.",
            Discovery(options.seed, 0.0, left_out=tuple(refused)),
        )
    return permitted, refused


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED_TOOLS} more" if len(names) > _LISTED_TOOLS else ""
    return f"{', '.join(names[:_LISTED_TOOLS])}{more}"


def _secrets(live: LiveServer, launch: Launch) -> tuple[str, ...]:
    """Return the secrets that a server may repeat: those of its users, and those in its environment."""
    in_environment = secrets_in_environment({**os.environ, **launch.env})
    return (
        *live.access.secrets(),
        *(text for text in in_environment if len(text) >= _SHORTEST_SECRET),
    )


def _nothing_answered(discovery: Discovery) -> NothingToCall:
    tried = [each for each in discovery.left_out if each.tries] or list(discovery.left_out)
    first = tried[0]
    place = f"{first.tool}({first.arguments})" if first.arguments else first.tool
    return NothingToCall(
        "expected an answer without an error to a drawn call, got none from "
        f"{_listed([each.tool for each in tried])}; {place}: {first.reason}",
        "Call them with your own arguments: describe the server in a TOML file, see docs/adapters.md.",
        discovery,
    )
