"""The figures behind `/metrics`, in a Prometheus registry of their own per app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from server_core import process
from server_core.traffic import Traffic

UNKNOWN_TOOL = "unknown"
"""Label of calls to tools that do not exist: clients must not be able to make labels."""

# From 50 µs (plain arithmetic) to 30 s (the default request timeout).
_DURATION_BUCKETS_S = (
    5e-05, 1e-04, 2.5e-04, 5e-04, 1e-03, 2.5e-03, 5e-03,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip


class Lane(Protocol):
    """What the metrics ask of the fast lane."""

    @property
    def answered(self) -> int:
        """Tool calls that it has answered."""

    def reasons(self) -> dict[str, str]:
        """The tools, each with why it is not on the lane; empty when it is."""


class RateLimit(Protocol):
    """What the metrics ask of the rate limit."""

    refused: int
    """Messages refused so far."""


CallListener = Callable[[str, float, bool], None]
"""Called with tool name, duration in seconds, and whether the call failed."""


class ServerMetrics:
    """Calls by tool, and on each scrape the state of traffic, sessions and process.

    Attributes:
        registry: What `/metrics` shows.
        calls_in_flight: Tool calls that have begun and are not answered yet.
    """

    def __init__(self) -> None:
        self.calls_in_flight = 0
        self.registry = CollectorRegistry(auto_describe=False)
        self._calls = Counter("mcp_tool_calls", "Tool calls answered.", ["tool"], registry=self.registry)
        self._errors = Counter(
            "mcp_tool_errors",
            "Tool calls answered with isError or an error.",
            ["tool"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "mcp_tool_duration_seconds",
            "Time from a valid tools/call to its result.",
            ["tool"],
            buckets=_DURATION_BUCKETS_S,
            registry=self.registry,
        )
        self._by_tool: dict[str, tuple[Counter, Counter, Histogram]] = {}
        self._listeners: list[CallListener] = []

    def observe_call(self, tool: str, duration_s: float, *, failed: bool) -> None:
        """Count one tool call.

        Args:
            tool: Name of a tool that exists, or `UNKNOWN_TOOL`.
            duration_s: Seconds from the valid request to its result.
            failed: Whether the client got `isError` or a JSON-RPC error.
        """
        children = self._by_tool.get(tool)
        if children is None:
            children = self._by_tool[tool] = (
                self._calls.labels(tool),
                self._errors.labels(tool),
                self._durations.labels(tool),
            )
        calls, errors, durations = children
        calls.inc()
        if failed:
            errors.inc()
        durations.observe(duration_s)
        for listener in self._listeners:
            listener(tool, duration_s, failed)

    def add_listener(self, listener: CallListener) -> None:
        """Tell `listener` of each call from now on."""
        self._listeners.append(listener)

    def watch(
        self,
        traffic: Traffic,
        sessions_open: Callable[[], int],
        lane: Lane | None,
        rate_limit: RateLimit | None,
    ) -> None:
        """Read traffic, sessions, the fast lane, refusals and the process on each scrape."""
        self.registry.register(_Scrape(traffic, sessions_open, lane, rate_limit))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics as text in the format that the `Accept` header asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Scrape(Collector):
    def __init__(
        self,
        traffic: Traffic,
        sessions_open: Callable[[], int],
        lane: Lane | None,
        rate_limit: RateLimit | None,
    ) -> None:
        self._traffic = traffic
        self._sessions_open = sessions_open
        self._lane = lane
        self._rate_limit = rate_limit

    def collect(self) -> Iterator[Metric]:
        traffic = self._traffic
        yield GaugeMetricFamily("mcp_sessions_open", "Sessions open now.", value=self._sessions_open())
        yield CounterMetricFamily("mcp_sessions_created", "Sessions opened.", value=traffic.sessions_created)
        yield GaugeMetricFamily(
            "mcp_requests_in_flight", "HTTP requests being answered.", value=traffic.in_flight
        )
        responses = CounterMetricFamily("mcp_http_responses", "HTTP responses by status.", labels=["status"])
        for status, count in sorted(traffic.responses.items()):
            responses.add_metric([str(status)], count)
        yield responses
        if self._lane is not None:
            yield CounterMetricFamily(
                "mcp_fast_lane_calls", "Tool calls answered without FastMCP.", value=self._lane.answered
            )
            tools = GaugeMetricFamily(
                "mcp_fast_lane_tool",
                "1 for a tool on the fast lane, 0 and why not.",
                labels=["tool", "reason"],
            )
            for tool, reason in sorted(self._lane.reasons().items()):
                tools.add_metric([tool, reason], 0.0 if reason else 1.0)
            yield tools
        if self._rate_limit is not None:
            yield CounterMetricFamily(
                "mcp_rate_limited", "Messages refused with 429.", value=self._rate_limit.refused
            )
        yield GaugeMetricFamily("mcp_workers", "Processes that serve.", value=1)
        # Names of the Prometheus client libraries' own process collector, which knows Linux only.
        yield GaugeMetricFamily(
            "process_resident_memory_bytes", "Resident memory.", value=process.rss_bytes()
        )
        yield CounterMetricFamily("process_cpu_seconds", "CPU time, user and system.", value=process.cpu_s())
        yield GaugeMetricFamily("process_open_fds", "Open files or handles.", value=process.open_files())
        yield GaugeMetricFamily("process_threads", "Threads.", value=process.threads())
        yield GaugeMetricFamily(
            "process_start_time_seconds", "Start, since the epoch.", value=process.start_time_s()
        )
        yield GaugeMetricFamily("process_uptime_seconds", "Time since the start.", value=process.uptime_s())
