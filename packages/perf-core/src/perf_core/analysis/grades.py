"""Grades of a run, acceptable, good or excellent by the published table; pure functions.

A grade compares a figure with levels that are the same for every server; a target is what the users of one
server need. A figure that was not measured, or has too few samples, is not graded, and has no value then:
what two seconds show of memory, as growth in five minutes, would only mislead. Grades come from the stages
that hold a level: ramps would dilute what a server does at its highest load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from perf_core.analysis.figures import Figure, success_figure
from perf_core.analysis.k6_summary import FIGURE_KINDS
from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.results.record import Grade, Graded, Stage


@dataclass(frozen=True)
class Scale:
    """Levels of one figure.

    Attributes:
        subject: Title in reports.
        comparison: ``<`` when the figure must stay below a level, ``>=`` when it must reach it.
        levels: For ``acceptable``, ``good`` and ``excellent``, in the figure's unit.
    """

    subject: str
    figure: str
    comparison: Literal["<", ">="]
    levels: tuple[float, float, float]
    min_duration_s: float = 0.0
    min_samples: int = 1


ACCEPTABLE_SUCCESS_PERCENT = 90.0
ACCEPTABLE_P95_MS = 5000.0

SUCCESS = Scale(
    "Success rate of the holds",
    "held.success_percent",
    ">=",
    (ACCEPTABLE_SUCCESS_PERCENT, 95.0, 99.0),
    min_samples=10,
)
RESPONSE = Scale(
    "Response, p95 of the slowest hold",
    "held.worst_p95_ms",
    "<",
    (ACCEPTABLE_P95_MS, 2000.0, 1000.0),
    min_samples=200,
)
MEMORY = Scale(
    "Memory growth", "server.rss_growth_mb_per_5_min", "<", (100.0, 50.0, 10.0), min_duration_s=120
)
CLIENTS = Scale("Concurrent clients", "clients_carried", ">=", (50, 100, 200), min_samples=10)
RECOVERY = Scale("Recovery after failure", "recovery.slowest_s", "<", (60.0, 30.0, 10.0))

SCALES = (SUCCESS, RESPONSE, MEMORY, CLIENTS, RECOVERY)
"""The published table, which applies to every run."""

_NAMES: tuple[Grade, Grade, Grade] = ("acceptable", "good", "excellent")


def grade(scale: Scale, value: float) -> Grade:
    """Return the best grade whose level the value reaches, else ``poor``."""
    reached: Grade = "poor"
    for name, level in zip(_NAMES, scale.levels, strict=True):
        if value < level if scale.comparison == "<" else value >= level:
            reached = name
    return reached


def grades(figures: Mapping[str, Figure]) -> tuple[Graded, ...]:
    """Return the grades of a run, in the order of the published table.

    Response and memory of a server that answers wrongly say nothing of one that does its work: where fewer
    calls succeed than is acceptable, they have no good grades.
    """
    by_scale = {scale: _graded(scale, figures.get(scale.figure)) for scale in SCALES}
    if by_scale[SUCCESS].grade == "poor":
        for scale in (RESPONSE, MEMORY):
            by_scale[scale] = _without_work(by_scale[scale], by_scale[SUCCESS].value or 0.0)
    return tuple(by_scale.values())


def _without_work(graded: Graded, success_percent: float) -> Graded:
    """Return a grade of a server most of whose work is missing; a poor one stays."""
    if graded.grade in ("poor", "not graded"):
        return graded
    reason = f"only {success_percent:.3g} % of the calls succeeded, expected {ACCEPTABLE_SUCCESS_PERCENT:g} %"
    return replace(graded, grade="not graded", reason=reason)


def _graded(scale: Scale, figure: Figure | None) -> Graded:
    reason = _ungradable(scale, figure)
    value = figure.value if figure and not reason else None
    result: Grade = "not graded" if reason or value is None else grade(scale, value)
    if figure is not None and figure.beyond and result != "not graded":
        # The event had not happened when the run ended, so the true value is unknown and larger.
        result = "poor"
    if figure is not None and figure.at_least and result not in ("excellent", "not graded"):
        # No higher level was tried: the grade can only be too low.
        reason = "all clients that were tried were served acceptably"
        result = "not graded" if result == "poor" else result
    return Graded(scale.subject, scale.figure, scale.comparison, scale.levels, value, result, reason)


def _ungradable(scale: Scale, figure: Figure | None) -> str:
    if figure is None:
        return "not measured by this scenario"
    if figure.absent:
        return figure.absent
    if figure.value is None:
        return "no samples"
    if figure.duration_s < scale.min_duration_s:
        return f"expected at least {scale.min_duration_s:g} s of load, got {figure.duration_s:.1f} s"
    if figure.samples < scale.min_samples:
        return f"expected at least {scale.min_samples} samples, got {figure.samples}"
    return ""


def held_figures(stages: Sequence[Stage], errors: Mapping[str, int]) -> dict[str, Figure]:
    """Return the success rate over all stages that hold a level, and p95 of the slowest of them.

    A stage with a silence, or without an answer, is slower than its latency shows.

    Args:
        errors: Those of the whole run, by class.
    """
    held = [stage for stage in stages if stage.kind in FIGURE_KINDS]
    if not held:
        absent = Figure(None, 0, 0.0, absent="no level was held")
        return {"held.success_percent": absent, "held.worst_p95_ms": absent}
    length_s = sum(stage.end_s - stage.start_s for stage in held)
    calls = sum(stage.calls for stage in held)
    failed = sum(stage.calls * stage.error_rate for stage in held)
    success = success_figure(failed / calls if calls else 0.0, calls, length_s, errors)
    worst = max(held, key=lambda stage: stage.latency_ms.p95)
    latency = worst.latency_ms
    is_bound = any(s.is_silent or not s.latency_ms.count for s in held)
    p95 = Figure(
        latency.p95 if latency.count else None,
        latency.count,
        worst.end_s - worst.start_s,
        beyond=is_bound or is_lower_bound(latency, "p95"),
    )
    return {"held.success_percent": success, "held.worst_p95_ms": p95}


def clients_carried(stages: Sequence[Stage]) -> Figure:
    """Return the highest held level of virtual users at and below which every level was served acceptably.

    Only levels without an arrival rate count: there each virtual user is a client that sends call after call.
    """
    levels = sorted(
        (s for s in stages if s.kind in {"hold", "spike"} and s.rate_per_s is None),
        key=lambda stage: stage.vus or 0,
    )
    if not levels:
        return Figure(None, 0, 0.0, absent="no level of clients was held")
    carried, served_all = 0, True
    for level in levels:
        if not is_acceptable(level):
            served_all = False
            break
        carried = level.vus or 0
    shortest_s = min(level.end_s - level.start_s for level in levels)
    return Figure(carried, min(level.calls for level in levels), shortest_s, at_least=served_all)


def is_acceptable(stage: Stage) -> bool:
    """Return whether a stage is at least acceptable in success rate and response time."""
    return (
        100 * (1 - stage.error_rate) >= ACCEPTABLE_SUCCESS_PERCENT
        and stage.latency_ms.count > 0
        and not stage.is_silent
        and stage.latency_ms.p95 < ACCEPTABLE_P95_MS
    )
