"""Stages, calls and latencies from k6's summary; pure functions.

A call that was answered, rightly or wrongly, or that timed out is a sample of the latency; the time that a
timed-out call waited is a lower bound. Transport errors, HTTP errors, refusals by a rate limiter and lost
sessions are errors without a sample of latency. The number of calls is the sum of both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf_core.load.plan import ALL_TOOLS, OPENING, Plan
from perf_core.results.record import Accounting, Latency, Metrics, Stage

CALLS = "mcp_tool_call_duration_ms"
ERRORS = "mcp_errors"

ERROR_CLASSES = (
    "transport",
    "http_status",
    "jsonrpc_error",
    "is_error",
    "wrong_answer",
    "timeout",
    "rate_limited",
    "unanswered",
    "session_lost",
)
SAMPLELESS_CLASSES = frozenset({"transport", "http_status", "rate_limited", "session_lost"})

_OF_THE_BRIDGE = ("transport", "http_status")

WAITING_CLASSES = frozenset({"timeout", "unanswered"})
"""Classes of calls that nobody answered; ``unanswered`` ones were in flight at the end of the load."""

FIGURE_KINDS = frozenset({"hold", "baseline", "spike", "recovery"})
"""Kinds of stages that count for the run's latency and throughput; ramps only lead to them."""

NO_LATENCY = Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Summary:
    """k6's summary, the output of ``k6/lib/summary.js``, read by metric and tags.

    Attributes:
        without_http: Whether the server speaks no HTTP, and every status is that of the lab's bridge: it
            stands for a process that has ended, and counts as a failed connection.
    """

    document: Mapping[str, Any]
    without_http: bool = False

    def values(self, metric: str, **tags: str) -> Mapping[str, float]:
        """Return the values of a metric, or of its sub-metric with these tags; empty without samples."""
        name = metric
        if tags:
            name += "{" + ",".join(f"{key}:{value}" for key, value in tags.items()) + "}"
        values: Mapping[str, float] = self.document["metrics"].get(name, {}).get("values", {})
        return values

    def count(self, metric: str, **tags: str) -> int:
        """Return a counter's value or a trend's number of samples."""
        if self.without_http and metric == ERRORS and tags.get("class") in _OF_THE_BRIDGE:
            if tags["class"] == "http_status":
                return 0
            return sum(self._count(metric, {**tags, "class": name}) for name in _OF_THE_BRIDGE)
        return self._count(metric, tags)

    def _count(self, metric: str, tags: Mapping[str, str]) -> int:
        return int(self.values(metric, **tags).get("count", 0))

    @property
    def started_vus(self) -> int:
        """Virtual users that an arrival rate made k6 start during the load."""
        load = self.document.get("options", {}).get("scenarios", {}).get("load", {})
        ready = load.get("preAllocatedVUs")
        return 0 if ready is None else max(0, int(self.values("vus_max").get("max", ready)) - int(ready))

    def latency(self, metric: str, *, lower_bounds: int = 0, **tags: str) -> Latency:
        """Return the distribution of a trend; all zero without samples."""
        v = self.values(metric, **tags)
        if not v.get("count"):
            return NO_LATENCY
        return Latency(
            count=int(v["count"]),
            min=v["min"],
            avg=v["avg"],
            med=v["med"],
            p90=v["p(90)"],
            p95=v["p(95)"],
            p99=v["p(99)"],
            max=v["max"],
            lower_bounds=lower_bounds,
        )

    def call_latency(self, **tags: str) -> Latency:
        """Return the latency of the tool calls with these tags."""
        waiting = sum(self.count(ERRORS, **{"class": name}, **tags) for name in WAITING_CLASSES)
        if "tool" not in tags:
            # A session that was not opened in time is an error without a call.
            opening = {**tags, "tool": OPENING}
            waiting -= sum(self.count(ERRORS, **{"class": name}, **opening) for name in WAITING_CLASSES)
        return self.latency(CALLS, lower_bounds=waiting, **tags)

    @property
    def started_at_s(self) -> float:
        """Start of the load, seconds since the epoch."""
        return float(self.document["started_at_ms"]) / 1000

    @property
    def planned_stages(self) -> Sequence[Mapping[str, Any]]:
        """Stages as the load shape planned them."""
        stages: Sequence[Mapping[str, Any]] = self.document["stages"]
        return stages


