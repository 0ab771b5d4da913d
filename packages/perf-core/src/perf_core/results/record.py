"""The record of one run: everything that it produced, as one tree of dataclasses.

Reports are rendered from the record alone; :mod:`perf_core.results.record_file` writes it as ``record.json``.
Units are in the names; times in ``series`` and ``stages`` are seconds from the start of the load.

Schema history; records of every version can be read, and parts that they lack have their defaults:

* 1 — first version.
* 2 — every call accounted for (``accounting``, the error classes ``unanswered`` and ``session_lost``, errors
  by tool), examples of failures, silence, the health of the measurement, the phases of a request, quantiles
  of the latency, slopes of open files, threads and sessions, and the verdict ``skipped``.
* 3 — any server: how strictly answers were checked, what was left out of the load, the protocol that was
  spoken, the cost of the stdio bridge, and streams.
* 4 — the slowest calls with what the server did meanwhile, pauses of the server in the series, and what the
  tools cost a model in tokens; the profile of the server, and its own times of calls (``Server-Timing``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from perf_core.adapter import Wire
from perf_core.results.profile import Profile
from perf_core.results.slow_calls import SlowCall
from perf_core.results.token_cost import TokenCost
from perf_core.server.checks import Discovery

SCHEMA = 4

HealthState = Literal["sound", "bounded", "invalid", "unknown"]
Verdict = Literal["pass", "fail", "invalid", "interrupted", "skipped"]
Outcome = Literal["met", "missed", "not judged", "invalid"]
Grade = Literal["excellent", "good", "acceptable", "poor", "not graded"]


@dataclass(frozen=True)
class Latency:
    """Distribution of a duration, in milliseconds; all zero when ``count`` is zero.

    Attributes:
        lower_bounds: Number of samples that are only lower bounds: calls that nobody answered, counted with
            the time for which k6 waited. A percentile that falls among them is a lower bound, too.
    """

    count: int
    min: float
    avg: float
    med: float
    p90: float
    p95: float
    p99: float
    max: float
    lower_bounds: int = 0


@dataclass(frozen=True)
class Stage:
    """One stage of the load.

    Attributes:
        name: Unique within the run, such as ``hold_100`` or ``recovery_2``.
        kind: ``hold`` for stages whose figures are judged, ``ramp`` for those between them.
        vus: Virtual users at its end; None when only a rate is set.
        rate_per_s: Arrival rate at its end for open models, else None.
        end_s: Planned end, or the time at which the run ended early.
        calls: Tool calls that started in it.
        calls_per_s: Correct answers per second.
        error_rate: Share of calls that failed, 0 to 1.
        longest_silence_s: Longest time in it during which calls were offered and none was answered.
        is_silent: Whether that silence is longer than the latency of the calls explains.
    """

    name: str
    kind: str
    vus: int | None
    rate_per_s: float | None
    start_s: float
    end_s: float
    calls: int
    calls_per_s: float
    error_rate: float
    latency_ms: Latency
    longest_silence_s: float = 0.0
    is_silent: bool = False


@dataclass(frozen=True)
class Accounting:
    """Outcome of every call that began.

    Attributes:
        begun: Calls that began, as k6 counted requests and interrupted iterations.
        answered: Calls with a right answer.
        failed: Calls that failed, by class of error; includes ``timeout`` and ``unanswered``.
        cut_off: Calls in flight when the load was ended early; they are no errors of the server.
    """

    begun: int
    answered: int
    failed: int
    cut_off: int

    @property
    def missing(self) -> int:
        """Calls that are none of these; zero unless the generator lost track."""
        return self.begun - self.answered - self.failed - self.cut_off


@dataclass(frozen=True)
class Failure:
    """One failed call, kept as an example; at most three per tool and class of error.

    Attributes:
        at_s: Time of its start, in seconds from the start of the load.
        arguments: Arguments of the call, as JSON text, shortened.
        expected: Expected answer in words or as JSON text, shortened.
        received: Answer, or what happened instead, shortened.
    """

    tool: str
    error_class: str
    stage: str
    at_s: float
    arguments: str
    expected: str
    received: str


@dataclass(frozen=True)
class Metrics:
    """Measurements of the generator.

    Attributes:
        tool_calls: Tool calls made, over the whole run.
        tool_calls_per_s: Correct answers per second over the hold stages.
        error_rate: Share of tool calls that failed, 0 to 1, over the whole run.
        errors: Count by class (transport, http_status, jsonrpc_error, is_error, wrong_answer,
            timeout, rate_limited, unanswered, session_lost); only classes that occurred.
        latency_ms: Latency by tool, over the whole run; ``all`` is for all tools. Stages have their own.
        session_creation_ms: Duration of ``initialize`` plus ``notifications/initialized``; None on the
            stateless wire.
        journey_ms: Duration by journey, for journeys of more than one step.
        kinds_ms: Latency by tool (``all`` is for all tools), then by kind of journey, if journeys have kinds.
        kinds_error_rate: Share of tool calls that failed, 0 to 1, by kind of journey.
        protocol_ms: Duration by method, for requests that call no tool (``GET /health``, ``ping``,
            ``tools/list``), where the shape measures them.
        errors_by_tool: Errors by tool, then by class; only those that occurred.
        sessions_lost: Sessions that the server no longer had when they were used or deleted.
        accounting: What became of every call; None in records of schema 1.
        failures: Examples of failed calls.
        phases_ms: Parts of all requests: ``connect``, ``tls``, ``wait`` (until the first byte of the answer)
            and ``transfer``. The latency of a call is their sum.
        quantiles_ms: Quantiles of the latency of all calls: pairs of a share (0 to 1) and milliseconds.
    """

    tool_calls: int
    tool_calls_per_s: float
    error_rate: float
    errors: Mapping[str, int]
    latency_ms: Mapping[str, Latency]
    session_creation_ms: Latency | None
    journey_ms: Mapping[str, Latency] = field(default_factory=dict)
    kinds_ms: Mapping[str, Mapping[str, Latency]] = field(default_factory=dict)
    protocol_ms: Mapping[str, Latency] = field(default_factory=dict)
    sessions_opened: int = 0
    sessions_closed: int = 0
    kinds_error_rate: Mapping[str, float] = field(default_factory=dict)
    errors_by_tool: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sessions_lost: int = 0
    accounting: Accounting | None = None
    failures: tuple[Failure, ...] = ()
    phases_ms: Mapping[str, Latency] = field(default_factory=dict)
    quantiles_ms: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Trend:
    """First, largest and last sample of a quantity.

    Attributes:
        slope_per_h: Slope over the holds with its 95 % interval; None with too few samples.
    """

    start: float
    peak: float
    end: float
    slope_per_h: float | None = None
    slope_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class MemoryTrend:
    """Resident memory of the whole process tree, in MB (10^6 bytes)."""

    start: float
    peak: float
    end: float
    slope_mb_per_h: float | None = None
    slope_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class ServerUse:
    """Resource use of the server's process tree; None in the record when it is not visible (a remote URL).

    Attributes:
        cpu_s: CPU seconds, user and system, from the start of the load until its last call ended.
        fds: Open file descriptors (handles on Windows).
        processes: Largest number of processes at one time.
        sessions_left: Sessions still open after the run, according to the server's metrics endpoint; None
            when it does not report them.
        uptime_percent: Share of the periods in which calls were answered correctly; see
            ``series.uptime_percent``.
        sessions: Open sessions over the load, if the server's metrics endpoint reports them.
    """

    rss_mb: MemoryTrend
    cpu_s: float
    cpu_us_per_call: float
    fds: Trend
    threads: Trend
    processes: int
    sessions_left: int | None = None
    uptime_percent: float | None = None
    sessions: Trend | None = None


@dataclass(frozen=True)
class Stop:
    """A time in which k6 stood still, in seconds from the start of the load."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Health:
    """Health of the measurement: whether server and generator got the CPU that they wanted.

    Shares are over the stages whose figures are judged, 0 to 1; None where the system does not report them.

    Attributes:
        state: ``sound``; ``bounded`` when figures of time are bounds, since something else slowed the server
            or the generator; ``invalid`` when the load was not the planned one; ``unknown`` where
            nothing shows it.
        problems: One sentence for each problem.
        server_wait_share: Time that the server's threads waited for a CPU, as a share of the time that they
            ran or waited (run-queue wait, from schedstat).
        generator_wait_share: The same for k6.
        cpu_pressure_share: Share of the time in which some task waited for a CPU (PSI).
        steal_share: Share of the machine's CPU time that its host used for others.
        others_cores: CPU cores used by processes other than the server, k6 and the lab.
        generator_gap_s: Longest time for which k6's clock stood still, such as when it was stopped.
        stops: Times of at least 0.2 s in which k6 stood still, in order.
    """

    state: HealthState
    problems: tuple[str, ...] = ()
    server_wait_share: float | None = None
    generator_wait_share: float | None = None
    cpu_pressure_share: float | None = None
    steal_share: float | None = None
    others_cores: float | None = None
    generator_gap_s: float | None = None
    stops: tuple[Stop, ...] = ()


