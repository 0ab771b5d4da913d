"""Statistics among calls that nobody answered."""

from __future__ import annotations

import pytest

from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.results.record import Latency

STATISTICS = ("min", "avg", "med", "p90", "p95", "p99", "max")


def bounds_of(count: int, lower_bounds: int) -> set[str]:
    latency = Latency(count, 1, 2, 3, 4, 5, 6, 7, lower_bounds)
    return {name for name in STATISTICS if is_lower_bound(latency, name)}


@pytest.mark.parametrize(
    ("count", "lower_bounds", "bounds"),
    [
        (1000, 0, set()),
        (0, 0, set()),
        (1000, 1, {"avg", "max"}),
        # k6 takes p99 of 1,001 samples from the sample with 990 below it; ten above it do not touch it.
        (1001, 10, {"avg", "max"}),
        (1001, 11, {"avg", "max", "p99"}),
        (1001, 51, {"avg", "max", "p99", "p95"}),
        # Between two samples, the higher one decides.
        (1000, 10, {"avg", "max", "p99"}),
        (10, 10, {"avg", "med", "p90", "p95", "p99", "max"}),
    ],
)
def test_percentile_is_a_bound_when_it_falls_among_unanswered_calls(
    count: int, lower_bounds: int, bounds: set[str]
) -> None:
    assert bounds_of(count, lower_bounds) == bounds
