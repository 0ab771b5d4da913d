"""The load over time, read from its recording.

The recording is NDJSON, written by the lab (:mod:`perf_core.load.k6_recording`), in older runs by the web
dashboard of k6 1.1.0. ``metric`` events announce metrics; each ``snapshot`` event holds the figures
of one period as arrays, in the alphabetical order of the metrics announced so far, and stamps them
with ``time`` (milliseconds since the epoch, the end of the period). ``param`` names the aggregates of
each kind of metric.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CALLS = "mcp_tool_call_duration_ms"
ERRORS = "mcp_errors"
REQUESTS = "http_reqs"
OVERHEAD = "mcp_overhead_requests"


@dataclass(frozen=True)
class Period:
    """The metrics of one period of the load.

    Attributes:
        end_s: End of the period, in seconds since the epoch.
        metrics: Values by metric name and aggregate name; metrics without samples are absent.
    """

    end_s: float
    metrics: Mapping[str, Mapping[str, float]]

    def value(self, metric: str, aggregate: str) -> float | None:
        """Return one value; None when the period has no sample of the metric."""
        return self.metrics.get(metric, {}).get(aggregate)


def read_recording(lines: Iterable[str]) -> Iterator[Period]:
    """Yield the periods of a recording; an incomplete last line is skipped."""
    aggregates: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line, when k6 was killed
        data: Any = event.get("data")
        match event.get("event"):
            case "param":
                aggregates = data["aggregates"]
            case "metric":
                kinds |= {name: metric["type"] for name, metric in data.items()}
            case "snapshot":
                names = sorted(kinds)
                metrics = {
                    name: dict(zip(aggregates[kinds[name]], values, strict=False))
                    for name, values in zip(names, data, strict=False)
                    if values
                }
                yield Period(metrics["time"]["value"] / 1000, metrics)


def recorded_period_s(lines: Sequence[str], requested_s: float) -> float:
    """Return the period of the recording, else ``requested_s``; k6 lengthens it to have at most 2,880."""
    try:
        return float(json.loads(lines[0])["data"]["period"]) / 1000
    except (IndexError, ValueError, KeyError, TypeError):
        return requested_s


def load_columns(
    periods: Iterable[Period], started_at_s: float, until_s: float, period_s: float
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of ``record.Series.load`` for the periods of the load.

    Requests other than tool calls are subtracted from the requests, so that opening sessions does not count
    as work. Calls per second include wrong answers; errors have their own column.

    When k6 is busy it closes a period late and a short one follows, so rates are taken over the time since
    the end of the previous period.

    Args:
        started_at_s: Start of the load, seconds since the epoch.
        until_s: Length of the load in seconds; later periods (the deletion of sessions) are left out.
    """
    columns: dict[str, list[float | None]] = {
        name: []
        for name in (
            "t_s",
            "vus",
            "calls_per_s",
            "errors_per_s",
            "latency_med_ms",
            "latency_p95_ms",
            "latency_p99_ms",
            "latency_max_ms",
        )
    }
    before_s, calls = 0.0, 0.0
    for period in periods:
        t_s = period.end_s - started_at_s
        if not 0 < t_s <= until_s + period_s:
            continue
        # Two snapshots may have the same time; the few calls of the second must not become a peak.
        elapsed_s = max(t_s - before_s, period_s / 2)
        before_s = t_s
        requests = period.value(REQUESTS, "count") or 0.0
        overhead = period.value(OVERHEAD, "count") or 0.0
        errors = period.value(ERRORS, "count") or 0.0
        # Overhead may be counted one period before its request: a deficit is carried to the next period.
        calls = min(calls, 0.0) + requests - overhead
        columns["t_s"].append(round(t_s, 3))
        columns["vus"].append(period.value("vus", "value"))
        columns["calls_per_s"].append(max(0.0, calls) / elapsed_s)
        columns["errors_per_s"].append(errors / elapsed_s)
        columns["latency_med_ms"].append(period.value(CALLS, "med"))
        columns["latency_p95_ms"].append(period.value(CALLS, "p(95)"))
        columns["latency_p99_ms"].append(period.value(CALLS, "p(99)"))
        columns["latency_max_ms"].append(period.value(CALLS, "max"))
    return {name: tuple(values) for name, values in columns.items()}


def uptime_percent(
    load: Mapping[str, Sequence[float | None]], silent_s: Sequence[tuple[float, float]] = ()
) -> float | None:
    """Return the share of periods in which the server answered, 0 to 100; None when no call ended.

    In such a period at least one call ended with a right answer. A period in which no call ended
    counts like the next one in which one did: a call that times out had no server during all of its wait.

    Args:
        silent_s: Start and end of each time in which the server was silent; periods within it are down.
    """
    rows = list(zip(load["t_s"], load["calls_per_s"], load["errors_per_s"], strict=True))
    up: list[bool] = []
    for t_s, calls, errors in reversed(rows):
        if any(start_s < (t_s or 0.0) <= end_s for start_s, end_s in silent_s):
            up.append(False)
        elif calls or errors:
            up.append((calls or 0.0) > (errors or 0.0))
        elif up:
            up.append(up[-1])
    return 100 * sum(up) / len(up) if up else None
