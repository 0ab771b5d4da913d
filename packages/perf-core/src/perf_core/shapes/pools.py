"""One pool of journeys after the other: was each of them carried through?"""

from __future__ import annotations

from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.results.record import Finding, Stage


def find_pools(evidence: Evidence) -> Found:
    """Return a finding for each pool, and what :func:`find_unreached` returns."""
    found = find_unreached(evidence)
    each = tuple(_finding(stage, evidence) for stage in evidence.stages if stage.calls)
    return Found((*each, *found.findings), found.figures)


def find_unreached(evidence: Evidence) -> Found:
    """Return how many pools no right answer came from, and which."""
    done = {stage.name for stage in evidence.stages if _right(stage)}
    unreached = [name for name in evidence.planned_stages if name not in done]
    length_s = sum(stage.end_s - stage.start_s for stage in evidence.stages)
    figure = Figure(len(unreached), len(evidence.planned_stages), length_s, timed=False)
    findings: list[Finding] = []
    if unreached:
        findings.append(
            Finding(
                "Not reached",
                f"No right answer came from {', '.join(unreached)}: too little time, or every call failed.",
                {"pools": ", ".join(unreached)},
            )
        )
    return Found(tuple(findings), {"pools.unreached": figure})


def _right(stage: Stage) -> int:
    return round(stage.calls * (1 - stage.error_rate))


def _finding(stage: Stage, evidence: Evidence) -> Finding:
    journey = evidence.metrics.journey_ms.get(stage.name)
    values: dict[str, float | str | None] = {"calls": stage.calls, "slowest_call_ms": stage.latency_ms.max}
    whole = ""
    if journey is not None and journey.count:
        times = "once" if journey.count == 1 else f"{journey.count} times"
        whole = f", the whole journey {times} in {journey.med / 1000:,.2f} s (median)"
        values["journey_med_ms"] = journey.med
    return Finding(
        stage.name,
        f"{_right(stage):,} of {stage.calls:,} calls succeeded{whole}; the slowest call took "
        f"{stage.latency_ms.max / 1000:,.2f} s.",
        values,
    )
