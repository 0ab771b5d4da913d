"""The shape ``stability``: a simulated day, and the success rate of every hour."""

from __future__ import annotations

from dataclasses import replace

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding, Stage
from perf_core.shapes import memory
from perf_core.shapes.concurrent import level_figure, success_percent
from perf_core.shapes.shape import NO_LEAKS_IN_MINUTES, Shape


def find(evidence: Evidence) -> ShapeFindings:
    """Return the success rate by hour, and that of the worst hour."""
    hours = [stage for stage in evidence.stages if stage.kind == "hold"]
    name = "stability.worst_hour_percent"
    if len(hours) < len(evidence.planned_stages) or not hours:
        absent = f"the day ended after {len(hours)} of {len(evidence.planned_stages)} hours"
        return ShapeFindings((), {name: Figure(None, 0, 0.0, absent=absent)})
    length_s = sum(hour.end_s - hour.start_s for hour in hours)
    # Work was scheduled in every hour: the server was down in an hour without a single call.
    worst = level_figure(min(hours, key=success_percent), evidence.metrics.errors)
    least = min(hour.calls for hour in hours) or max(1, sum(hour.calls for hour in hours))
    figure = replace(worst, samples=least, duration_s=length_s)
    return ShapeFindings((_hours_finding(hours), *memory.find(evidence).findings), {name: figure})


def _hours_finding(hours: list[Stage]) -> Finding:
    faulty = [hour for hour in hours if not hour.calls or hour.error_rate > 0]
    calls = sum(hour.calls for hour in hours)
    faults = "; ".join(f"{_clock(hour)} {_success(hour)}" for hour in faulty)
    text = f"{calls:,} calls in {len(hours)} hours"
    text += f"; not all right at: {faults}." if faulty else ", all right in every hour."
    values: dict[str, float | str | None] = {
        f"{hour.name}_success_percent": success_percent(hour) if hour.calls else None for hour in hours
    }
    return Finding("Success by hour", text, values)


def _success(hour: Stage) -> str:
    return f"{success_percent(hour):.2f} % of {hour.calls:,}" if hour.calls else "no call"


def _clock(hour: Stage) -> str:
    return f"{hour.name.removeprefix('hour_')}:00"


SHAPE = Shape(
    name="stability",
    summary="Does every hour of a day succeed, and does nothing leak?",
    targets=(
        Target("success_percent", ">", 99, min_samples=100, need="It is there all day."),
        Target("stability.worst_hour_percent", ">", 95, min_samples=20, need="No hour of the day is bad."),
        memory.growth_target("A day must not end in a restart."),
        *NO_LEAKS_IN_MINUTES,
    ),
    plan=PlanNeeds(arrival_rate=True),
    figures=("stability.worst_hour_percent",),
    find=find,
)
