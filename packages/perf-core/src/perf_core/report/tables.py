"""Tables of the reports, apart from their format.

Every string from the record passes through :func:`perf_core.report.wording.plain` here. A table without
rows is None, so that no report shows an empty heading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from perf_core.report.wording import (
    DASH,
    ERROR_CLASSES,
    MICRO,
    count,
    duration,
    figure_level,
    figure_value,
    plain,
    significant,
    trimmed,
)
from perf_core.results.record import GeneratorUse, Latency, MemoryTrend, RunRecord, ServerUse, Stage, Trend

_LATENCY_HEADINGS = ("count", "min", "avg", "med", "p90", "p95", "p99", "max")


@dataclass(frozen=True)
class Table:
    """A table of text; the first ``labels`` columns name the row, the others hold numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    note: str = ""


def result_tables(record: RunRecord) -> tuple[Table, ...]:
    """Return every table with rows, except the manifest, in the order of the reports."""
    tables = (
        grade_table(record),
        stage_table(record),
        latency_table(record),
        journey_table(record),
        kinds_table(record),
        protocol_table(record),
        error_table(record),
        server_table(record),
        generator_table(record),
    )
    return tuple(table for table in tables if table is not None)


def grade_table(record: RunRecord) -> Table | None:
    """Return the grades with their levels."""
    rows = [
        (
            plain(each.subject),
            each.grade,
            plain(each.reason),
            figure_value(each.figure, each.value, each.levels),
            *(f"{each.comparison} {figure_level(each.figure, level)}" for level in each.levels),
        )
        for each in record.grades
    ]
    headings = ("graded", "grade", "remark", "value", "acceptable", "good", "excellent")
    note = "Grades use the same levels for every server. Only targets decide the verdict."
    return _table("Grades", headings, rows, labels=3, note=note)


def latency_table(record: RunRecord) -> Table | None:
    """Return the latency of each tool, of all tools, and of session creation."""
    if record.metrics is None:
        return None
    metrics = record.metrics
    rows = [_latency_row((tool,), latency) for tool, latency in metrics.latency_ms.items() if tool != "all"]
    if "all" in metrics.latency_ms:
        rows.append(_latency_row(("all tools",), metrics.latency_ms["all"]))
    if metrics.session_creation_ms is not None:
        rows.append(_latency_row(("session creation",), metrics.session_creation_ms))
    return _table("Latency in ms", ("tool", *_LATENCY_HEADINGS), rows)


def journey_table(record: RunRecord) -> Table | None:
    """Return the duration of each journey of more than one step."""
    journeys = record.metrics.journey_ms if record.metrics else {}
    rows = [_latency_row((name,), latency) for name, latency in journeys.items()]
    return _table("Journeys in ms", ("journey", *_LATENCY_HEADINGS), rows)


def kinds_table(record: RunRecord) -> Table | None:
    """Return the latency by tool and kind of arguments."""
    kinds = record.metrics.kinds_ms if record.metrics else {}
    rows = [
        _latency_row((tool, kind), latency)
        for tool, by_kind in kinds.items()
        for kind, latency in by_kind.items()
    ]
    return _table("Latency by kind of arguments in ms", ("tool", "kind", *_LATENCY_HEADINGS), rows, labels=2)


def protocol_table(record: RunRecord) -> Table | None:
    """Return the latency of requests other than tool calls."""
    methods = record.metrics.protocol_ms if record.metrics else {}
    rows = [_latency_row((method,), latency) for method, latency in methods.items()]
    note = "Requests other than tool calls, one at a time: the cost of the protocol itself."
    return _table("Protocol overhead in ms", ("request", *_LATENCY_HEADINGS), rows, note=note)


def stage_table(record: RunRecord) -> Table | None:
    """Return load, calls and latency of each stage."""
    headings = ("stage", "load", "from", "to", "calls", "calls/s", "med", "p95", "errors")
    return _table("Stages, latency in ms", headings, [_stage_row(stage) for stage in record.stages], labels=2)


def error_table(record: RunRecord) -> Table | None:
    """Return the errors by class, the most frequent first."""
    if record.metrics is None:
        return None
    calls = record.metrics.tool_calls
    rows = [
        (
            ERROR_CLASSES.get(name, plain(name)),
            count(number),
            figure_value("error_rate", number / calls) if calls else DASH,
        )
        for name, number in sorted(record.metrics.errors.items(), key=lambda item: -item[1])
        if number
    ]
    return _table("Errors", ("class", "count", "of calls"), rows)


def server_table(record: RunRecord) -> Table | None:
    """Return the resource use of the server's process tree."""
    rows = _server_rows(record.server) if record.server is not None else []
    return _table("Server", ("quantity", "value"), rows, labels=2)


def generator_table(record: RunRecord) -> Table | None:
    """Return the resource use of the load generator, and its numbers of sessions."""
    rows = _generator_rows(record.generator) if record.generator is not None else []
    metrics = record.metrics
    if metrics is not None and (metrics.sessions_opened or metrics.sessions_closed):
        sessions = f"{count(metrics.sessions_opened)} opened, {count(metrics.sessions_closed)} closed"
        rows.append(("sessions", sessions))
    return _table("Load generator (k6)", ("quantity", "value"), rows, labels=2)


