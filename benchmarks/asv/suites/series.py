"""Reading of k6's recording, which the lab does after every run."""

from __future__ import annotations

import json
import time

from .subject import subject

PERIODS = 600
START_MS = 1_700_000_000_000
KINDS = {
    "counter": ["count", "rate"],
    "gauge": ["value"],
    "rate": ["rate"],
    "trend": ["avg", "max", "med", "min", "p(90)", "p(95)", "p(99)"],
}
METRICS = {
    "data_received": "counter",
    "data_sent": "counter",
    "http_req_blocked": "trend",
    "http_req_connecting": "trend",
    "http_req_duration": "trend",
    "http_req_failed": "rate",
    "http_req_receiving": "trend",
    "http_req_sending": "trend",
    "http_req_waiting": "trend",
    "http_reqs": "counter",
    "iterations": "counter",
    "mcp_errors": "counter",
    "mcp_overhead_requests": "counter",
    "mcp_session_creation_ms": "trend",
    "mcp_sessions_opened": "counter",
    "mcp_tool_call_duration_ms": "trend",
    **{f"mcp_tool_call_duration_ms{{tool:{tool}}}": "trend" for tool in ("add", "subtract", "divide")},
    "time": "gauge",
    "vus": "gauge",
}


def recording() -> list[str]:
    """Return a recording as k6 1.1.0 writes it: ten minutes in periods of one second."""
    names = sorted(METRICS)
    lines = [_event("param", {"period": 1000, "aggregates": KINDS})]
    lines.append(_event("metric", {name: {"type": METRICS[name]} for name in names}))
    for period in range(1, PERIODS + 1):
        values = [[period % 97 + 0.125 * n for n in range(len(KINDS[METRICS[name]]))] for name in names]
        values[names.index("time")] = [START_MS + 1000 * period]
        lines.append(_event("snapshot", values))
    return lines


def _event(name: str, data: object) -> str:
    return json.dumps({"event": name, "data": data})


class Series:
    """From the lines of a recording to the columns of the record."""

    version = "1"
    timeout = 60
    timer = time.process_time
    rounds = 2
    repeat = 5

    def setup(self) -> None:
        """Create the recording."""
        self.series = subject("perf_core.analysis.series", "perf_core.series")
        self.lines = recording()

    def time_600_periods(self) -> None:
        """Read ten minutes of load."""
        periods = self.series.read_recording(self.lines)
        columns = self.series.load_columns(periods, START_MS / 1000, float(PERIODS), 1.0)
        if len(columns["t_s"]) != PERIODS:
            raise RuntimeError(f"expected {PERIODS} periods, got {len(columns['t_s'])}")


Series.time_600_periods.pretty_name = "k6 series: reading 600 periods (CPU time)"
