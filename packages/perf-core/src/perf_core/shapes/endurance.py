"""The shape ``endurance``: memory, latency drift, sessions and uptime over hours at a fixed rate."""

from __future__ import annotations

import numpy as np

from perf_core.analysis.evidence import Columns, Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding, ServerUse, Stage
from perf_core.shapes import memory
from perf_core.shapes.shape import NO_ERRORS, NO_LEAKS_IN_HOURS, Shape

_DRIFT_SHARE = 0.1
"""Share of the hold at either end whose medians the drift compares."""


def find(evidence: Evidence) -> ShapeFindings:
    """Return the drift of the latency, and findings on memory, sessions and uptime."""
    findings: list[Finding] = []
    figures = {"endurance.latency_drift": Figure(None, 0, 0.0, absent="too few periods for a drift")}
    hold = next((stage for stage in evidence.stages if stage.kind == "hold"), None)
    if evidence.server is not None and evidence.server.rss_mb.slope_mb_per_h is not None:
        findings.append(_memory_finding(evidence.server))
    if evidence.server is not None:
        findings += memory.count_findings(evidence.server)
    if hold is not None:
        drift = _drift(evidence.load, hold)
        if drift is not None:
            figures["endurance.latency_drift"] = Figure(drift, hold.calls, hold.end_s - hold.start_s)
            findings.append(
                Finding(
                    "Latency drift",
                    f"The median latency of the last tenth differs by {drift:+.1%} from that of the first.",
                    {"latency_drift": drift},
                )
            )
    findings.append(_sessions_finding(evidence))
    if evidence.uptime_percent is not None:
        findings.append(
            Finding(
                "Uptime",
                f"The server was up in {evidence.uptime_percent:.2f} % of the periods of "
                f"{evidence.period_s:g} s.",
                {"uptime_percent": evidence.uptime_percent},
            )
        )
    return ShapeFindings(tuple(findings), figures)


def _memory_finding(server: ServerUse) -> Finding:
    slope, interval = server.rss_mb.slope_mb_per_h, server.rss_mb.slope_interval
    within = f" (95 % interval {interval[0]:+.2f} to {interval[1]:+.2f})" if interval else ""
    return Finding(
        "Memory",
        f"Resident memory changed by {slope:+.2f} MB/h{within}, from {server.rss_mb.start:.1f} "
        f"to {server.rss_mb.end:.1f} MB.",
        {"slope_mb_per_h": slope},
    )


def _drift(load: Columns, hold: Stage) -> float | None:
    """Return the relative change of the median latency from the first to the last tenth of the hold."""
    values = [
        latency
        for t, latency in zip(load["t_s"], load["latency_med_ms"], strict=True)
        if t is not None and latency is not None and hold.start_s < t <= hold.end_s
    ]
    tenth = int(len(values) * _DRIFT_SHARE)
    if tenth < 1:
        return None
    first = float(np.median(values[:tenth]))
    return float(np.median(values[-tenth:])) / first - 1 if first > 0 else None


def _sessions_finding(evidence: Evidence) -> Finding:
    opened, closed = evidence.metrics.sessions_opened, evidence.metrics.sessions_closed
    lost = evidence.metrics.sessions_lost
    if evidence.metrics.session_creation_ms is None:
        return Finding("Sessions", "This wire has no sessions.")
    left = evidence.sessions_left
    held = f"the server holds {left}" if left is not None else "the server does not report how many it holds"
    losses = f", {lost} lost by the server" if lost else ""
    return Finding(
        "Sessions",
        f"{opened} opened, {closed} deleted{losses}; {held} after the run.",
        {"opened": opened, "closed": closed, "lost": lost, "left_on_server": left},
    )


SHAPE = Shape(
    name="endurance",
    summary="Does it leak or slow down over two hours at a fixed rate?",
    targets=(NO_ERRORS, *NO_LEAKS_IN_HOURS),
    plan=PlanNeeds(arrival_rate=True),
    figures=("endurance.latency_drift",),
    find=find,
)
