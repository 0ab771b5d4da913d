"""Tables of what the server and the load generator used."""

from __future__ import annotations

import math

from perf_core.report.table import Table, table_of
from perf_core.report.wording import MICRO, count, duration, figure_value, significant, with_unit
from perf_core.results.record import GeneratorUse, RunRecord, ServerUse, Trend

_ROUNDING_ERROR = 1e-9

SHORTEST_SLOPE_S = 120.0
"""Shortest load of which a slope is shown: in one of ten seconds, what a server takes for its first calls
looks like gigabytes in an hour."""


def server_table(record: RunRecord) -> Table | None:
    """Return the resource use of the server's process tree."""
    has_slopes = record.duration_s >= SHORTEST_SLOPE_S
    rows = _server_rows(record.server, has_slopes=has_slopes) if record.server is not None else []
    return table_of("Server", ("quantity", "value"), rows, labels=2)


def generator_table(record: RunRecord) -> Table | None:
    """Return the resource use of the load generator, and its numbers of sessions."""
    rows = _generator_rows(record.generator) if record.generator is not None else []
    metrics = record.metrics
    if metrics is not None and (metrics.sessions_opened or metrics.sessions_closed):
        sessions = f"{count(metrics.sessions_opened)} opened, {count(metrics.sessions_closed)} closed"
        rows.append(("sessions", sessions))
    return table_of("Load generator (k6)", ("quantity", "value"), rows, labels=2)


def health_table(record: RunRecord) -> Table | None:
    """Return the measurements behind the health of the measurement; missing ones are left out."""
    health = record.health
    if health is None:
        return None
    shares = {
        "server waited for a CPU": (health.server_wait_share, "of the time that it wanted one"),
        "k6 waited for a CPU": (health.generator_wait_share, "of the time that it wanted one"),
        "some task waited for a CPU": (health.cpu_pressure_share, "of the time"),
        "the host used the CPU for others": (health.steal_share, "of the CPU time"),
    }
    rows: list[tuple[str, str]] = [("state", health.state)]
    rows += [
        (name, f"{figure_value('share', share)} {whole}")
        for name, (share, whole) in shares.items()
        if share is not None and math.isfinite(share)
    ]
    if health.others_cores is not None and math.isfinite(health.others_cores):
        rows.append(("other processes used", f"{significant(health.others_cores)} cores"))
    if health.generator_gap_s is not None and math.isfinite(health.generator_gap_s):
        rows.append(("longest stop of k6", duration(health.generator_gap_s)))
    return table_of("Health of the measurement", ("quantity", "value"), rows, labels=2)


def _server_rows(server: ServerUse, *, has_slopes: bool) -> list[tuple[str, str]]:
    memory = server.rss_mb
    rows = [
        ("memory (RSS)", f"{_mb(memory.start)} at start, {_mb(memory.peak)} peak, {_mb(memory.end)} at end")
    ]
    if memory.slope_mb_per_h is not None and has_slopes:
        rows.append(("memory slope", _slope(memory.slope_mb_per_h, memory.slope_interval, "MB/h")))
    rows.append(("CPU", _cpu(server)))
    trends = {"open files": server.fds, "threads": server.threads, "sessions": server.sessions}
    for name, trend in trends.items():
        if trend is not None:
            rows.append((name, _trend(trend, has_slope=has_slopes)))
    rows.append(("processes", f"at most {count(server.processes)}"))
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
    if generator.started_vus:
        rows.append(
            ("users started meanwhile", f"{count(generator.started_vus)}, each for one dropped iteration")
        )
    rows.append(("exit code", str(generator.exit_code)))
    return rows


def _cpu(use: ServerUse | GeneratorUse) -> str:
    return f"{duration(use.cpu_s)} in total, {significant(use.cpu_us_per_call)} {MICRO}s per call"


def _trend(trend: Trend, *, has_slope: bool) -> str:
    text = f"{_level(trend.start)} at start, {_level(trend.peak)} peak, {_level(trend.end)} at end"
    if trend.slope_per_h is not None and has_slope:
        text += f", slope {_slope(trend.slope_per_h, trend.slope_interval, '/h')}"
    return text


def _slope(slope: float | None, interval: tuple[float, float] | None, unit: str) -> str:
    text = with_unit(_rate(slope), unit)
    if interval is not None:
        low, high = interval
        text += f" (95 % interval {_rate(low)} to {_rate(high)})"
    return text


def _rate(slope: float | None) -> str:
    # The slope of a constant may differ from zero by a rounding error.
    return significant(0.0 if slope is not None and abs(slope) < _ROUNDING_ERROR else slope)


def _level(number: float) -> str:
    return count(int(number)) if float(number).is_integer() else significant(number)


def _mb(number: float) -> str:
    return f"{significant(number)} MB"