@dataclass(frozen=True)
class GeneratorUse:
    """Resource use of k6, and whether k6 was the bottleneck.

    Attributes:
        cpu_s: CPU seconds over the load.
        cores_used: Mean number of cores in use over the hold stages.
        cores_available: Cores that the server left unused over the same time.
        saturated: Whether it used nearly all cores available to it.
        dropped_iterations: Iterations that an arrival-rate shape scheduled but could not start.
        scheduled_iterations: Iterations scheduled, including dropped ones.
        started_vus: Virtual users that an arrival-rate shape started during the load, since all others waited
            for answers; each cost it one iteration.
    """

    cpu_s: float
    cpu_us_per_call: float
    cores_used: float
    cores_available: float
    saturated: bool
    rss_peak_mb: float
    dropped_iterations: int
    scheduled_iterations: int
    exit_code: int
    started_vus: int = 0


@dataclass(frozen=True)
class TargetResult:
    """One target and its outcome.

    Attributes:
        stretch: More ambitious level, which is only reported.
        outcome: ``met``, ``missed``, ``not judged`` (run too short or too few samples) or ``invalid``.
        bound: Whether the figure is only a bound, since the generator was saturated: the server may have
            been faster.
        at_least: Whether the true value may be higher: the run ended before the limit was reached, or
            before the event occurred.
        stretch_met: Whether the stretch level was reached; None when there is none or nothing was judged.
    """

    figure: str
    comparison: Literal["<", ">"]
    target: float
    stretch: float | None
    need: str
    value: float | None
    samples: int
    outcome: Outcome
    bound: bool = False
    at_least: bool = False
    stretch_met: bool | None = None
    reason: str = ""


