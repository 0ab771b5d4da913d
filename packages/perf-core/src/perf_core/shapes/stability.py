"""A simulated day: did every hour of it succeed?"""

from __future__ import annotations

from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.results.record import Finding, Stage
from perf_core.shapes.concurrent import success_percent
from perf_core.shapes.memory import find_memory


def find_hours(evidence: Evidence) -> Found:
    """Return the worst hour, and success by hour."""
    hours = [stage for stage in evidence.stages if stage.kind == "hold"]
    asked = [hour for hour in hours if hour.calls]
    name = "stability.worst_hour_percent"
    if len(hours) < len(evidence.planned_stages) or not hours:
        absent = f"the day ended after {len(hours)} of {len(evidence.planned_stages)} hours"
        return Found((), {name: Figure(None, 0, 0.0, absent=absent)})
    silent = [hour for hour in hours if not hour.calls]
    if silent:
        # Work was scheduled in every hour: one in which no call ended had no server.
        figure = Figure(0.0, max(1, sum(hour.calls for hour in asked)), _length_s(hours), timed=False)
    else:
        worst = min(asked, key=success_percent)
        figure = Figure(success_percent(worst), min(h.calls for h in asked), _length_s(hours), timed=False)
    return Found((_by_hour(hours), *find_memory(evidence).findings), {name: figure})


def _length_s(hours: list[Stage]) -> float:
    return sum(hour.end_s - hour.start_s for hour in hours)


def _by_hour(hours: list[Stage]) -> Finding:
    faulty = [hour for hour in hours if not hour.calls or hour.error_rate > 0]
    calls = sum(hour.calls for hour in hours)
    told = "; ".join(f"{_clock(hour)} {_share(hour)}" for hour in faulty)
    text = f"{calls:,} calls in {len(hours)} hours"
    text += f"; not all right at: {told}." if faulty else ", and in every hour all were right."
    values: dict[str, float | str | None] = {
        f"{hour.name}_success_percent": success_percent(hour) if hour.calls else None for hour in hours
    }
    return Finding("Success by hour", text, values)


def _share(hour: Stage) -> str:
    return f"{success_percent(hour):.2f} % of {hour.calls:,}" if hour.calls else "no call"


def _clock(hour: Stage) -> str:
    return f"{hour.name.removeprefix('hour_')}:00"
