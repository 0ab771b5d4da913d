"""Latencies in words that mark statistics which are only lower bounds."""

from __future__ import annotations

from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.report.wording import significant
from perf_core.results.record import Latency

AT_LEAST = "\N{GREATER-THAN OR EQUAL TO}"


def bounded(latency: Latency, statistic: str) -> str:
    """Return a statistic in milliseconds, marked if it is only a lower bound."""
    text = significant(getattr(latency, statistic))
    return f"{AT_LEAST} {text}" if is_lower_bound(latency, statistic) else text
