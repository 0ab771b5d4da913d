"""Recoveries of series with a known answer."""

from __future__ import annotations

import pytest

from perf_core.analysis.statistics import recovery_s

CALM, HIGH = 10.0, 90.0


@pytest.mark.parametrize(
    ("latencies", "expected"),
    [
        ([CALM] * 10, 1.0),
        ([HIGH, HIGH, CALM, CALM, CALM, CALM], 3.0),
        ([HIGH, CALM, CALM, HIGH, CALM, CALM, CALM], 5.0),
        ([HIGH, CALM, CALM, CALM, HIGH, HIGH, HIGH], 2.0),
        ([HIGH, CALM, None, CALM, CALM, CALM], 4.0),
        ([None, None, CALM, CALM, CALM], 3.0),
        ([HIGH] * 10, None),
        ([None] * 10, None),
        ([HIGH] * 8 + [CALM] * 2, None),
        ([], None),
    ],
    ids=[
        "calm from the drop on",
        "back after two periods",
        "two calm periods are not enough",
        "a relapse after three calm periods is another matter",
        "a period without calls is not calm",
        "silence first",
        "never back",
        "never heard of again",
        "back too late to be sure",
        "nothing recorded",
    ],
)
def test_recovery(latencies: list[float | None], expected: float | None) -> None:
    t_s = [100.0 + index for index in range(1, len(latencies) + 1)]
    recovered_s = recovery_s(t_s, latencies, dropped_at_s=100.0, until_s=110.0, limit_ms=12.0)
    assert recovered_s == expected


def test_recovery_uses_only_periods_between_the_drop_and_the_end() -> None:
    t_s = [float(t) for t in range(1, 31)]
    latencies = [CALM] * 10 + [HIGH] * 10 + [CALM] * 10
    window = {"dropped_at_s": 10.0, "limit_ms": 12.0}
    assert recovery_s(t_s, latencies, until_s=20.0, **window) is None
    assert recovery_s(t_s, latencies, until_s=30.0, **window) == 11.0


def test_latency_at_the_limit_counts_as_recovered() -> None:
    assert recovery_s([1.0, 2.0, 3.0], [12.0] * 3, dropped_at_s=0.0, until_s=3.0, limit_ms=12.0) == 1.0
    assert recovery_s([1.0, 2.0, 3.0], [12.1] * 3, dropped_at_s=0.0, until_s=3.0, limit_ms=12.0) is None
