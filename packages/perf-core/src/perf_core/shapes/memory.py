"""The shape ``memory``: growth of the server's memory over minutes at a fixed rate."""

from __future__ import annotations

from perf_core.adapter import Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding, ServerUse
from perf_core.shapes.shape import MOST_SUCCEED, NO_LEAKS_IN_MINUTES, Shape

_FIVE_MINUTES_PER_HOUR = 12


def find(evidence: Evidence) -> ShapeFindings:
    """Return the slopes of the server's memory, open files and threads, with their intervals."""
    if evidence.server is None:
        return ShapeFindings()
    return ShapeFindings((*_memory_findings(evidence.server), *count_findings(evidence.server)))


def count_findings(server: ServerUse) -> tuple[Finding, ...]:
    """Return a finding on the slopes of open files, threads and sessions, if there were enough samples."""
    trends = {"open files": server.fds, "threads": server.threads, "sessions": server.sessions}
    parts: list[str] = []
    values: dict[str, float | str | None] = {}
    for name, trend in trends.items():
        if trend is None or trend.slope_per_h is None or trend.slope_interval is None:
            continue
        low, high = trend.slope_interval
        parts.append(
            f"{name} from {trend.start:,.0f} to {trend.end:,.0f}, {trend.slope_per_h:+,.2f} per hour "
            f"(95 % interval {low:+,.2f} to {high:+,.2f})"
        )
        values[f"{name.replace(' ', '_')}_slope_per_h"] = trend.slope_per_h
    if not parts:
        return ()
    text = "; ".join(parts)
    return (Finding("Open files and threads", f"{text[:1].upper()}{text[1:]}.", values),)


def _memory_findings(server: ServerUse) -> tuple[Finding, ...]:
    trend = server.rss_mb
    if trend.slope_mb_per_h is None:
        return ()
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
    return (Finding("Memory", text, values),)


def growth_target(need: str) -> Target:
    """Return the target for memory growth, under 100 MB in 5 minutes."""
    return Target("server.rss_growth_mb_per_5_min", "<", 100, stretch=10, min_duration_s=120, need=need)


SHAPE = Shape(
    name="memory",
    summary="Does its memory grow in five minutes at a fixed rate?",
    targets=(
        MOST_SUCCEED,
        growth_target("It runs for days on a machine with other things to do."),
        *NO_LEAKS_IN_MINUTES,
    ),
    plan=PlanNeeds(arrival_rate=True),
    find=find,
)