def stages(summary: Summary, ended_at_s: float) -> tuple[Stage, ...]:
    """Return the stages that began before the load ended, ``ended_at_s`` seconds after its start."""
    return tuple(
        _stage(summary, planned, ended_at_s)
        for planned in summary.planned_stages
        if planned["start_s"] < ended_at_s
    )


def _stage(summary: Summary, planned: Mapping[str, Any], ended_at_s: float) -> Stage:
    name = planned["name"]
    end_s = min(float(planned["end_s"]), ended_at_s)
    latency = summary.call_latency(stage=name)
    errors = {c: summary.count(ERRORS, **{"class": c}, stage=name) for c in ERROR_CLASSES}
    unopened = {c: summary.count(ERRORS, **{"class": c}, stage=name, tool=OPENING) for c in ERROR_CLASSES}
    calls, correct = _calls(latency.count, errors, unopened)
    return Stage(
        name=name,
        kind=planned["kind"],
        vus=planned["vus"],
        rate_per_s=planned["rate_per_s"],
        start_s=float(planned["start_s"]),
        end_s=end_s,
        calls=calls,
        calls_per_s=correct / max(end_s - float(planned["start_s"]), 1e-3),
        error_rate=_share(calls - correct, calls),
        latency_ms=latency,
    )


def _calls(samples: int, errors: Mapping[str, int], unopened: Mapping[str, int]) -> tuple[int, int]:
    """Return the number of calls and of correct answers among them.

    A session that could not be opened counts as the one call that it prevented.
    """
    with_sample = sum(n - unopened[name] for name, n in errors.items() if name not in SAMPLELESS_CLASSES)
    calls = samples - with_sample + sum(errors.values())
    return calls, max(0, calls - sum(errors.values()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def metrics(summary: Summary, reached: Sequence[Stage], plan: Plan) -> Metrics:
    """Return the figures of the whole run."""
    errors = {c: summary.count(ERRORS, **{"class": c}) for c in ERROR_CLASSES}
    # Sessions that could not be opened, and requests of other kinds, which have no sample of a call either.
    unopened = {
        c: n - sum(summary.count(ERRORS, **{"class": c}, tool=tool) for tool in plan.tools)
        for c, n in errors.items()
    }
    calls, correct = _calls(summary.count(CALLS), errors, unopened)
    by_tool = {tool: summary.call_latency(tool=tool) for tool in plan.tools}
    waiting = sum(latency.lower_bounds for latency in by_tool.values())
    held = [stage for stage in reached if stage.kind in FIGURE_KINDS]
    held_s = sum(stage.end_s - stage.start_s for stage in held)
    session = summary.latency("mcp_session_creation_ms")
    return Metrics(
        tool_calls=calls,
        tool_calls_per_s=_share(sum(s.calls_per_s * (s.end_s - s.start_s) for s in held), held_s),
        error_rate=_share(calls - correct, calls),
        errors={name: n for name, n in errors.items() if n},
        latency_ms={ALL_TOOLS: summary.latency(CALLS, lower_bounds=waiting), **by_tool},
        session_creation_ms=session if plan.wire == "session" else None,
        journey_ms={
            name: summary.latency("mcp_journey_duration_ms", journey=name) for name in plan.journey_names
        },
        kinds_ms=_kinds(summary, plan),
        kinds_error_rate=_kinds_error_rate(summary, plan),
        protocol_ms=_protocol(summary),
        sessions_opened=summary.count("mcp_sessions_opened"),
        sessions_closed=summary.count("mcp_sessions_closed"),
        errors_by_tool=_errors_by_tool(summary, plan),
        phases_ms=_phases(summary),
        quantiles_ms=_quantiles(summary.values(CALLS)),
    )


def _errors_by_tool(summary: Summary, plan: Plan) -> dict[str, dict[str, int]]:
    by_tool = {
        tool: {c: n for c in ERROR_CLASSES if (n := summary.count(ERRORS, **{"class": c}, tool=tool))}
        for tool in (*plan.tools, OPENING)
    }
    return {tool: errors for tool, errors in by_tool.items() if errors}


_PHASES = {
    "connect": "http_req_connecting",
    "tls": "http_req_tls_handshaking",
    "wait": "http_req_waiting",
    "transfer": "http_req_receiving",
}
"""k6's metric for each part of a request."""


def _phases(summary: Summary) -> dict[str, Latency]:
    requests = summary.count("http_reqs")
    # k6 counts samples of a metric only where the summary asks for them.
    latencies = {name: summary.latency(metric) for name, metric in _PHASES.items()}
    return {name: each for name, each in latencies.items() if each.count} if requests else {}


_PERCENTILE = re.compile(r"p\(([\d.]+)\)")


def _quantiles(values: Mapping[str, float]) -> tuple[tuple[float, float], ...]:
    """Return the quantiles of a trend: pairs of a share and a value, from its minimum to its maximum."""
    if not values.get("count"):
        return ()
    by_share = {0.0: values["min"], 0.5: values["med"], 1.0: values["max"]}
    for name, value in values.items():
        percentile = _PERCENTILE.fullmatch(name)
        if percentile:
            by_share[float(percentile[1]) / 100] = value
    return tuple(sorted(by_share.items()))


def accounting(summary: Summary, metrics: Metrics, plan: Plan, *, cut_off: int | None) -> Accounting:
    """Return what became of every call that began.

    The calls that began are counted by k6 itself: its requests without those of other kinds. A session that
    could not be opened counts as the one call that it prevented.

    Args:
        cut_off: Calls in flight when the load was ended early; None when it ran to its end.
    """
    failed = sum(metrics.errors.values())
    answered = metrics.tool_calls - failed
    if cut_off is not None:
        # Ending k6 early may also lose the outcome of calls that had just ended.
        return Accounting(answered + failed + cut_off, answered, failed, cut_off)
    of_tools = sum(count for tool in plan.tools for count in metrics.errors_by_tool.get(tool, {}).values())
    requests = summary.count("http_reqs") - summary.count("mcp_overhead_requests")
    return Accounting(requests + failed - of_tools, answered, failed, 0)


def _kinds(summary: Summary, plan: Plan) -> dict[str, dict[str, Latency]]:
    split = {
        tool: {
            kind: latency
            for kind in plan.kinds
            if (latency := summary.call_latency(tool=tool, kind=kind)).count
        }
        for tool in plan.tools
    }
    whole = {kind: latency for kind in plan.kinds if (latency := summary.call_latency(kind=kind)).count}
    by_tool = {tool: kinds for tool, kinds in split.items() if kinds}
    return {**by_tool, ALL_TOOLS: whole} if whole else by_tool


def _kinds_error_rate(summary: Summary, plan: Plan) -> dict[str, float]:
    rates: dict[str, float] = {}
    for kind in plan.kinds:
        errors = {c: summary.count(ERRORS, **{"class": c}, kind=kind) for c in ERROR_CLASSES}
        calls, correct = _calls(summary.count(CALLS, kind=kind), errors, dict.fromkeys(ERROR_CLASSES, 0))
        if calls:
            rates[kind] = _share(calls - correct, calls)
    return rates


def _protocol(summary: Summary) -> dict[str, Latency]:
    prefix = "mcp_protocol_duration_ms{method:"
    methods = [
        name.removeprefix(prefix).removesuffix("}")
        for name in summary.document["metrics"]
        if name.startswith(prefix)
    ]
    latencies = {method: summary.latency("mcp_protocol_duration_ms", method=method) for method in methods}
    return {method: latency for method, latency in latencies.items() if latency.count}


@dataclass(frozen=True)
class Window:
    """A span of time, in seconds since the epoch."""

    start_s: float
    end_s: float

    def __contains__(self, at_s: float) -> bool:
        return self.start_s <= at_s <= self.end_s


def held_window(summary: Summary, reached: Sequence[Stage]) -> Window:
    """Return the span from the first to the last stage of FIGURE_KINDS, else that of the whole load."""
    held = [stage for stage in reached if stage.kind in FIGURE_KINDS] or list(reached)
    start = min((stage.start_s for stage in held), default=0.0)
    end = max((stage.end_s for stage in held), default=0.0)
    return Window(summary.started_at_s + start, summary.started_at_s + end)
