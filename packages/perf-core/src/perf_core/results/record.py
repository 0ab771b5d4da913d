"""The record of one run: everything that it produced, as one tree of dataclasses.

Reports are rendered from the record alone; :mod:`perf_core.results.record_file` writes it as ``record.json``.
Units are in the names; times in ``series`` and ``stages`` are seconds from the start of the load.

Schema history:

* 1 — first version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from perf_core.adapter import Wire

SCHEMA = 1

Verdict = Literal["pass", "fail", "invalid", "interrupted"]
Outcome = Literal["met", "missed", "not judged", "invalid"]
Grade = Literal["excellent", "good", "acceptable", "poor", "not graded"]


@dataclass(frozen=True)
class Latency:
    """Distribution of a duration, in milliseconds; all zero when ``count`` is zero."""

    count: int
    min: float
    avg: float
    med: float
    p90: float
    p95: float
    p99: float
    max: float


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


@dataclass(frozen=True)
class Metrics:
    """Measurements of the generator.

    Attributes:
        tool_calls: Tool calls made, over the whole run.
        tool_calls_per_s: Correct answers per second over the hold stages.
        error_rate: Share of tool calls that failed, 0 to 1, over the whole run.
        errors: Count by class (transport, http_status, jsonrpc_error, is_error, wrong_answer,
            timeout, rate_limited); only classes that occurred.
        latency_ms: Latency by tool, over the whole run; ``all`` is for all tools. Stages have their own.
        session_creation_ms: Duration of ``initialize`` plus ``notifications/initialized``; None on the
            stateless wire.
        journey_ms: Duration by journey, for journeys of more than one step.
        kinds_ms: Latency by tool (``all`` is for all tools), then by kind of journey, if journeys have kinds.
        kinds_error_rate: Share of tool calls that failed, 0 to 1, by kind of journey.
        protocol_ms: Duration by method, for requests that call no tool (``GET /health``, ``ping``,
            ``tools/list``), where the shape measures them.
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


@dataclass(frozen=True)
class Trend:
    """First, largest and last sample of a quantity."""

    start: float
    peak: float
    end: float


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
        cpu_s: CPU seconds, user and system, over the load.
        fds: Open file descriptors (handles on Windows).
        processes: Largest number of processes at one time.
        sessions_left: Sessions still open after the run, according to the server's metrics endpoint; None
            when it does not report them.
        uptime_percent: Share of the periods in which calls were answered correctly; see
            ``series.uptime_percent``.
    """

    rss_mb: MemoryTrend
    cpu_s: float
    cpu_us_per_call: float
    fds: Trend
    threads: Trend
    processes: int
    sessions_left: int | None = None
    uptime_percent: float | None = None


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
            ``latency_p95_ms``, ``latency_p99_ms``.
        server: ``t_s``, ``rss_mb``, ``cpu_cores``, ``fds``, ``threads``, ``processes``,
            ``generator_cpu_cores``.
    """

    period_s: float
    load: Mapping[str, tuple[float | None, ...]]
    server: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class RunRecord:
    """Everything that one run produced.

    Attributes:
        run_id: Name of the run's folder.
        started_at: Start of the load, ISO 8601 in UTC.
        reasons: Reasons for the verdict, one sentence each; for ``pass``, remarks.
        exit_code: Exit code of ``perf-core`` for this run alone.
        metrics: Measurements of the generator; None when it left none.
        grades: Grades from a table that is the same for every server.
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
