"""The report in Prometheus' text format (0.0.4), for a push gateway or a textfile collector.

One run is one snapshot, so every metric is a gauge or a summary. Units are Prometheus' base units: seconds,
bytes, ratios. A figure that the run did not produce has no sample.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from perf_core.report.wording import plain
from perf_core.results.record import (
    Accounting,
    GeneratorUse,
    Health,
    Latency,
    Metrics,
    RunRecord,
    ServerUse,
    Stage,
    TargetResult,
)
from perf_core.results.slow_calls import SlowCall
from perf_core.results.token_cost import TokenCost

_QUANTILES = (("0", "min"), ("0.5", "med"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"), ("1", "max"))
_VERDICTS = ("pass", "fail", "invalid", "interrupted", "skipped")
_OUTCOMES = ("met", "missed", "not judged", "invalid")
_GRADES = ("excellent", "good", "acceptable", "poor", "not graded")
_HEALTH_STATES = ("sound", "bounded", "invalid", "unknown")
_SILENCE = "Longest time in which calls were offered and none was answered."
_MB = 1e6
_SECONDS_PER_HOUR = 3600.0


@dataclass
class _Exposition:
    """Families of samples, in the order of their first sample.

    No series may have two samples: a second target for the same figure gets the label ``number``.
    """

    labels: Mapping[str, str]
    families: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def gauge(self, name: str, meaning: str, value: float | None, **labels: str) -> None:
        if value is None or not math.isfinite(value):
            return
        self._family(name, meaning, "gauge").append(self._sample(name, value, labels))

    def summary(self, name: str, meaning: str, latency: Latency | None, **labels: str) -> None:
        if latency is None or not latency.count:
            return
        lines = self._family(name, meaning, "summary")
        for quantile, statistic in _QUANTILES:
            seconds = getattr(latency, statistic) / 1000
            if math.isfinite(seconds):
                lines.append(self._sample(name, seconds, {**labels, "quantile": quantile}))
        total_s = latency.avg * latency.count / 1000
        if math.isfinite(total_s):
            lines.append(self._sample(f"{name}_sum", total_s, labels))
        lines.append(self._sample(f"{name}_count", latency.count, labels))

    def text(self) -> str:
        return "".join(f"{line}\n" for lines in self.families.values() for line in lines)

    def _family(self, name: str, meaning: str, kind: str) -> list[str]:
        return self.families.setdefault(name, [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"])

    def _sample(self, name: str, value: float, labels: Mapping[str, str]) -> str:
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in {**self.labels, **labels}.items())
        series = f"{name}{{{pairs}}}"
        self.counts[series] += 1
        if self.counts[series] > 1:
            series = f'{name}{{{pairs},number="{self.counts[series]}"}}'
        return f"{series} {float(value)!r}"


def render(record: RunRecord) -> str:
    """Return the record as Prometheus text, each sample labelled with scenario, target and wire."""
    out = _Exposition({"scenario": record.scenario, "target": record.target, "wire": record.wire})
    _run(record, out)
    if record.health is not None:
        _health(record.health, out)
    if record.metrics is not None:
        _metrics(record.metrics, out)
    for stage in record.stages:
        _stage(stage, out)
    if record.server is not None:
        _server(record.server, out)
    if record.generator is not None:
        _generator(record.generator, out)
    if record.token_cost is not None:
        _token_cost(record.token_cost, out)
    for rank, call in enumerate(record.slow_calls, start=1):
        _slow_call(call, rank, out)
    for target in record.targets:
        _target(target, out)
    for graded in record.grades:
        for grade in _GRADES:
            is_it = float(graded.grade == grade)
            meaning = "1 for the grade of the figure, 0 for the others."
            out.gauge("mcp_perf_grade", meaning, is_it, figure=graded.figure, grade=grade)
    return out.text()


def _run(record: RunRecord, out: _Exposition) -> None:
    for verdict in _VERDICTS:
        is_it = float(record.verdict == verdict)
        out.gauge(
            "mcp_perf_run_verdict", "1 for the verdict of the run, 0 for the others.", is_it, verdict=verdict
        )
    out.gauge("mcp_perf_run_duration_seconds", "Length of the load.", record.duration_s)
    out.gauge("mcp_perf_longest_silence_seconds", _SILENCE, record.longest_silence_s)
    try:
        started_s = datetime.fromisoformat(record.started_at).timestamp()
    except ValueError:
        return
    out.gauge("mcp_perf_run_start_timestamp_seconds", "Start of the load, Unix time.", started_s)


def _health(health: Health, out: _Exposition) -> None:
    for state in _HEALTH_STATES:
        meaning = "1 for the health of the measurement, 0 for the others."
        out.gauge("mcp_perf_health", meaning, float(health.state == state), state=state)
    name, meaning = "mcp_perf_cpu_wait_ratio", "Share of their wanted time that threads waited for a CPU."
    out.gauge(name, meaning, health.server_wait_share, process="server")
    out.gauge(name, meaning, health.generator_wait_share, process="generator")
    name = "mcp_perf_machine_cpu_pressure_ratio"
    out.gauge(name, "Share of the time in which some task waited for a CPU.", health.cpu_pressure_share)
    name = "mcp_perf_machine_cpu_steal_ratio"
    out.gauge(name, "Share of the CPU time that the host used for others.", health.steal_share)
    name = "mcp_perf_machine_other_cores"
    out.gauge(name, "Cores that processes other than server and k6 used.", health.others_cores)
    name = "mcp_perf_generator_longest_gap_seconds"
    out.gauge(name, "Longest time for which k6 stood still.", health.generator_gap_s)


def _metrics(metrics: Metrics, out: _Exposition) -> None:
    out.gauge("mcp_perf_tool_calls", "Tool calls made in the run.", metrics.tool_calls)
    per_s = "Correct answers per second over the hold stages."
    out.gauge(
        "mcp_perf_tool_calls_per_second", per_s, metrics.tool_calls_per_s if metrics.tool_calls else None
    )
    share = "Share of tool calls that failed, 0 to 1."
    out.gauge("mcp_perf_error_ratio", share, metrics.error_rate if metrics.tool_calls else None)
    for error_class, number in metrics.errors.items():
        # `class` is a keyword of Python, so it cannot be written as a keyword argument.
        out.gauge("mcp_perf_errors", "Errors by class.", number, **{"class": error_class})
    for tool, errors in metrics.errors_by_tool.items():
        for error_class, number in errors.items():
            out.gauge(
                "mcp_perf_tool_errors",
                "Errors by tool and class.",
                number,
                tool=tool,
                **{"class": error_class},
            )
    if metrics.accounting is not None:
        _accounting(metrics.accounting, out)
    for phase, latency in metrics.phases_ms.items():
        out.summary("mcp_perf_request_phase_seconds", "Parts of all requests.", latency, phase=phase)
    for tool, latency in metrics.latency_ms.items():
        if tool != "all":
            name = "mcp_perf_tool_call_duration_seconds"
            out.summary(name, "Latency of tool calls by tool.", latency, tool=tool)
            meaning = "Calls without an answer among the latencies of a tool, as lower bounds."
            out.gauge("mcp_perf_lower_bound_calls", meaning, latency.lower_bounds, tool=tool)
    # A metric of its own, so that a sum over the label `tool` counts no call twice.
    name = "mcp_perf_any_tool_call_duration_seconds"
    out.summary(name, "Latency of tool calls over all tools.", metrics.latency_ms.get("all"))
    name = "mcp_perf_session_creation_duration_seconds"
    out.summary(name, "Time to open a session.", metrics.session_creation_ms)
    for journey, latency in metrics.journey_ms.items():
        out.summary("mcp_perf_journey_duration_seconds", "Duration of journeys.", latency, journey=journey)
    for tool, kinds in metrics.kinds_ms.items():
        for kind, latency in kinds.items():
            name = "mcp_perf_kind_duration_seconds"
            out.summary(name, "Latency of tool calls by kind of arguments.", latency, tool=tool, kind=kind)
    for method, latency in metrics.protocol_ms.items():
        name = "mcp_perf_protocol_duration_seconds"
        out.summary(name, "Latency of requests other than tool calls.", latency, method=method)
    out.gauge("mcp_perf_sessions_opened", "Sessions opened by the generator.", metrics.sessions_opened)
    out.gauge("mcp_perf_sessions_closed", "Sessions deleted by the generator.", metrics.sessions_closed)


def _accounting(accounting: Accounting, out: _Exposition) -> None:
    out.gauge("mcp_perf_calls_begun", "Tool calls that began.", accounting.begun)
    for outcome in ("answered", "failed", "cut_off", "missing"):
        meaning = "Tool calls that began, by what became of them."
        out.gauge("mcp_perf_calls_ended", meaning, getattr(accounting, outcome), outcome=outcome)


def _stage(stage: Stage, out: _Exposition) -> None:
    out.gauge("mcp_perf_stage_vus", "Virtual users at the end of the stage.", stage.vus, stage=stage.name)
    out.gauge("mcp_perf_stage_tool_calls", "Tool calls made in the stage.", stage.calls, stage=stage.name)
    if stage.calls:
        name = "mcp_perf_stage_tool_calls_per_second"
        out.gauge(name, "Correct answers per second in the stage.", stage.calls_per_s, stage=stage.name)
        share = "Share of the stage's calls that failed, 0 to 1."
        out.gauge("mcp_perf_stage_error_ratio", share, stage.error_rate, stage=stage.name)
    name = "mcp_perf_stage_longest_silence_seconds"
    out.gauge(name, _SILENCE, stage.longest_silence_s, stage=stage.name)
    meaning = "1 when the latency of the calls does not explain the silence of the stage, else 0."
    out.gauge("mcp_perf_stage_silent", meaning, float(stage.is_silent), stage=stage.name)
    name = "mcp_perf_stage_call_duration_seconds"
    out.summary(name, "Latency of tool calls by stage.", stage.latency_ms, stage=stage.name)


def _server(server: ServerUse, out: _Exposition) -> None:
    memory = server.rss_mb
    for at, rss_mb in (("start", memory.start), ("peak", memory.peak), ("end", memory.end)):
        name = "mcp_perf_server_resident_memory_bytes"
        out.gauge(name, "Resident memory of the server's process tree.", rss_mb * _MB, at=at)
        out.gauge("mcp_perf_server_open_fds", "Open files of the server.", getattr(server.fds, at), at=at)
        out.gauge("mcp_perf_server_threads", "Threads of the server.", getattr(server.threads, at), at=at)
        if server.sessions is not None:
            sessions = getattr(server.sessions, at)
            out.gauge("mcp_perf_server_sessions", "Open sessions on the server.", sessions, at=at)
    name = "mcp_perf_server_resident_memory_slope_bytes_per_second"
    slope_mb = memory.slope_mb_per_h
    slope = None if slope_mb is None else slope_mb * _MB
    interval = memory.slope_interval and (memory.slope_interval[0] * _MB, memory.slope_interval[1] * _MB)
    _slope(out, name, "resident memory", slope, interval)
    for quantity, trend in (
        ("open_fds", server.fds),
        ("threads", server.threads),
        ("sessions", server.sessions),
    ):
        if trend is not None:
            name = f"mcp_perf_server_{quantity}_slope_per_second"
            _slope(out, name, quantity.replace("_", " "), trend.slope_per_h, trend.slope_interval)
    out.gauge("mcp_perf_server_cpu_seconds", "CPU time of the server over the load.", server.cpu_s)
    name = "mcp_perf_server_cpu_seconds_per_call"
    out.gauge(name, "CPU time of the server per tool call.", server.cpu_us_per_call / 1e6)
    out.gauge(
        "mcp_perf_server_processes",
        "Largest number of processes of the server at one time.",
        server.processes,
    )
    out.gauge(
        "mcp_perf_server_sessions_left",
        "Sessions still open on the server after the run.",
        server.sessions_left,
    )
    uptime = None if server.uptime_percent is None else server.uptime_percent / 100
    out.gauge(
        "mcp_perf_server_uptime_ratio", "Share of the time in which the server answered, 0 to 1.", uptime
    )


def _slope(
    out: _Exposition,
    name: str,
    quantity: str,
    slope_per_h: float | None,
    interval: tuple[float, float] | None,
) -> None:
    low, high = interval or (None, None)
    for estimate, slope in (("middle", slope_per_h), ("low", low), ("high", high)):
        meaning = f"Slope of {quantity} over the hold stages, with the ends of its 95 % interval."
        out.gauge(name, meaning, None if slope is None else slope / _SECONDS_PER_HOUR, estimate=estimate)


def _generator(generator: GeneratorUse, out: _Exposition) -> None:
    out.gauge("mcp_perf_generator_cpu_seconds", "CPU time of k6 over the load.", generator.cpu_s)
    name = "mcp_perf_generator_cpu_seconds_per_call"
    out.gauge(name, "CPU time of k6 per tool call.", generator.cpu_us_per_call / 1e6)
    out.gauge("mcp_perf_generator_cores_used", "Cores that k6 used on average.", generator.cores_used)
    out.gauge("mcp_perf_generator_cores_available", "Cores left to k6.", generator.cores_available)
    out.gauge("mcp_perf_generator_saturated", "1 when k6 was the limit, else 0.", float(generator.saturated))
    name = "mcp_perf_generator_resident_memory_peak_bytes"
    out.gauge(name, "Largest resident memory of k6.", generator.rss_peak_mb * _MB)
    name = "mcp_perf_generator_dropped_iterations"
    out.gauge(name, "Scheduled iterations that could not start.", generator.dropped_iterations)
    name = "mcp_perf_generator_scheduled_iterations"
    out.gauge(name, "Scheduled iterations, including dropped ones.", generator.scheduled_iterations)


def _target(target: TargetResult, out: _Exposition) -> None:
    figure = target.figure
    for outcome in _OUTCOMES:
        is_it = float(target.outcome == outcome)
        meaning = "1 for the outcome of the target, 0 for the others."
        out.gauge("mcp_perf_target_outcome", meaning, is_it, figure=figure, outcome=outcome)
    out.gauge(
        "mcp_perf_target_value",
        "Figure of the target, in the figure's own unit.",
        target.value,
        figure=figure,
    )
    meaning = "Levels of the target, in the figure's own unit."
    out.gauge("mcp_perf_target_level", meaning, target.target, figure=figure, level="target")
    out.gauge("mcp_perf_target_level", meaning, target.stretch, figure=figure, level="stretch")


def _token_cost(cost: TokenCost, out: _Exposition) -> None:
    meaning = "Tokens that the tools cost a model in each request."
    estimate = "1 when tokens were estimated from bytes, 0 when a tokenizer counted them."
    out.gauge("mcp_perf_tool_list_tokens", meaning, cost.tokens, tokenizer=cost.tokenizer)
    out.gauge("mcp_perf_tool_list_tokens_estimated", estimate, float(cost.is_estimate))
    out.gauge("mcp_perf_instructions_tokens", "Tokens of the server's instructions.", cost.instructions)
    for each in cost.tools:
        meaning = "Tokens of a tool's definition."
        out.gauge("mcp_perf_tool_definition_tokens", meaning, each.tokens, tool=each.tool)


def _slow_call(call: SlowCall, rank: int, out: _Exposition) -> None:
    meaning = "Duration of the slowest calls, the slowest first."
    out.gauge("mcp_perf_slow_call_seconds", meaning, call.duration_s, rank=str(rank), tool=call.tool)
    meaning = "Start of the slowest calls, in seconds from the start of the load."
    out.gauge("mcp_perf_slow_call_start_seconds", meaning, call.at_s, rank=str(rank), tool=call.tool)


def _escape(text: str) -> str:
    return plain(text).replace("\\", r"\\").replace('"', r"\"")
