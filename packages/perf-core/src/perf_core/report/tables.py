"""Tables of the reports, apart from their format.

Every string from the record passes through :func:`perf_core.report.wording.plain` here. A table without
rows is None, so that no report shows an empty heading.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from perf_core.report.bounds import AT_LEAST, bounded
from perf_core.report.bridge import bridge_table, latency_note
from perf_core.report.discovery_tables import check_table, left_out_table
from perf_core.report.profile import profile_table
from perf_core.report.resource_tables import generator_table, server_table
from perf_core.report.server_times import server_times_table
from perf_core.report.slowest_calls import slow_call_table
from perf_core.report.streams import held_table, stream_table
from perf_core.report.table import Table, table_of
from perf_core.report.token_cost import token_table
from perf_core.report.wording import (
    DASH,
    count,
    error_class,
    figure_level,
    figure_value,
    plain,
    significant,
    trimmed,
)
from perf_core.results.record import Latency, Metrics, RunRecord, Stage

_STATISTICS = ("min", "avg", "med", "p90", "p95", "p99", "max")
_LATENCY_HEADINGS = ("count", *_STATISTICS)
_WORTH_A_COLUMN_S = 0.5


def result_tables(record: RunRecord) -> tuple[Table, ...]:
    """Return every table with rows, except the manifest, in the order of the reports."""
    tables = (
        grade_table(record),
        stage_table(record),
        latency_table(record),
        journey_table(record),
        kinds_table(record),
        protocol_table(record),
        phase_table(record),
        server_times_table(record),
        profile_table(record),
        slow_call_table(record),
        error_table(record),
        tool_error_table(record),
        check_table(record),
        left_out_table(record),
        token_table(record),
        stream_table(record),
        held_table(record),
        server_table(record),
        bridge_table(record),
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
    note = (
        "Grades use the same levels for every server. Only targets decide the verdict. Holds are the stages "
        "that keep a level; the figures at the top of a report are of the whole load."
    )
    return table_of("Grades", headings, rows, labels=3, note=note)


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
    note = " ".join(filter(None, (_bound_note(metrics), latency_note(record.bridge))))
    return table_of("Latency in ms", ("tool", *_LATENCY_HEADINGS), rows, note=note)


def _bound_note(metrics: Metrics) -> str:
    unanswered = metrics.latency_ms["all"].lower_bounds if "all" in metrics.latency_ms else 0
    if not unanswered:
        return ""
    calls = "1 call" if unanswered == 1 else f"{count(unanswered)} calls"
    return f"{AT_LEAST} marks lower bounds: {calls} without an answer, counted with the time waited."


def journey_table(record: RunRecord) -> Table | None:
    """Return the duration of each journey of more than one step."""
    journeys = record.metrics.journey_ms if record.metrics else {}
    rows = [_latency_row((name,), latency) for name, latency in journeys.items()]
    return table_of("Journeys in ms", ("journey", *_LATENCY_HEADINGS), rows)


def kinds_table(record: RunRecord) -> Table | None:
    """Return the latency by tool and kind of arguments."""
    kinds = record.metrics.kinds_ms if record.metrics else {}
    rows = [
        _latency_row((tool, kind), latency)
        for tool, by_kind in kinds.items()
        for kind, latency in by_kind.items()
    ]
    note = _bound_note(record.metrics) if record.metrics else ""
    headings = ("tool", "kind", *_LATENCY_HEADINGS)
    return table_of("Latency by kind of arguments in ms", headings, rows, labels=2, note=note)


def protocol_table(record: RunRecord) -> Table | None:
    """Return the latency of requests other than tool calls."""
    methods = record.metrics.protocol_ms if record.metrics else {}
    rows = [_latency_row((method,), latency) for method, latency in methods.items()]
    note = "Requests other than tool calls, one at a time: the cost of the protocol itself."
    return table_of("Protocol overhead in ms", ("request", *_LATENCY_HEADINGS), rows, note=note)


def phase_table(record: RunRecord) -> Table | None:
    """Return the parts of a request beside the whole of a call."""
    phases = record.metrics.phases_ms if record.metrics else {}
    if record.metrics is None or not any(phase.count for phase in phases.values()):
        return None
    total_ms = sum(phase.avg for phase in phases.values())
    rows = [
        (*_latency_row((name,), phase), figure_value("share", phase.avg / total_ms) if total_ms else DASH)
        for name, phase in phases.items()
    ]
    whole = record.metrics.latency_ms.get("all")
    note = (
        "Parts of every request, not only of tool calls; wait ends with the first byte of the answer. "
        "Averages of parts can be added, percentiles cannot."
    )
    if whole is not None:
        rows.append((*_latency_row(("whole call",), whole), DASH))
        if whole.lower_bounds:
            note += " Calls without an answer count with the time waited, in wait or in transfer."
    headings = ("part", *_LATENCY_HEADINGS, "share")
    return table_of("Parts of a request in ms", headings, rows, note=note, minor=("min", "p90"))


def stage_table(record: RunRecord) -> Table | None:
    """Return load, calls, latency and silence of each stage."""
    silence = any(stage.is_silent or stage.longest_silence_s > _WORTH_A_COLUMN_S for stage in record.stages)
    headings = ("stage", "load", "from", "to", "calls", "calls/s", "med", "p95", "p99", "max", "errors")
    rows = [(*_stage_row(stage), *([_stage_silence(stage)] if silence else [])) for stage in record.stages]
    return table_of(
        "Stages, latency in ms",
        (*headings, *(("silence",) if silence else ())),
        rows,
        labels=2,
        minor=("from", "to"),
    )


def error_table(record: RunRecord) -> Table | None:
    """Return the errors by class, the most frequent first."""
    if record.metrics is None:
        return None
    calls = record.metrics.tool_calls
    rows = [
        (
            error_class(name),
            count(number),
            figure_value("error_rate", number / calls) if calls else DASH,
        )
        for name, number in _most_frequent_first(record.metrics)
    ]
    return table_of("Errors", ("class", "count", "of calls"), rows)


def tool_error_table(record: RunRecord) -> Table | None:
    """Return the errors of each tool by class; None in records that do not have them."""
    by_tool = record.metrics.errors_by_tool if record.metrics else {}
    totals: Counter[str] = Counter()
    for errors in by_tool.values():
        totals.update(errors)
    classes = [name for name, number in totals.most_common() if number]
    rows = [
        (
            plain(tool) or DASH,
            *(count(errors[name]) if errors.get(name) else DASH for name in classes),
            count(sum(errors.values())),
        )
        for tool, errors in sorted(by_tool.items(), key=lambda item: -sum(item[1].values()))
        if any(errors.values())
    ]
    return table_of("Errors by tool", ("tool", *(plain(name) for name in classes), "all"), rows)


def _most_frequent_first(metrics: Metrics) -> list[tuple[str, int]]:
    return sorted(((name, n) for name, n in metrics.errors.items() if n), key=lambda item: -item[1])


def manifest_table(record: RunRecord) -> Table | None:
    """Return the manifest as dotted names and values."""
    return flat_table("Manifest", record.manifest)


def flat_table(title: str, values: Mapping[str, object]) -> Table | None:
    """Return nested values as dotted names and values; None if there are none."""
    return table_of(title, ("name", "value"), _flat("", values), labels=2)


def _latency_row(labels: tuple[str, ...], latency: Latency) -> tuple[str, ...]:
    names = tuple(plain(label) or DASH for label in labels)
    if not latency.count:
        return (*names, "0", *[DASH] * len(_STATISTICS))
    return (*names, count(latency.count), *(bounded(latency, name) for name in _STATISTICS))


def _stage_row(stage: Stage) -> tuple[str, ...]:
    timed = stage.latency_ms.count > 0
    return (
        plain(stage.name),
        _stage_load(stage),
        _clock(stage.start_s),
        _clock(stage.end_s),
        count(stage.calls),
        significant(stage.calls_per_s) if stage.calls else DASH,
        *(bounded(stage.latency_ms, name) if timed else DASH for name in ("med", "p95", "p99", "max")),
        figure_value("error_rate", stage.error_rate) if stage.calls else DASH,
    )


def _stage_silence(stage: Stage) -> str:
    return f"{stage.longest_silence_s:,.2f} s"


def _stage_load(stage: Stage) -> str:
    # In a stage with an arrival rate the VUs are only an upper limit.
    if stage.rate_per_s is not None:
        load = f"{trimmed(significant(stage.rate_per_s))}/s"
    elif stage.vus is not None:
        load = f"{count(stage.vus)} VU{'' if stage.vus == 1 else 's'}"
    else:
        return DASH
    return f"to {load}" if stage.kind == "ramp" else load


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
