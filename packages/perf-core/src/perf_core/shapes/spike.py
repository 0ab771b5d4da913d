"""The shape ``spike``: recovery from sudden jumps of the load."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perf_core.analysis.evidence import Columns, Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.analysis.statistics import recovery_s
from perf_core.results.record import Finding, Stage
from perf_core.shapes.shape import Shape

RECOVERED_WITHIN = 1.2
"""Factor on the median latency before the first spike, up to which a latency after any spike counts as
recovered. With the latency before each spike instead, a server that is a little slower after each one would
always be back."""


def find(evidence: Evidence) -> ShapeFindings:
    """Return the time to recover from each spike, and the slowest of them."""
    times: list[float | None] = []
    observed_s: list[float] = []
    findings: list[Finding] = []
    calm = next((stage for stage in evidence.stages if stage.kind == "baseline"), None)
    before_ms = _median_between(evidence.load, calm.start_s, calm.end_s) if calm else None
    for spike, after in zip(
        [s for s in evidence.stages if s.kind == "spike"],
        [s for s in evidence.stages if s.kind == "recovery"],
        strict=False,
    ):
        if before_ms is None:
            break
        seconds = recovery_s(
            [t or 0.0 for t in evidence.load["t_s"]],
            evidence.load["latency_med_ms"],
            dropped_at_s=after.start_s,
            until_s=after.end_s,
            limit_ms=before_ms * RECOVERED_WITHIN,
        )
        times.append(seconds)
        observed_s.append(after.end_s - after.start_s)
        after_ms = _median_between(evidence.load, after.start_s, after.end_s)
        findings.append(_finding(spike, after, before_ms, after_ms, seconds))
    if not times:
        reached = any(stage.kind == "recovery" for stage in evidence.stages)
        # A recovery that was reached but cannot be measured is not explained by a short run.
        why = "" if reached else "the run ended before the first recovery"
        return ShapeFindings((), {"spike.recovery_s": Figure(None, 0, 0.0, absent=why)})
    return ShapeFindings(
        tuple(findings), {"spike.recovery_s": _slowest(times, observed_s, evidence.period_s)}
    )


def _slowest(times: Sequence[float | None], observed_s: Sequence[float], period_s: float) -> Figure:
    """Return the slowest recovery; a missing one took at least as long as it was observed."""
    at_least = [
        observed if seconds is None else seconds for seconds, observed in zip(times, observed_s, strict=True)
    ]
    return Figure(max(*at_least, period_s), len(times), min(observed_s), beyond=None in times)


def _finding(
    spike: Stage, after: Stage, before_ms: float, after_ms: float | None, seconds: float | None
) -> Finding:
    during = f"p95 {spike.latency_ms.p95:.0f} ms and {spike.error_rate:.2%} errors at {spike.vus} VUs"
    if seconds is None:
        back = f"not back within {after.end_s - after.start_s:.1f} s"
    else:
        back = f"back within 20 % of it {seconds:.1f} s after the drop"
    later = "" if after_ms is None else f", with a median of {after_ms:.1f} ms in the end"
    return Finding(
        spike.name.replace("_", " ").capitalize(),
        f"Median {before_ms:.1f} ms before the first spike; {during}; {back}{later}.",
        {
            "before_med_ms": before_ms,
            "spike_p95_ms": spike.latency_ms.p95,
            "recovery_s": seconds,
            "after_med_ms": after_ms,
        },
    )


def _median_between(load: Columns, start_s: float, end_s: float) -> float | None:
    """Return the median latency in the second half of a time span; the first half still settles."""
    values = [
        latency
        for t, latency in zip(load["t_s"], load["latency_med_ms"], strict=True)
        if t is not None and latency is not None and (start_s + end_s) / 2 < t <= end_s
    ]
    return float(np.median(values)) if values else None


SHAPE = Shape(
    name="spike",
    summary="How fast does it recover from sudden jumps to 200 users?",
    figures=("spike.recovery_s",),
    find=find,
    may_overload=True,
)
