"""The record of one run: everything it produced, in one file, ``record.json``.

Reports are made from the record alone. Units are in the names; times in ``series`` and ``stages``
count seconds from the start of the load.

Schema history:

* 1 — first version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from perf_core.adapter import Wire
from perf_core.errors import ResultsError

SCHEMA = 1
RECORD_NAME = "record.json"

Verdict = Literal["pass", "fail", "invalid", "interrupted"]
Outcome = Literal["met", "missed", "not judged", "invalid"]
Grade = Literal["excellent", "good", "acceptable", "poor", "not graded"]


@dataclass(frozen=True)
class Latency:
    """Distribution of one duration, in milliseconds; all zero when ``count`` is zero."""

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
        kind: ``hold`` stages carry the figures; ``ramp`` leads to them.
        vus: Virtual users at its end; None when the stage is paced by rate alone.
        rate_per_s: Arrival rate at its end for open models, else None.
        start_s: Start, in seconds from the start of the load.
        end_s: Planned end, or the moment at which the run ended early.
        calls: Tool calls that started in it.
        calls_per_s: Correct answers per second.
        error_rate: Share of calls that went wrong, 0 to 1.
        latency_ms: Latency of all tools together.
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
    """What the generator saw.

    Attributes:
        tool_calls: Tool calls made, over the whole run.
        tool_calls_per_s: Correct answers per second over the hold stages.
        error_rate: Share of tool calls that went wrong, 0 to 1, over the whole run.
        errors: Count by class (transport, http_status, jsonrpc_error, is_error, wrong_answer,
            timeout, rate_limited); only classes that occurred.
        latency_ms: By tool, over the whole run; ``all`` is every tool together. Stages have their own.
        session_creation_ms: ``initialize`` and ``notifications/initialized`` together; None on the
            stateless wire.
        journey_ms: By journey, for journeys of more than one step.
        kinds_ms: By tool (``all`` is every tool together) and then kind of journey, where journeys have one.
        kinds_error_rate: Share of tool calls that went wrong, 0 to 1, by kind of journey.
        protocol_ms: By method, for requests that call no tool (``GET /health``, ``ping``,
            ``tools/list``), where the shape measures them.
        sessions_opened: Sessions opened during the run.
        sessions_closed: Sessions deleted by the generator.
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
    """A sampled quantity over the run.

    Attributes:
        start: First sample.
        peak: Largest sample.
        end: Last sample.
        slope_per_h: Theil-Sen slope per hour over the hold stages; None when too few samples.
        slope_interval: 95 % interval of the slope, low and high; None with it.
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
    """What the server's process tree used; None in the record when it cannot be seen (a remote URL).

    Attributes:
        rss_mb: Resident memory.
        cpu_s: CPU seconds, user and system, over the load.
        cpu_us_per_call: CPU microseconds per tool call.
        fds: Open file descriptors (handles on Windows).
        threads: Threads.
        processes: Largest number of processes seen at once.
        sessions_left: Sessions that the server itself still holds open after the run, from its
            metrics endpoint; None when it does not tell.
        uptime_percent: Share of the periods in which calls were answered correctly; see
            ``measurements.uptime_percent``.
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
    """What k6 used, and whether it was the limit.

    Attributes:
        cpu_s: CPU seconds over the load.
        cpu_us_per_call: CPU microseconds per tool call.
        cores_used: Mean cores in use over the hold stages.
        cores_available: Cores that the server left to it over the same time.
        saturated: Whether it used nearly all that was available to it.
        rss_peak_mb: Largest resident memory.
        dropped_iterations: Iterations that an arrival-rate shape scheduled and could not start.
        scheduled_iterations: Iterations scheduled, dropped ones included.
        exit_code: Exit code of k6.
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
    """One target and what became of it.

    Attributes:
        figure: Name of the figure.
        comparison: ``<`` or ``>``.
        target: Level that decides.
        stretch: Further level, reported only.
        need: Whose need the target serves.
        value: The figure; None when there was none.
        samples: Samples behind the figure.
        outcome: ``met``, ``missed``, ``not judged`` (too short or too few samples) or ``invalid``.
        bound: The generator was saturated: the figure is a bound (at least so many calls per second,
            at most so much latency).
        at_least: The true value may be higher: the run ended before the limit was found, or the event
            did not come while it was watched for.
        stretch_met: Whether the stretch level was reached; None without one or without a judgement.
        reason: Why it is not judged or invalid; else empty.
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
    """A figure by the published table of grades, which decides nothing.

    Attributes:
        subject: What is graded, for people.
        figure: Name of the figure.
        comparison: ``<`` when the figure must stay below a level, ``>=`` when it must reach it.
        levels: For ``acceptable``, ``good`` and ``excellent``, in the figure's unit.
        value: The figure; None when there was none.
        grade: The best one whose level was reached; ``poor`` when none was.
        reason: Why it is not graded, or that it may be better; else empty.
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
    """One thing that the scenario found out beyond its figures, such as the knee of a stress run.

    Attributes:
        title: A few words.
        text: One or two sentences with the figures in them.
        values: The same as numbers; names carry units.
    """

    title: str
    text: str
    values: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Figures over time, as columns of equal length; None where nothing happened in a period.

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
        run_id: Also the name of its folder.
        scenario: What was asked for.
        target: Name of the measured server.
        wire: Protocol era.
        started_at: Start of the load, ISO 8601 in UTC.
        duration_s: Length of the load.
        verdict: ``pass``, ``fail``, ``invalid`` or ``interrupted``.
        reasons: Why it is not ``pass``, one sentence each; for ``pass``, remarks.
        exit_code: What ``perf-core`` returns for this run alone.
        metrics: None when the generator produced nothing.
        manifest: Machine, versions, commit and settings.
        grades: Beside the targets, by a table that is the same for every server.
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


@dataclass(frozen=True)
class _Header:
    schema: int


_ADAPTER: TypeAdapter[RunRecord] = TypeAdapter(RunRecord)
_HEADER: TypeAdapter[_Header] = TypeAdapter(_Header)


def to_json(record: RunRecord) -> str:
    """Return the record as indented JSON text, the series on one line.

    Raises:
        ValueError: A number in it is not finite: JSON has none such.
    """
    document = {"schema": record.schema, **{k: v for k, v in asdict(record).items() if k != "schema"}}
    series = document.pop("series")
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    columns = json.dumps(series, separators=(",", ":"), allow_nan=False)
    return f'{text[:-2]},\n "series": {columns}\n}}\n'


def from_json(text: str | bytes, source: str = RECORD_NAME) -> RunRecord:
    """Return the record in ``text``.

    Raises:
        ResultsError: It is not a record of this schema; names the field, what came and what was expected.
    """
    try:
        schema = _HEADER.validate_json(text).schema
        if schema != SCHEMA:
            raise ResultsError(
                f"{source} is a record of schema {schema}; this perf-core reads schema {SCHEMA}",
                "Read it with the version of perf-core that wrote it, or measure again.",
            )
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors()[:5]))
        raise ResultsError(
            f"{source} is not a record of schema {SCHEMA}: {problems}",
            "Records are written by `perf-core run`; give the folder of a run or its record.json.",
        ) from error


def _problem(error: ErrorDetails) -> str:
    field = ".".join(map(str, error["loc"])) or "document"
    came = repr(error["input"])
    return f"{field}: {error['msg']}; {came if len(came) <= 60 else came[:57] + '...'} came"


def write(record: RunRecord, folder: Path) -> Path:
    """Write ``record.json`` into ``folder``, whole or not at all.

    Raises:
        ResultsError: The folder cannot be written, or the record is no JSON.
    """
    path = folder / RECORD_NAME
    partial = path.with_suffix(".json.partial")
    try:
        # A server or a command line may bring lone surrogates, which UTF-8 cannot carry.
        partial.write_text(to_json(record), encoding="utf-8", errors="replace")
        partial.replace(path)
    except OSError as error:
        raise ResultsError(
            f"cannot write {path}: {error.strerror}", "Choose another folder with --output-dir."
        ) from error
    except ValueError as error:
        raise ResultsError(
            f"the record of {record.run_id} holds what JSON cannot carry: {error}",
            "Please report this with the run's folder.",
        ) from error
    return path


def read(path: Path) -> RunRecord:
    """Return the record at ``path``: a record.json or the folder of a run.

    Raises:
        ResultsError: There is none, or it is malformed.
    """
    file = path / RECORD_NAME if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ResultsError(
            f"cannot read {file}: {error.strerror}", "Give the folder of a run or its record.json."
        ) from error
    return from_json(content, str(file))
