"""The load over time, read from what k6's web dashboard records.

The recording is NDJSON. ``metric`` events announce metrics; each ``snapshot`` event holds the figures
of one period as arrays, in the alphabetical order of the metrics announced so far, and stamps them
with ``time`` (milliseconds since the epoch, the end of the period). ``param`` names the aggregates of
each kind of metric. Found out with k6 1.1.0; other versions are checked by the tests.
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
    """What happened in one period of the load.

    Attributes:
        end_s: End of the period, in seconds since the epoch.
        metrics: By metric name, aggregate name → value; metrics without samples are absent.
    """

    end_s: float
    metrics: Mapping[str, Mapping[str, float]]

    def value(self, metric: str, aggregate: str) -> float | None:
        """Return one figure, None when the period has no sample of it."""
        return self.metrics.get(metric, {}).get(aggregate)


def read_recording(lines: Iterable[str]) -> Iterator[Period]:
    """Yield the periods of a recording; a line cut off by an early end is left out."""
    aggregates: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line of a generator that was killed
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


def recorded_period_s(lines: Sequence[str], asked_s: float) -> float:
    """Return the length of a period as k6 chose it.

    k6 stretches the period so that a run has at most 2,880 of them.

    Args:
        lines: The recording.
        asked_s: The period that was asked for; returned when the recording does not tell.
    """
    try:
        return float(json.loads(lines[0])["data"]["period"]) / 1000
    except (IndexError, ValueError, KeyError, TypeError):
        return asked_s


def load_columns(
    periods: Iterable[Period], started_at_s: float, until_s: float, period_s: float
) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of ``record.Series.load`` for the periods of the load.

    Requests that call no tool are taken off the requests, so that sessions and lists do not count as
    work. Calls per second here are answers of any kind; errors stand beside them.

    A busy k6 closes its periods late, and then a short one follows: rates are taken over the time that
    really passed since the period before.

    Args:
        periods: The recording.
        started_at_s: Start of the load, seconds since the epoch.
        until_s: Length of the load in seconds; later periods (the clean-up) are left out.
        period_s: Intended length of a period.
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
        )
    }
    before_s, calls = 0.0, 0.0
    for period in periods:
        t_s = period.end_s - started_at_s
        if not 0 < t_s <= until_s + period_s:
            continue
        # Two snapshots may be stamped alike; what little the second holds must not become a peak.
        elapsed_s = max(t_s - before_s, period_s / 2)
        before_s = t_s
        requests = period.value(REQUESTS, "count") or 0.0
        overhead = period.value(OVERHEAD, "count") or 0.0
        errors = period.value(ERRORS, "count") or 0.0
        # Overhead may be counted a period before its request: the deficit is taken off what follows.
        calls = min(calls, 0.0) + requests - overhead
        columns["t_s"].append(round(t_s, 3))
        columns["vus"].append(period.value("vus", "value"))
        columns["calls_per_s"].append(max(0.0, calls) / elapsed_s)
        columns["errors_per_s"].append(errors / elapsed_s)
        columns["latency_med_ms"].append(period.value(CALLS, "med"))
        columns["latency_p95_ms"].append(period.value(CALLS, "p(95)"))
        columns["latency_p99_ms"].append(period.value(CALLS, "p(99)"))
    return {name: tuple(values) for name, values in columns.items()}
