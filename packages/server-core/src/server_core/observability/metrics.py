"""The metrics on `/metrics`, in one Prometheus registry per app."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from server_core.layers.rate_limit import RateLimit
from server_core.layers.traffic import Traffic
from server_core.observability import process

UNKNOWN_TOOL = "unknown"
"""Label for calls to tools that do not exist: clients must not be able to create labels."""

# From 50 µs (plain arithmetic) to 30 s (the default request timeout).
_DURATION_BUCKETS_S = (
    5e-05, 1e-04, 2.5e-04, 5e-04, 1e-03, 2.5e-03, 5e-03,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip


class Lane(Protocol):
    """The part of the fast lane that the metrics read."""

    @property
    def answered(self) -> int:
        """Tool calls answered so far."""

    def reasons(self) -> dict[str, str]:
        """Return, by the names of the tools, why each is not on the lane; empty if it is."""


@dataclass(slots=True)
class _ToolCalls:
    """Counts of one tool's calls.

    The client library's counters cost 3 µs per call because they lock; only the event loop counts here, so
    plain numbers will do. The last duration bucket has no upper bound.
    """

    by_bucket: list[int] = field(default_factory=lambda: [0] * (len(_DURATION_BUCKETS_S) + 1))
    duration_s: float = 0.0
    failed: int = 0


class FunctionCollector(Collector):
    """Collector whose metrics are what `function` returns on each scrape."""

    def __init__(self, function: Callable[[], Iterable[Metric]]) -> None:
        self._function = function

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._function()


CallListener = Callable[[str, float, bool], None]
"""Function that gets the tool's name, the duration in seconds, and whether the call failed."""


class ServerMetrics:
    """Tool calls, and on each scrape the state of traffic, sessions and process.

    Attributes:
        registry: The registry that `/metrics` exposes.
        calls_in_flight: Tool calls that have started and are not answered yet.
    """

    def __init__(self) -> None:
        self.calls_in_flight = 0
        self.registry = CollectorRegistry(auto_describe=False)
        self._by_tool: dict[str, _ToolCalls] = {}
        self.registry.register(FunctionCollector(self._tool_call_metrics))
        self._listeners: list[CallListener] = []

    def observe_call(self, tool: str, duration_s: float, *, failed: bool) -> None:
        """Count a call of an existing tool or of `UNKNOWN_TOOL`, with the time from request to result.

        A call has failed if the response was `isError` or a JSON-RPC error.
        """
        calls = self._by_tool.get(tool)
        if calls is None:
            calls = self._by_tool[tool] = _ToolCalls()
        calls.by_bucket[bisect_left(_DURATION_BUCKETS_S, duration_s)] += 1
        calls.duration_s += duration_s
        calls.failed += failed
        for listener in self._listeners:
            listener(tool, duration_s, failed)

    def add_listener(self, listener: CallListener) -> None:
        """Call `listener` for each tool call from now on."""
        self._listeners.append(listener)

    def watch(
        self,
        traffic: Traffic,
        sessions_open: Callable[[], int],
        lane: Lane | None,
        rate_limit: RateLimit | None,
    ) -> None:
        """Read traffic, sessions, the fast lane, refusals and the process on each scrape."""
        self.registry.register(
            FunctionCollector(partial(_state_metrics, traffic, sessions_open, lane, rate_limit))
        )

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as text in the format that an `Accept` header requests, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _tool_call_metrics(self) -> Iterator[Metric]:
        answered = CounterMetricFamily("mcp_tool_calls", "Tool calls answered.", labels=["tool"])
        failed = CounterMetricFamily(
            "mcp_tool_errors", "Tool calls answered with isError or an error.", labels=["tool"]
        )
        durations = HistogramMetricFamily(
            "mcp_tool_duration_seconds", "Time from a valid tools/call to its result.", labels=["tool"]
        )
        bounds = [
            floatToGoString(bound)  # type: ignore[no-untyped-call]  # untyped there
            for bound in (*_DURATION_BUCKETS_S, math.inf)
        ]
        for tool, calls in self._by_tool.items():
            up_to = list(accumulate(calls.by_bucket))
            answered.add_metric([tool], up_to[-1])
            failed.add_metric([tool], calls.failed)
            durations.add_metric([tool], list(zip(bounds, up_to, strict=True)), calls.duration_s)
        yield from (answered, failed, durations)


def _state_metrics(
    traffic: Traffic, sessions_open: Callable[[], int], lane: Lane | None, rate_limit: RateLimit | None
) -> Iterator[Metric]:
    yield GaugeMetricFamily("mcp_sessions_open", "Sessions open now.", value=sessions_open())
    yield CounterMetricFamily("mcp_sessions_created", "Sessions opened.", value=traffic.sessions_created)
    yield GaugeMetricFamily(
        "mcp_requests_in_flight", "HTTP requests being answered.", value=traffic.in_flight
    )
    responses = CounterMetricFamily("mcp_http_responses", "HTTP responses by status.", labels=["status"])
    for status, count in sorted(traffic.responses.items()):
        responses.add_metric([str(status)], count)
    yield responses
    if lane is not None:
        yield CounterMetricFamily(
            "mcp_fast_lane_calls", "Tool calls answered without FastMCP.", value=lane.answered
        )
        tools = GaugeMetricFamily(
            "mcp_fast_lane_tool",
            "1 for a tool on the fast lane; 0, with the reason, for others.",
            labels=["tool", "reason"],
        )
        for tool, reason in sorted(lane.reasons().items()):
            tools.add_metric([tool, reason], 0.0 if reason else 1.0)
        yield tools
    if rate_limit is not None:
        yield CounterMetricFamily("mcp_rate_limited", "Messages refused with 429.", value=rate_limit.refused)
    yield GaugeMetricFamily("mcp_workers", "Processes that serve.", value=1)
    # Named as in the Prometheus client libraries' process collector, which supports only Linux.
    yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory.", value=process.rss_bytes())
    yield CounterMetricFamily("process_cpu_seconds", "CPU time, user and system.", value=process.cpu_s())
    yield GaugeMetricFamily("process_open_fds", "Open files or handles.", value=process.open_files())
    yield GaugeMetricFamily("process_threads", "Threads.", value=process.threads())
    yield GaugeMetricFamily(
        "process_start_time_seconds", "Start, since the epoch.", value=process.start_time_s()
    )
    yield GaugeMetricFamily("process_uptime_seconds", "Time since the start.", value=process.uptime_s())
