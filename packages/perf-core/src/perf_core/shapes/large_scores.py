"""The shape ``large-scores``: one size of content after another, by one client."""

from __future__ import annotations

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding, Stage
from perf_core.shapes.shape import Shape
from perf_core.shapes.tools import find_unreached_pools, right_answers


def find(evidence: Evidence) -> ShapeFindings:
    """Return a finding for each pool that was called, and the pools without a right answer."""
    unreached = find_unreached_pools(evidence)
    pools = tuple(_finding(stage, evidence) for stage in evidence.stages if stage.calls)
    return ShapeFindings((*pools, *unreached.findings), unreached.figures)


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
        f"{right_answers(stage):,} of {stage.calls:,} calls succeeded{whole}; the slowest call took "
        f"{stage.latency_ms.max / 1000:,.2f} s.",
        values,
    )


SHAPE = Shape(
    name="large-scores",
    summary="Does it cope with what is large, one size after the other?",
    targets=(
        Target("failed_calls", "<", 1, need="A user with a large score has no smaller one to use instead."),
        Target("pools.unreached", "<", 1, need="Every size must have been tried."),
    ),
    plan=PlanNeeds(stage_per_pool=True),
    figures=("pools.unreached",),
    find=find,
    probes_streams=False,
)
