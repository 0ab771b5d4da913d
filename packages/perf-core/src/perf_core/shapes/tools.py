"""The shape ``tools``: each tool in a stage of its own, called by one client."""

from __future__ import annotations

from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding, Stage
from perf_core.shapes.shape import MOST_SUCCEED, Shape


def find_unreached_pools(evidence: Evidence) -> ShapeFindings:
    """Return the pools without a single right answer, and their number."""
    reached = {stage.name for stage in evidence.stages if right_answers(stage)}
    unreached = [name for name in evidence.planned_stages if name not in reached]
    length_s = sum(stage.end_s - stage.start_s for stage in evidence.stages)
    figure = Figure(len(unreached), len(evidence.planned_stages), length_s, timed=False)
    findings: list[Finding] = []
    if unreached:
        findings.append(
            Finding(
                "Not reached",
                f"No right answer from {', '.join(unreached)}: too little time, or every call failed.",
                {"pools": ", ".join(unreached)},
            )
        )
    return ShapeFindings(tuple(findings), {"pools.unreached": figure})


def right_answers(stage: Stage) -> int:
    """Return the number of right answers in a stage."""
    return round(stage.calls * (1 - stage.error_rate))


SHAPE = Shape(
    name="tools",
    summary="What does each tool cost when nothing else goes on?",
    targets=(MOST_SUCCEED,),
    plan=PlanNeeds(stage_per_pool=True),
    figures=("pools.unreached",),
    find=find_unreached_pools,
    probes_streams=False,
)
