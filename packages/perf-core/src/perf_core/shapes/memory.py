"""Memory over minutes: does it grow?"""

from __future__ import annotations

from perf_core.analysis.evidence import Evidence, Found
from perf_core.results.record import Finding

_FIVE_MINUTES_PER_HOUR = 12


def find_memory(evidence: Evidence) -> Found:
    """Return the slope of the server's memory over five minutes, with its interval."""
    trend = evidence.server.rss_mb if evidence.server else None
    if trend is None or trend.slope_mb_per_h is None:
        return Found()
    growth_mb = trend.slope_mb_per_h / _FIVE_MINUTES_PER_HOUR
    within = ""
    values: dict[str, float | str | None] = {"growth_per_5_min_mb": growth_mb}
    if trend.slope_interval is not None:
        low_mb, high_mb = (end / _FIVE_MINUTES_PER_HOUR for end in trend.slope_interval)
        within = f" (95 % interval {low_mb:+.2f} to {high_mb:+.2f})"
        values |= {"interval_low_mb": low_mb, "interval_high_mb": high_mb}
    text = (
        f"Resident memory changes by {growth_mb:+.2f} MB in 5 minutes{within}; it was {trend.start:.1f} MB "
        f"at first, {trend.peak:.1f} MB at its peak and {trend.end:.1f} MB at last."
    )
    return Found((Finding("Memory", text, values),))