def manifest_table(record: RunRecord) -> Table | None:
    """Return the manifest as dotted names and values."""
    return _table("Manifest", ("name", "value"), _flat("", record.manifest), labels=2)


def _table(
    title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, labels: int = 1, note: str = ""
) -> Table | None:
    return Table(title, headings, tuple(rows), labels, note) if rows else None


def _latency_row(labels: tuple[str, ...], latency: Latency) -> tuple[str, ...]:
    names = tuple(plain(label) or DASH for label in labels)
    if not latency.count:
        return (*names, "0", *[DASH] * (len(_LATENCY_HEADINGS) - 1))
    statistics = [field.name for field in fields(latency) if field.name != "count"]
    return (*names, count(latency.count), *(significant(getattr(latency, name)) for name in statistics))


def _stage_row(stage: Stage) -> tuple[str, ...]:
    timed = stage.latency_ms.count > 0
    return (
        plain(stage.name),
        _stage_load(stage),
        _clock(stage.start_s),
        _clock(stage.end_s),
        count(stage.calls),
        significant(stage.calls_per_s) if stage.calls else DASH,
        significant(stage.latency_ms.med) if timed else DASH,
        significant(stage.latency_ms.p95) if timed else DASH,
        figure_value("error_rate", stage.error_rate) if stage.calls else DASH,
    )


def _stage_load(stage: Stage) -> str:
    # In a stage with an arrival rate the VUs are only an upper limit.
    if stage.rate_per_s is not None:
        load = f"{trimmed(significant(stage.rate_per_s))}/s"
    elif stage.vus is not None:
        load = f"{count(stage.vus)} VU{'' if stage.vus == 1 else 's'}"
    else:
        return DASH
    return f"to {load}" if stage.kind == "ramp" else load


def _server_rows(server: ServerUse) -> list[tuple[str, str]]:
    memory = server.rss_mb
    rows = [
        ("memory (RSS)", f"{_mb(memory.start)} at start, {_mb(memory.peak)} peak, {_mb(memory.end)} at end")
    ]
    if memory.slope_mb_per_h is not None:
        rows.append(("memory slope", _slope(memory)))
    rows += [
        ("CPU", _cpu(server)),
        ("open files", _trend(server.fds)),
        ("threads", _trend(server.threads)),
        ("processes", f"at most {count(server.processes)}"),
    ]
    if server.sessions_left is not None:
        rows.append(("sessions left open", count(server.sessions_left)))
    if server.uptime_percent is not None:
        uptime = figure_value("server.uptime_percent", server.uptime_percent)
        rows.append(("uptime", f"{uptime} of the time"))
    return rows


def _generator_rows(generator: GeneratorUse) -> list[tuple[str, str]]:
    cores = (
        f"{significant(generator.cores_used)} of {significant(generator.cores_available)} left by the server"
    )
    saturated = ", saturated: its figures are bounds" if generator.saturated else ""
    rows = [
        ("CPU", _cpu(generator)),
        ("cores in use", cores + saturated),
        ("memory (RSS)", f"{_mb(generator.rss_peak_mb)} peak"),
    ]
    if generator.dropped_iterations or generator.scheduled_iterations:
        share = ""
        if generator.scheduled_iterations:
            dropped = generator.dropped_iterations / generator.scheduled_iterations
            share = f" ({figure_value('error_rate', dropped)})"
        rows.append(
            (
                "dropped iterations",
                f"{count(generator.dropped_iterations)} of {count(generator.scheduled_iterations)}{share}",
            )
        )
    rows.append(("exit code", str(generator.exit_code)))
    return rows


def _cpu(use: ServerUse | GeneratorUse) -> str:
    return f"{duration(use.cpu_s)} in total, {significant(use.cpu_us_per_call)} {MICRO}s per call"


def _trend(trend: Trend) -> str:
    return f"{_level(trend.start)} at start, {_level(trend.peak)} peak, {_level(trend.end)} at end"


def _slope(memory: MemoryTrend) -> str:
    text = f"{significant(memory.slope_mb_per_h)} MB/h"
    if memory.slope_interval is not None:
        low, high = memory.slope_interval
        text += f" (95 % interval {significant(low)} to {significant(high)})"
    return text


def _level(number: float) -> str:
    return count(int(number)) if float(number).is_integer() else significant(number)


def _mb(number: float) -> str:
    return f"{significant(number)} MB"


def _clock(seconds: float) -> str:
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    return f"{hours}:{rest_min:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def _flat(prefix: str, value: Any) -> list[tuple[str, ...]]:
    if isinstance(value, Mapping) and value:
        return [
            row
            for key, item in value.items()
            for row in _flat(f"{prefix}.{key}" if prefix else str(key), item)
        ]
    if not prefix:
        return []
    if isinstance(value, str):
        return [(plain(prefix), plain(value))]
    return [(plain(prefix), plain(json.dumps(value, ensure_ascii=False, default=str)))]
