"""The shape ``benchmark``: the cost of each tool alone, and of the protocol itself."""

from __future__ import annotations

from collections.abc import Iterator

from perf_core.adapter import Pools, Scenario, pool_of
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding
from perf_core.shapes.shape import Shape


def find(evidence: Evidence) -> ShapeFindings:
    """Return what an empty MCP request costs beyond plain HTTP, where both were measured."""
    protocol = evidence.metrics.protocol_ms
    bare = next((latency for method, latency in protocol.items() if method.startswith("GET ")), None)
    empty = protocol.get("ping") or protocol.get("server/discover")
    if bare is None or empty is None:
        return ShapeFindings()
    return ShapeFindings(
        (
            Finding(
                "Protocol overhead",
                f"With one user, plain HTTP answers in {bare.med:.2f} ms (median) and an MCP request that "
                f"does nothing in {empty.med:.2f} ms: the protocol costs {empty.med - bare.med:.2f} ms.",
                {"http_med_ms": bare.med, "empty_request_med_ms": empty.med},
            ),
        )
    )


def _missing_pools(_scenario: Scenario, pools: Pools) -> Iterator[str]:
    tools = {step.tool for journeys in pools.values() for journey in journeys for step in journey.steps}
    for tool in sorted({pool_of(tool) for tool in tools} - set(pools)):
        yield f"benchmark measures each tool alone: expected a pool named {tool!r}, got {sorted(pools)}"


SHAPE = Shape(
    name="benchmark",
    summary="What does each tool cost alone, by kind of argument, and what is protocol?",
    plan=PlanNeeds(pool_problems=_missing_pools),
    find=find,
    probes_streams=False,
)
