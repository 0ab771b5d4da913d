"""Statistics of a latency that are only lower bounds, since calls without an answer are among its samples."""

from __future__ import annotations

import math

from perf_core.results.record import Latency

_SHARES = {"med": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
"""Share of the samples that lie below a statistic."""


def is_lower_bound(latency: Latency, statistic: str) -> bool:
    """Return whether the true value of a statistic may be higher.

    Calls without an answer waited longer than nearly all others, so the highest samples are theirs. k6
    interpolates a percentile between its two neighbours; it is a bound when one of them is such a call.
    """
    if not latency.lower_bounds or not latency.count:
        return False
    if statistic == "avg":
        return True
    share = _SHARES.get(statistic)
    if share is None:
        return False
    # The product may be off by a rounding error, which must not move it to the next sample.
    neighbour = math.ceil(round(share * (latency.count - 1), 6))
    return neighbour >= latency.count - latency.lower_bounds
