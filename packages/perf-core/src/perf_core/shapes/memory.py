"""The shape ``memory``: growth of the server's memory over minutes at a fixed rate."""

from __future__ import annotations

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding
from perf_core.shapes.shape import MOST_SUCCEED, Shape

_FIVE_MINUTES_PER_HOUR = 12


def find(evidence: Evidence) -> ShapeFindings:
    """Return the slope of the server's memory per five minutes, with its confidence interval."""
    trend = evidence.server.rss_mb if evidence.server else None
    if trend is None or trend.slope_mb_per_h is None:
        return ShapeFindings()
    growth_mb = trend.slope_mb_per_h / _FIVE_MINUTES_PER_HOUR
    within = ""
    values: dict[str, float | str | None] = {"growth_per_5_min_mb": growth_mb}
    if trend.slope_interval is not None:
        low_mb, high_mb = (end / _FIVE_MINUTES_PER_HOUR for end in trend.slope_interval)
        within = f" (95 % interval {low_mb:+.2f} to {high_mb:+.2f})"
        values |= {"interval_low_mb": low_mb, "interval_high_mb": high_mb}
    text = (
        f"Resident memory changes by {growth_mb:+.2f} MB in 5 minutes{within}; it was {trend.start:.1f} MB "
        f"at the start, {trend.peak:.1f} MB at its peak and {trend.end:.1f} MB at the end."
    )
    return ShapeFindings((Finding("Memory", text, values),))


def growth_target(need: str) -> Target:
    """Return the target for memory growth, under 100 MB in 5 minutes."""
    return Target("server.rss_growth_mb_per_5_min", "<", 100, stretch=10, min_duration_s=120, need=need)


SHAPE = Shape(
    name="memory",
    summary="Does its memory grow in five minutes at a fixed rate?",
    targets=(MOST_SUCCEED, growth_target("It runs for days on a machine with other things to do.")),
    plan=PlanNeeds(arrival_rate=True),
    find=find,
)
