"""Columns from recordings of k6's dashboard, a real one and synthetic ones."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.series import Period, load_columns, read_recording, recorded_period_s, uptime_percent

if TYPE_CHECKING:
    from conftest import Build

PARAM = {"aggregates": {"counter": ["count", "rate"], "gauge": ["value"], "trend": ["avg", "med", "p(95)"]}}
START_MS = 1_700_000_000_000


def event(name: str, data: Any) -> str:
    return json.dumps({"event": name, "data": data})


def announce(**kinds: str) -> str:
    return event("metric", {name: {"type": kind} for name, kind in kinds.items()})


def snapshot(at_s: float, *values: list[float]) -> str:
    """A snapshot; `time` comes last in the alphabet of these tests unless a metric follows it."""
    return event("snapshot", [*values, [START_MS + at_s * 1000]])


def periods(*lines: str) -> list[Period]:
    return list(read_recording([event("param", PARAM), *lines]))


# --- a real recording: 2.6 s of load, 6 calls in 602 answered by status 500, made with k6 1.1.0 ---


@pytest.fixture(scope="module")
def real(data: Path) -> list[str]:
    return (data / "recording.ndjson").read_text(encoding="utf-8").splitlines()


REAL_START_S, REAL_LENGTH_S = 1_795_340_408.095, 2.6


def test_real_recording_has_the_calls_of_the_summary(real: list[str]) -> None:
    # Errors and users were announced after the first periods: read in a wrong order, nothing would fit.
    columns = load_columns(read_recording(real), REAL_START_S, REAL_LENGTH_S, 0.2)
    ends = [0.0, *[t for t in columns["t_s"] if t is not None]]
    lengths = [end - start for start, end in itertools.pairwise(ends)]
    assert sum(rate * s for rate, s in zip(columns["calls_per_s"], lengths, strict=True)) == pytest.approx(
        602, abs=1
    )
    assert sum(rate * s for rate, s in zip(columns["errors_per_s"], lengths, strict=True)) == pytest.approx(6)


def test_real_recording_has_users_and_latencies_where_k6_recorded_them(real: list[str]) -> None:
    columns = load_columns(read_recording(real), REAL_START_S, REAL_LENGTH_S, 0.2)
    assert len({len(column) for column in columns.values()}) == 1
    # k6 records the number of users once a second: 2 in the first hold, 4 in the second.
    assert [vus for vus in columns["vus"] if vus is not None] == [2, 4]
    medians = [latency for latency in columns["latency_med_ms"] if latency is not None]
    assert medians
    assert all(0.3 < latency < 2 for latency in medians)
    for median, p95, p99 in zip(
        columns["latency_med_ms"], columns["latency_p95_ms"], columns["latency_p99_ms"], strict=True
    ):
        assert median is None or (p95 is not None and p99 is not None and median <= p95 <= p99)


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_incomplete_last_line_is_skipped(real: list[str], cut: int) -> None:
    last = max(index for index, line in enumerate(real) if '"snapshot"' in line)
    whole = list(read_recording(real[: last + 1]))
    truncated = list(read_recording([*real[:last], real[last][:-cut]]))
    assert truncated == whole[:-1]


# --- the order of the values ---


def test_values_follow_the_alphabetical_order_of_the_announced_metrics() -> None:
    first, second = periods(
        announce(time="gauge", http_reqs="counter"),
        snapshot(1, [4, 20]),
        announce(checks="counter", mcp_errors="counter"),
        snapshot(2, [1, 5], [6, 30], [2, 10]),
    )
    assert first.value("http_reqs", "count") == 4
    assert first.value("mcp_errors", "count") is None
    assert second.value("checks", "count") == 1
    assert second.value("http_reqs", "count") == 6
    assert second.value("mcp_errors", "count") == 2
    assert [first.end_s, second.end_s] == [START_MS / 1000 + 1, START_MS / 1000 + 2]


def test_sub_metrics_have_their_own_values() -> None:
    trend = "mcp_tool_call_duration_ms"
    (period,) = periods(
        event(
            "metric",
            {
                name: {"type": kind}
                for name, kind in [
                    (f"{trend}{{stage:hold_10}}", "trend"),
                    ("time", "gauge"),
                    (trend, "trend"),
                    (f"{trend}{{tool:add}}", "trend"),
                ]
            },
        ),
        snapshot(1, [2, 1.5, 4], [3, 2.5, 5], [4, 3.5, 6]),
    )
    assert period.value(trend, "med") == 1.5
    assert period.value(f"{trend}{{stage:hold_10}}", "med") == 2.5
    assert period.value(f"{trend}{{tool:add}}", "p(95)") == 6


def test_metric_without_samples_in_a_period_is_absent_from_it() -> None:
    (period,) = periods(announce(time="gauge", mcp_errors="counter"), snapshot(1, []))
    assert "mcp_errors" not in period.metrics
    assert period.value("mcp_errors", "count") is None


def test_other_events_are_not_periods() -> None:
    lines = [
        event("start", [[START_MS]]),
        announce(time="gauge"),
        event("cumulative", [[1]]),
        snapshot(1),
        event("stop", [[START_MS]]),
    ]
    assert len(periods(*lines)) == 1


# --- columns ---


def period(end_s: float, **counts: float) -> Period:
    metrics = {name: {"count": count, "value": count, "med": count} for name, count in counts.items()}
    return Period(START_MS / 1000 + end_s, metrics)


def columns(rows: Iterable[Period], until_s: float = 10.0, period_s: float = 1.0) -> dict[str, Any]:
    return load_columns(rows, START_MS / 1000, until_s, period_s)


def test_requests_other_than_tool_calls_are_not_calls() -> None:
    table = columns([period(1, http_reqs=12, mcp_overhead_requests=2, mcp_errors=1), period(2, http_reqs=5)])
    assert table["calls_per_s"] == (10, 5)
    assert table["errors_per_s"] == (1, 0)


def test_overhead_counted_before_its_request_is_subtracted_later() -> None:
    table = columns(
        [
            period(1, mcp_overhead_requests=8),
            period(2, http_reqs=5, mcp_overhead_requests=1),
            period(3, http_reqs=20),
            period(4, http_reqs=3),
        ]
    )
    assert table["calls_per_s"] == (0, 0, 16, 3)


def test_rates_use_the_elapsed_time() -> None:
    late = [period(1, http_reqs=10), period(3, http_reqs=20), period(3.5, http_reqs=5, mcp_errors=5)]
    table = columns(late)
    assert table["calls_per_s"] == (10, 10, 10)
    assert table["errors_per_s"] == (0, 0, 10)


def test_two_snapshots_of_the_same_time_make_no_peak() -> None:
    table = columns([period(1, http_reqs=10), period(1.001, http_reqs=1)])
    assert table["calls_per_s"] == (10, 2)


def test_periods_outside_the_load_are_left_out() -> None:
    ends = [-1.0, 0.0, 0.4, 1.4, 9.4, 10.4, 11.4, 12.4]
    table = columns([period(end, http_reqs=1) for end in ends])
    # The last period of the load ends after it; the deletion of sessions comes later.
    assert table["t_s"] == (0.4, 1.4, 9.4, 10.4)
    assert {len(column) for column in table.values()} == {4}


def test_missing_latency_is_none_and_missing_count_is_zero() -> None:
    table = columns([period(1)])
    assert table["latency_med_ms"] == table["vus"] == (None,)
    assert table["calls_per_s"] == table["errors_per_s"] == (0,)


def test_columns_without_a_recording_are_empty() -> None:
    assert set(columns([])) == {
        "t_s",
        "vus",
        "calls_per_s",
        "errors_per_s",
        "latency_med_ms",
        "latency_p95_ms",
        "latency_p99_ms",
        "latency_max_ms",
    }
    assert not any(columns([]).values())


@pytest.mark.parametrize(
    ("first_line", "period_s"),
    [
        ('{"event":"param","data":{"period":3000}}', 3.0),
        ('{"event":"param","data":{}}', 1.0),
        ('{"event":"sta', 1.0),
    ],
)
def test_period_is_the_recorded_one_or_else_the_requested_one(first_line: str, period_s: float) -> None:
    # Over hours k6 lengthens the period: a plot or an uptime by the requested one would be wrong.
    assert recorded_period_s([first_line], 1.0) == period_s
    assert recorded_period_s([], 1.0) == 1.0


# --- uptime ---


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(10, 0)] * 10, 100),
        ([(10, 0)] * 9 + [(10, 10)], 90),
        ([(10, 9)] * 10, 100),
        ([(10, 10)] * 10, 0),
        # A dead server refuses at once: errors without a call count, too.
        ([(10, 0)] * 5 + [(0, 40)] * 5, 50),
        # No answer, then time-outs: the server was down all the while.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 3)], 50),
        # No answer, then answers: the server was slow but up.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 0)], 100),
        # Periods without calls at the end do not count.
        ([(10, 0)] * 5 + [(0, 0)] * 5, 100),
        ([(None, None), (10, 0)], 100),
        ([(0, 0)] * 5, None),
        ([], None),
    ],
)
def test_uptime(build: type[Build], rows: list[tuple[float, float]], expected: float | None) -> None:
    assert uptime_percent(build.load_columns(rows)) == expected
