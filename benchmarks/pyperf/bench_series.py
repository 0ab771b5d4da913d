"""Benchmarks of reading k6's recording: 13 minutes with one period per second, as in the scenario ``load``.

The recording is generated from a seed. It has k6's metrics, the lab's, and the sub-metrics by tool and stage
of a real run; VUs and calls vary from period to period.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence

from harness import expect, make_runner, subject

series = subject("perf_core.analysis.series", "perf_core.series")

SEED = 7
PERIODS = 780
STARTED_AT_S = 1_700_000_000
TOOLS = ("add", "subtract", "multiply", "divide")
STAGES = ("ramp_50", "hold_50", "ramp_100", "hold_100", "ramp_0")
AGGREGATES = {
    "counter": ["count", "rate"],
    "gauge": ["value"],
    "rate": ["rate"],
    "trend": ["avg", "max", "med", "min", "p(90)", "p(95)", "p(99)"],
}
REQUEST_PARTS = ("blocked", "connecting", "duration", "receiving", "sending", "tls_handshaking", "waiting")
KINDS: dict[str, str] = {
    "time": "gauge",
    "vus": "gauge",
    "vus_max": "gauge",
    "data_received": "counter",
    "data_sent": "counter",
    "http_req_failed": "rate",
    "http_reqs": "counter",
    "iterations": "counter",
    "iteration_duration": "trend",
    **{f"http_req_{part}": "trend" for part in REQUEST_PARTS},
    "mcp_overhead_requests": "counter",
    "mcp_session_creation_ms": "trend",
    "mcp_sessions_opened": "counter",
    "mcp_tool_call_duration_ms": "trend",
    **{f"mcp_tool_call_duration_ms{{tool:{tool}}}": "trend" for tool in TOOLS},
    **{f"mcp_tool_call_duration_ms{{stage:{stage}}}": "trend" for stage in STAGES},
}


def calls_of(period: int) -> int:
    """Return the number of calls in a period of the recording."""
    return 900 + 37 * period % 200


def recording() -> list[str]:
    """Return the lines of the recording, always the same."""
    rng = random.Random(SEED)
    param = {"scenarios": ["load"], "endOffset": 0, "period": 1000, "aggregates": AGGREGATES}
    metrics = {name: {"type": kind} for name, kind in KINDS.items()}
    lines = [_event("param", param), _event("metric", metrics)]
    return lines + [_event("snapshot", _snapshot(period, rng)) for period in range(PERIODS)]


def _snapshot(period: int, rng: random.Random) -> list[list[float]]:
    calls = calls_of(period)
    counts = {"http_reqs": calls, "iterations": calls, "mcp_overhead_requests": 0}
    stage = STAGES[period * len(STAGES) // PERIODS]
    rows: list[list[float]] = []
    for name, kind in sorted(KINDS.items()):
        if name == "time":
            rows.append([1000 * (STARTED_AT_S + 1 + period)])
        elif "{stage:" in name and f"{{stage:{stage}}}" not in name:
            rows.append([])  # no samples in this period
        elif kind == "counter":
            count = counts.get(name, rng.randint(1_000, 100_000))
            rows.append([count, count])
        elif kind == "trend":
            rows.append([round(value, 5) for value in sorted(rng.uniform(0.2, 90) for _ in range(7))])
        else:
            rows.append([rng.randint(1, 100) if kind == "gauge" else 0])
    return rows


def _event(event: str, data: object) -> str:
    return json.dumps({"event": event, "data": data}, separators=(",", ":"))


def _read_wall_s(loops: int) -> float:
    lines = recording()
    _expect_all(lines)
    began = time.perf_counter()
    for _ in range(loops):
        for _period in series.read_recording(lines):
            pass
    return time.perf_counter() - began


def _columns_wall_s(loops: int) -> float:
    lines = recording()
    _expect_all(lines)
    periods = list(series.read_recording(lines))
    began = time.perf_counter()
    for _ in range(loops):
        series.load_columns(periods, STARTED_AT_S, PERIODS, 1.0)
    return time.perf_counter() - began


def _expect_all(lines: Sequence[str]) -> None:
    columns = series.load_columns(series.read_recording(lines), STARTED_AT_S, PERIODS, 1.0)
    calls = [round(rate) if rate is not None else None for rate in columns["calls_per_s"]]
    expect("the calls of each period", [calls_of(period) for period in range(PERIODS)], calls)


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    runner.bench_time_func(f"series: read a recording of {PERIODS} periods", _read_wall_s)
    runner.bench_time_func(f"series: columns of {PERIODS} periods", _columns_wall_s)


if __name__ == "__main__":
    main()