@dataclass(frozen=True)
class Graded:
    """A figure's grade in the published table; grades do not affect the verdict.

    Attributes:
        comparison: ``<`` when the figure must be below a level, ``>=`` when it must reach it.
        levels: Levels for ``acceptable``, ``good`` and ``excellent``, in the figure's unit.
        grade: Best grade whose level was reached; ``poor`` when none was.
        reason: Reason for ``not graded``, or a remark that the true grade may be better; else empty.
    """

    subject: str
    figure: str
    comparison: Literal["<", ">="]
    levels: tuple[float, float, float]
    value: float | None
    grade: Grade
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """An observation beyond the figures, such as the knee of a stress run.

    Attributes:
        values: The same figures as numbers; units are in the names.
    """

    title: str
    text: str
    values: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Figures over time, as columns of equal length; None for a period without data.

    Attributes:
        period_s: Length of one period of the load columns.
        load: ``t_s``, ``vus``, ``calls_per_s``, ``errors_per_s``, ``latency_med_ms``,
            ``latency_p95_ms``, ``latency_p99_ms``, ``latency_max_ms``.
        server: ``t_s``, ``rss_mb``, ``cpu_cores``, ``fds``, ``threads``, ``processes``,
            ``generator_cpu_cores``, ``sessions``, ``gc_pause_ms_per_s``,
            ``loop_lag_ms_per_s``, and for the health ``others_cores``,
            ``cpu_pressure_share``, ``server_wait_share``, ``generator_wait_share``.
    """

    period_s: float
    load: Mapping[str, tuple[float | None, ...]]
    server: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class ToolStream:
    """Messages that a tool sends before its answer, in calls of the probe, which k6 cannot see.

    Attributes:
        messages_per_call: Mean number of messages before the answer: notifications and requests.
        progress_per_call: Mean number of progress notifications among them.
        first_ms: Time until the first message.
        gap_ms: Time between two messages, the answer included.
        answer_ms: Time until the answer is complete.
        failed: Calls without a right answer; ``problem`` tells what was wrong with the first one.
        is_idle: Whether the calls were made before the load, which was too short for others.
    """

    tool: str
    calls: int
    messages_per_call: float
    progress_per_call: float
    first_ms: Latency
    gap_ms: Latency
    answer_ms: Latency
    failed: int = 0
    problem: str = ""
    is_idle: bool = False


@dataclass(frozen=True)
class HeldStreams:
    """GET streams that the probe held, on which a server sends messages that belong to no call.

    Attributes:
        opened: Requests for a stream. Streams that ended are opened again.
        kept: Streams that were open until the end of the load.
        closed: Streams that the server ended in order.
        dropped: Streams that ended with an error of the connection.
        unanswered: Requests without a status until the end of the load.
        refused: Requests that were refused, with ``refused_status``; 405 if the server has no such streams.
        messages: Messages that arrived on them.
        shortest_s: Shortest time until a stream was closed or dropped; None if none was.
        longest_s: Longest time for which one was held.
    """

    opened: int
    kept: int
    closed: int
    dropped: int
    unanswered: int
    refused: int
    refused_status: int | None
    messages: int
    shortest_s: float | None
    longest_s: float


@dataclass(frozen=True)
class SlowReader:
    """One long answer that the probe read slowly.

    Attributes:
        is_whole: Whether the server sent it to its end.
        before_ms: Duration of another call before; None without an answer.
        meanwhile_ms: Duration of the same call while the answer was being read; None without an answer.
        held_up: Whether that call waited for the slow reader.
    """

    tool: str
    size_bytes: int
    read_s: float
    is_whole: bool
    before_ms: float | None
    meanwhile_ms: float | None
    held_up: bool


@dataclass(frozen=True)
class Streams:
    """Observations of the probe, which calls the server beside the load; its calls are not among k6's.

    Attributes:
        calls: Calls of the probe during the load.
        share_of_calls: Their number as a share of that of k6's calls. The server's CPU time per call is that
            of both.
        tools: Tools that send messages before their answers.
        held: None on a wire without such streams.
        slow_reader: None without an answer that is long enough.
        server_methods: Number of requests that the server sent during the probe's calls, by method. k6 cannot
            reply to them.
        problem: Reason for which the probe saw less than planned; empty if it did not.
    """

    calls: int
    share_of_calls: float
    tools: tuple[ToolStream, ...] = ()
    held: HeldStreams | None = None
    slow_reader: SlowReader | None = None
    server_methods: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class ServerTimes:
    """The parts of the time of a tool's calls, for a server that tells its own time in ``Server-Timing``.

    Calls of the probe, each split into three parts that sum up to ``total_ms``.

    Attributes:
        total_ms: Time of the whole call.
        client_ms: In the probe: making the request, reading and parsing the answer.
        between_ms: From the request to the head of the answer, without the server's own time: the network,
            and waiting in the server before its clock begins.
        server_ms: The server's own time.
        parts_ms: Parts that the server names, besides the total, as it states them.
        is_idle: Whether the calls were made before the load, which was too short for others.
    """

    tool: str
    calls: int
    total_ms: Latency
    client_ms: Latency
    between_ms: Latency
    server_ms: Latency
    parts_ms: Mapping[str, Latency] = field(default_factory=dict)
    is_idle: bool = False


@dataclass(frozen=True)
class BridgeUse:
    """The bridge between k6 and a server on stdio: what it used, and what passed through it during the load.

    Attributes:
        requests: Requests that it passed on.
        cpu_us_per_request: Its own CPU time per request, in microseconds.
        rss_peak_mb: Its own resident memory, in MB (10^6 bytes).
        echo_calls: Calls to a child that answers at once, before the load; zero if they failed.
        echo_p50_us: Median time of these calls, in microseconds, with the child's own.
        direct_p50_us: Median time of such calls over the child's pipes, without the bridge.
        echo_cpu_us: CPU time of the bridge for one of these calls, in microseconds.
        prepared: Processes of the server that were started and initialized before the load, for the users
            with whom it begins.
        start_p50_s: Median time from the start of such a process to its answer to ``initialize``, in seconds.
        started: Processes of the server that it started during the load.
        ended: Processes of the server that ended by themselves; ``first_end`` tells how, with the end of
            standard error.
        late_answers: Answers for which no client waited any more.
        repeated_answers: Further answers to requests that had one.
        skipped_lines: Lines on standard output that are no messages; ``first_skipped_line`` is one.
        overlong_lines: Messages beyond the limit of 64 MiB, which were not passed on.
        notifications: Notifications of the server by method.
        server_requests: Requests of the server by method, which the bridge declined or answered.
    """

    requests: int
    cpu_us_per_request: float
    rss_peak_mb: float
    echo_calls: int = 0
    echo_p50_us: float = 0.0
    direct_p50_us: float = 0.0
    echo_cpu_us: float = 0.0
    prepared: int = 0
    start_p50_s: float = 0.0
    started: int = 0
    ended: int = 0
    first_end: str = ""
    late_answers: int = 0
    repeated_answers: int = 0
    skipped_lines: int = 0
    first_skipped_line: str = ""
    overlong_lines: int = 0
    notifications: Mapping[str, int] = field(default_factory=dict)
    server_requests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """Everything that one run produced.

    Attributes:
        run_id: Name of the run's folder.
        started_at: Start of the load, ISO 8601 in UTC.
        verdict: ``skipped`` when the server lacks a wire that was measured by default only.
        reasons: Reasons for the verdict, one sentence each; for ``pass``, remarks.
        exit_code: Exit code of ``perf-core`` for this run alone.
        metrics: Measurements of the generator; None when it left none.
        grades: Grades from a table that is the same for every server.
        health: Health of the measurement; None in records of schema 1 and without figures.
        longest_silence_s: Longest time during which calls were offered and none was answered; None without
            figures.
        discovery: How the calls were drawn and their answers are checked; None for calls of an adapter or a
            file, and before schema 3.
        streams: Observations of the probe; None where there was none, and before schema 3.
        slow_calls: The slowest calls, the slowest first; empty before schema 4.
        token_cost: What the tools cost a model; None without a list of tools, and before schema 4.
        server_times: Where the time of calls went, by tool; empty for servers that do not tell.
        profile: Stacks of the server during the load; None unless that was asked for.
    """

    run_id: str
    scenario: str
    target: str
    wire: Wire
    started_at: str
    duration_s: float
    verdict: Verdict
    reasons: tuple[str, ...]
    exit_code: int
    metrics: Metrics | None
    server: ServerUse | None
    generator: GeneratorUse | None
    targets: tuple[TargetResult, ...]
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...]
    series: Series
    manifest: Mapping[str, Any]
    schema: int = SCHEMA
    grades: tuple[Graded, ...] = ()
    health: Health | None = None
    longest_silence_s: float | None = None
    discovery: Discovery | None = None
    bridge: BridgeUse | None = None
    streams: Streams | None = None
    slow_calls: tuple[SlowCall, ...] = ()
    token_cost: TokenCost | None = None
    server_times: tuple[ServerTimes, ...] = ()
    profile: Profile | None = None
