"""The shape ``stress``: the levels that a server carries, its knee, and how it fails beyond."""

from __future__ import annotations

import numpy as np

from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.analysis.statistics import knee
from perf_core.results.record import Finding, Stage
from perf_core.shapes.shape import Shape

LEVEL_P95_MS = 500.0
LEVEL_ERROR_RATE = 0.01

_HARD_ERRORS = frozenset({"transport", "timeout", "wrong_answer", "jsonrpc_error"})
"""Errors of a server that breaks down, unlike a clear refusal."""


def find(evidence: Evidence) -> ShapeFindings:
    """Return the highest level that the server carried, the knee of its throughput, and how it failed."""
    levels = [stage for stage in evidence.stages if stage.kind == "hold"]
    if not levels:
        absent = Figure(None, 0, 0.0, absent="the run ended before the first level")
        return ShapeFindings(
            (_failure_finding(evidence, None),), {"stress.vus_carried": absent, "stress.knee_vus": absent}
        )
    # The script ends the run in the stage that failed, whose figures may still look good.
    gave_up_in = evidence.stages[-1] if evidence.aborted else None
    first_failed = next((level for level in levels if level is gave_up_in or not _is_carried(level)), None)
    carried = max(
        (level.vus or 0 for level in levels if not first_failed or level.end_s <= first_failed.start_s),
        default=0,
    )
    shortest_s = min(level.end_s - level.start_s for level in levels)
    knee_vus = _knee_vus(evidence)
    no_knee = "" if knee_vus is not None else "throughput had not levelled off, or the run was too short"
    figures = {
        "stress.vus_carried": Figure(
            carried,
            sum(level.calls for level in levels),
            shortest_s,
            at_least=first_failed is None and not evidence.aborted,
        ),
        "stress.knee_vus": Figure(knee_vus, len(evidence.load["t_s"]), shortest_s, absent=no_knee),
    }
    findings = [_carried_finding(carried, first_failed, gave_up_in)]
    if knee_vus is not None:
        findings.append(
            Finding(
                "Knee",
                f"Throughput grows up to about {knee_vus:.0f} VU{'s' * (round(knee_vus) != 1)} and hardly "
                "beyond: more users only wait longer.",
                {"knee_vus": knee_vus},
            )
        )
    findings.append(_failure_finding(evidence, first_failed))
    return ShapeFindings(tuple(findings), figures)


def _is_carried(level: Stage) -> bool:
    return (
        level.latency_ms.count > 0
        and level.latency_ms.p95 < LEVEL_P95_MS
        and level.error_rate < LEVEL_ERROR_RATE
    )


def _carried_finding(carried: int, first_failed: Stage | None, gave_up_in: Stage | None) -> Finding:
    limit = f"p95 < {LEVEL_P95_MS:.0f} ms and errors < {LEVEL_ERROR_RATE:.0%}"
    if first_failed is None and gave_up_in is not None:
        text = f"{carried} VUs held {limit}; the load ended early in {gave_up_in.name}."
    elif first_failed is None:
        text = f"Every level held {limit}, up to {carried} VUs: the limit is higher."
    else:
        highest = f"{carried} VUs is the highest level" if carried else "No level"
        text = (
            f"{highest} that held {limit}; at {first_failed.vus} VUs p95 was "
            f"{first_failed.latency_ms.p95:.0f} ms with {first_failed.error_rate:.2%} errors."
        )
    return Finding("Carried", text, {"vus_carried": carried})


def _knee_vus(evidence: Evidence) -> float | None:
    climbing_until_s = max(s.end_s for s in evidence.stages if s.kind == "hold")
    load = evidence.load
    reports = [
        (t, vus) for t, vus in zip(load["t_s"], load["vus"], strict=True) if t is not None and vus is not None
    ]
    if not reports:
        return None
    report_times, report_vus = zip(*reports, strict=True)
    rows = [
        # k6 reports the number of VUs once a second only, while periods may be shorter.
        (float(np.interp(t, report_times, report_vus)), calls - (errors or 0.0))
        for t, calls, errors in zip(load["t_s"], load["calls_per_s"], load["errors_per_s"], strict=True)
        if t is not None and calls is not None and t <= climbing_until_s
    ]
    return knee([vus for vus, _ in rows if vus > 0], [rate for vus, rate in rows if vus > 0])


def _failure_finding(evidence: Evidence, first_failed: Stage | None) -> Finding:
    errors = evidence.metrics.errors
    values: dict[str, float | str | None] = {f"errors_{name}": count for name, count in errors.items()}
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items())
    if first_failed is None and not errors:
        manner, text = "not at all", "It did not fail: every call was answered correctly."
    elif not errors:
        manner, text = "gracefully", "Gracefully: answers were late, and every one was correct."
    elif _HARD_ERRORS.isdisjoint(errors):
        manner, text = "gracefully", f"Gracefully: it refused calls with a clear answer ({counts})."
    else:
        manner, text = "not gracefully", f"Not gracefully: {counts}."
    early = f" The load ended early: {evidence.aborted}." if evidence.aborted else ""
    return Finding("How it failed", text + early, {"manner": manner, **values})


SHAPE = Shape(
    name="stress",
    summary="How many users does it carry, and how does it fail beyond?",
    figures=("stress.vus_carried", "stress.knee_vus"),
    find=find,
)
