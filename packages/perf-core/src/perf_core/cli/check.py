"""``perf-core check``: start a target without load, and make one call of each tool."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Journey, Wire
from perf_core.analysis.bridge_use import use_since_start
from perf_core.analysis.token_cost import token_cost
from perf_core.analysis.tokenizer import tokenizer
from perf_core.cli import servers
from perf_core.cli.console import line, print_plain, progress
from perf_core.cli.options import (
    ACCESS,
    DRAWING,
    AccessOptions,
    AnyWire,
    Command,
    DrawingOptions,
    Env,
    ServerNames,
    ServerUrl,
    Shared,
)
from perf_core.cli.tool_answers import ToolAnswer, answers, covering_journeys, not_reached
from perf_core.errors import ExitCode, LabError, NothingToCall, TargetError, UsageError
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.load.plan import Settings
from perf_core.report.bridge import remarks
from perf_core.report.token_cost import token_lines
from perf_core.results.token_cost import TokenCost
from perf_core.runs.drawn import on_offered_wire
from perf_core.runs.questions import prepare
from perf_core.server.bridge.pages import read_counts
from perf_core.server.checks import Discovery, LeftOut
from perf_core.server.client.connection import connect
from perf_core.server.client.session_end import deleted_session_problem
from perf_core.server.credentials.masking import masked, masked_url
from perf_core.server.interruptible import interruptible
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.server.subject import Subject, closest_name, secrets_of

_LONGEST_CALL_S = 30.0

GOOD, BAD = "✓", "✗"

Show = Callable[[str], None]


@dataclass
class Report:
    """Result of a check; the document that ``--json`` prints.

    Attributes:
        protocol: What was spoken: wire, revision and transport.
        tools: One answer for each tool that the target calls, and every further wrong one.
        left_out: Tools that no drawn call could be found for, and those behind a step that failed.
        not_called: Tools that the server lists and the target does not call.
        tokens: What the listed tools cost a model; see :class:`perf_core.results.token_cost.TokenCost`.
        scenarios: Names of the scenarios that can be run.
        problems: Everything that is wrong; empty if the target can be measured.
        advice: What to do about it.
    """

    name: str = ""
    version: str = ""
    url: str = ""
    protocol: dict[str, str] = field(default_factory=dict)
    ready_s: float | None = None
    tools: list[ToolAnswer] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    not_called: list[str] = field(default_factory=list)
    tokens: TokenCost | None = None
    warnings: list[str] = field(default_factory=list)
    generator: str = ""
    scenarios: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


def check(
    server: ServerNames = None,
    /,
    *,
    target: Annotated[
        list[str] | None,
        Parameter(name="--target", negative="", help="The same, or the target whose calls a URL gets."),
    ] = None,
    wire: AnyWire = None,
    server_url: ServerUrl = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    seed: Annotated[int, Parameter(help="Seed of drawn calls.")] = 1,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")] = False,
    command: Command = None,
) -> ExitCode:
    """Start a target, call each of its tools once, and check its scenarios: all but the load.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it.
    """
    typed = servers.Typed(tuple(server or ()), tuple(target or ()), server_url, command, shared, env)
    report, subject = Report(), None

    def shown(text: str) -> str:
        # Not earlier: a token may be new.
        return masked(text, secrets_of(subject, subject.adapter.launch)) if subject is not None else text

    code = ExitCode.PASS
    try:
        subject = _one_subject(typed, access)
        with watch_signals() as interruption:
            show = _silently if as_json else lambda text: line(shown(text))
            _check(subject, wire, drawing, seed, _Check(report, show, interruption))
    except LabError as error:
        if not as_json:
            raise
        report.problems += [error.message]
        report.advice += [error.hint] if error.hint else []
        code = error.exit_code
    if as_json:
        # Not through the console, which would break long lines.
        print_plain(shown(json.dumps(asdict(report), indent=2, ensure_ascii=False)))
    return code


def _one_subject(typed: servers.Typed, access: AccessOptions) -> Subject:
    if not (typed.words or typed.targets or typed.command is not None):
        raise UsageError(
            "expected a target to check, got none",
            "Give a URL, a TOML file, an adapter's name, or a command after --.",
        )
    subjects = servers.find(typed, (), access)
    if len(subjects) != 1:
        raise UsageError(
            f"expected one target, got {', '.join(each.name for each in subjects)}", "Check them one by one."
        )
    return subjects[0]


def _check(
    subject: Subject,
    wire: Wire | None,
    drawing: DrawingOptions,
    seed: int,
    check_of: _Check,
) -> None:
    """Fill in the report, and show it as it grows.

    Raises:
        LabError: The server cannot be measured; the report has all that was found out before.
    """
    report, show, interruption = check_of.report, check_of.show, check_of.interruption
    try:
        (subject,) = servers.with_calls([subject], wire, drawing, seed=seed, interruption=interruption)
    except NothingToCall as error:
        if isinstance(error.discovery, Discovery):
            report.left_out = list(error.discovery.left_out)
        # Who answers, and which tools it lists, is worth knowing all the more.
        on_offered_wire(wire, lambda each: check_of.run(subject, each, []))
        raise
    if subject.discovery is not None:
        report.left_out = list(subject.discovery.left_out)
        report.warnings = list(subject.discovery.warnings)
    journeys = covering_journeys(subject.adapter.scenarios.values())
    tools = on_offered_wire(wire, lambda each: check_of.run(subject, each, journeys))
    report.generator = k6_version(find_k6())
    show(f"generator: {report.generator}")
    wrong = list(_scenario_problems(subject, set(tools)))
    if wrong:
        raise UsageError("\n".join(wrong), "perf-core figures --target TARGET lists the figures.")
    report.scenarios = list(subject.adapter.scenarios)
    show(f"scenarios, whose targets and tools exist: {', '.join(report.scenarios)}")
    failed = list(dict.fromkeys(each.tool for each in report.tools if not each.is_right))
    if failed:
        raise TargetError(
            f"expected the right answer from every tool, got another one from {', '.join(failed)}",
            "Correct the expectation in the adapter or the file, or the server.",
        )


@dataclass(frozen=True)
class _Check:
    """A check in progress: what was found out, and how it is shown."""

    report: Report
    show: Show
    interruption: Interruption

    def run(self, subject: Subject, wire: Wire, journeys: Sequence[Journey]) -> tuple[str, ...]:
        """Start the server or connect to it, call its tools, and return the names of those that it lists.

        Without journeys the server is only introduced.
        """
        with (
            TemporaryDirectory(prefix="perf-core-") as folder,
            live_server(subject, wire, StartOptions(Path(folder) / "server.log"), self.interruption) as live,
        ):
            self._introduce(live)
            self._call(subject, live, journeys)
            # Behind a bridge they are the bridge's, and each is the start of a process.
            has_sessions = wire == "session" and bool(journeys) and live.bridge_pid is None
            find_problem = partial(deleted_session_problem, live.url, access=live.access)
            ended = interruptible(find_problem, self.interruption) if has_sessions else ""
            advice = "Clients rely on it to open a new session (MCP, session management)."
            if ended and subject.discovery is None:
                raise TargetError(ended, advice)
            if ended:
                # Its author is hardly the one who checks it, and it can be measured all the same.
                self._warn(f"{ended}. {advice}")
            self._warn_of_bridge(live)
            return live.handshake.tools

    def _warn(self, warning: str) -> None:
        self.report.warnings.append(warning)
        self.show(f"warning: {warning}")

    def _warn_of_bridge(self, live: LiveServer) -> None:
        """Warn of what only the bridge has seen, such as lines on standard output that are no messages."""
        counts = read_counts(live.url) if live.bridge_pid is not None else None
        for remark in remarks(use_since_start(counts)) if counts is not None else ():
            self._warn(remark)

    def _introduce(self, live: LiveServer) -> None:
        report, handshake = self.report, live.handshake
        report.name, report.version = handshake.server_name, handshake.server_version
        report.url, report.ready_s = masked_url(live.url), live.ready_s
        report.protocol = {
            "wire": handshake.wire,
            "revision": handshake.revision,
            "transport": live.transport,
        }
        is_on_stdio = live.transport.startswith("stdio")
        where = "on its standard input and output" if is_on_stdio else f"at {report.url}"
        self.show(" ".join(filter(None, (report.name or "a server", report.version, "answers", where))))
        self.show(f"protocol: MCP {handshake.revision}, {handshake.wire} wire")
        if live.ready_s is not None:
            self.show(f"ready after {live.ready_s:.2f} s")
        self.show(f"tools: {', '.join(handshake.tools) or 'none'}")
        report.tokens = token_cost(handshake.listed, handshake.instructions, tokenizer())
        for text in token_lines(report.tokens) if report.tokens is not None else ():
            self.show(text)

    def _call(self, subject: Subject, live: LiveServer, journeys: Sequence[Journey]) -> None:
        report = self.report
        called = {step.tool for journey in journeys for step in journey.steps}
        limits_s = [each.request_timeout_s for each in subject.adapter.scenarios.values()]
        longest_s = max(limits_s, default=_LONGEST_CALL_S)
        # On stdio a session begins with the start of a process.
        open_s = longest_s if live.ready_s is None else max(longest_s, subject.adapter.launch.ready_timeout_s)
        if journeys:
            with progress(f"making one call of each of {len(called)} tools of {subject.name}") as on_progress:

                def on_call(tool: str) -> None:
                    self.interruption.check()
                    on_progress(tool, min(1.0, len(report.tools) / max(1, len(called))))

                def call_all() -> None:
                    with connect(live.url, live.handshake.wire, open_s, access=live.access) as client:
                        client.limit_requests(longest_s)
                        for answer in answers(client, journeys, live.handshake.tools, on_call):
                            report.tools.append(answer)
                            mark = GOOD if answer.is_right else BAD
                            self.show(f"  {mark} {answer.tool}  {_time(answer.took_s)}  {answer.answer}")

                interruptible(call_all, self.interruption)
            answered = {each.tool for each in report.tools}
            unreached = not_reached(journeys, live.handshake.tools, answered)
            report.left_out += [LeftOut(tool, reason) for tool, reason in unreached.items()]
        self.show_left_out()
        left_out = {each.tool for each in report.left_out}
        report.not_called = [tool for tool in live.handshake.tools if tool not in called | left_out]
        if report.not_called:
            self.show(f"  - not called by this target: {', '.join(report.not_called)}")
        for warning in report.warnings:
            self.show(f"warning: {warning}")

    def show_left_out(self) -> None:
        """Show the tools that were not called although the target should call them, each with the reason."""
        for each in self.report.left_out:
            advice = f"; {each.advice}" if each.advice else ""
            self.show(f"  - {each.tool}  not called: {each.reason}{advice}")


def _time(took_s: float) -> str:
    return f"{took_s:.1f} s" if took_s >= 1 else f"{took_s * 1000:.3g} ms"


def _silently(_text: str) -> None:
    """Print nothing."""


def _scenario_problems(subject: Subject, tools: Collection[str]) -> Iterator[str]:
    """Yield what `perf-core run` would refuse, given the tools that the server lists."""
    for scenario in subject.adapter.scenarios.values():
        try:
            question = prepare(subject, scenario, scenario.wires[0], Settings())
        except UsageError as error:
            yield error.message
            continue
        # Started in its own way, the server may have other tools.
        for tool in sorted(set(question.plan.called_tools) - set(tools)) if scenario.launch is None else ():
            yield f"scenario {scenario.name}: expected the tool {tool}{closest_name(tool, tools)}"
