"""Measure the figures for docs/performance.md that `perf-core compare` does not provide.

    python benchmarks/performance/measure.py cycles --output FILE.json
    python benchmarks/performance/measure.py fixed-rate --output FILE.json
    python benchmarks/performance/measure.py idle-sessions --output FILE.json

`cycles`: sessions per second that are opened, used for three calls and ended, on the calculator and on plain
FastMCP, in pairs of slices in random order over several launches of both. `fixed-rate`: quantiles of latency
at a fixed number of calls per second, slice by slice, on both wires. `idle-sessions`: resident memory per
open session, launch by launch.

Servers and generator run on different CPUs. Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import cyclopts
import httpx2
import psutil
from cyclopts import Parameter
from scipy import stats

from perf_core.adapter import WIRES, Wire
from perf_core.comparison.intervals import estimate
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.results.manifest import commit, machine
from perf_core.sampling.affinity import Split, keep_to, split_cpus
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.targets.registry import find_subjects

SCRIPT: Final = Path(__file__).with_name("load.js")
SERVER, PLAIN = "calculator", "reference-fastmcp"
MANY_SESSIONS: Final = {SERVER: ("--max-sessions-per-client", "10000")}
"""Options with which one client may open all sessions."""

LEVEL: Final = 0.95

Output = Annotated[Path, Parameter(help="JSON file for the figures.")]

app = cyclopts.App(name="measure.py", help="Measure what `perf-core compare` does not.")


@app.command
def cycles(*, output: Output, launches: int = 4, pairs: int = 5, slice_s: float = 3.0, vus: int = 10) -> None:
    """Measure session cycles per second, compared with plain FastMCP."""

    def measure(split: Split | None, interruption: Interruption) -> Mapping[str, Any]:
        rng = random.Random(1)
        rows: list[list[dict[str, Any]]] = []
        for _ in range(launches):
            with ExitStack() as stack:
                urls = {
                    name: stack.enter_context(served(name, "session", split, interruption)).url
                    for name in (SERVER, PLAIN)
                }
                rows.append([])
                for number in range(pairs + 1):
                    row = {}
                    for name in rng.sample([SERVER, PLAIN], 2):
                        row[name] = load(
                            split, urls[name], slice_s, KIND="cycles", VUS=str(vus), WIRE="session"
                        )
                    if number:  # the first pair warms both up
                        rows[-1].append(row)
        log_ratios = [
            [math.log(row[SERVER]["cycles_per_s"] / row[PLAIN]["cycles_per_s"]) for row in launch]
            for launch in rows
        ]
        ratio = estimate(log_ratios)
        if ratio is None:
            raise SystemExit(f"expected at least two launches, got {launches}")
        return {
            "vus": vus,
            "ratio": ratio.ratio,
            "interval": ratio.interval(LEVEL),
            "cycles_per_s": {
                name: median(row[name]["cycles_per_s"] for launch in rows for row in launch)
                for name in (SERVER, PLAIN)
            },
            "launches": rows,
        }

    write(output, measure)


@app.command(name="fixed-rate")
def fixed_rate(
    *, output: Output, rate_per_s: int = 1000, slices: int = 12, slice_s: float = 5.0, vus: int = 50
) -> None:
    """Measure latency at a fixed rate."""

    def measure(split: Split | None, interruption: Interruption) -> Mapping[str, Any]:
        figures = {}
        for wire in WIRES:
            with served(SERVER, wire, split, interruption) as live:
                options = {"KIND": "fixed-rate", "VUS": str(vus), "RATE": str(rate_per_s), "WIRE": wire}
                load(split, live.url, slice_s, **options)
                rows = [load(split, live.url, slice_s, **options) for _ in range(slices)]
            figures[wire] = {
                quantile: median(row["call_ms"][key] for row in rows)
                for quantile, key in (("med_ms", "med"), ("p95_ms", "p(95)"), ("p99_ms", "p(99)"))
            } | {"slices": rows}
        return {"rate_per_s": rate_per_s, "vus": vus, "wires": figures}

    write(output, measure)


@app.command(name="idle-sessions")
def idle_sessions(*, output: Output, launches: int = 6, sessions: int = 5000, warm_up: int = 500) -> None:
    """Measure memory per open session."""

    def measure(split: Split | None, interruption: Interruption) -> Mapping[str, Any]:
        figures: dict[str, Any] = {}
        # Plain FastMCP is only measured for comparison; a tenth of the sessions is enough.
        for name, count in ((SERVER, sessions), (PLAIN, sessions // 10)):
            per_session = [
                memory_per_session(name, count, warm_up, split, interruption) for _ in range(launches)
            ]
            mean = sum(per_session) / launches
            error = stats.sem(per_session)
            half = float(stats.t.ppf((1 + LEVEL) / 2, launches - 1)) * float(error)
            figures[name] = {
                "sessions": count,
                "bytes_per_session": mean,
                "interval": (mean - half, mean + half),
                "launches": per_session,
            }
        return figures

    write(output, measure)


def memory_per_session(
    name: str, sessions: int, warm_up: int, split: Split | None, interruption: Interruption
) -> float:
    """Return the growth of the server's resident memory per open session, in bytes."""
    more = MANY_SESSIONS.get(name, ())
    with served(name, "session", split, interruption, more) as live, httpx2.Client(timeout=30) as http:
        if live.pid is None:
            raise SystemExit(f"expected {name} as a process on this machine, got none")
        server = psutil.Process(live.pid)
        open_sessions(http, live.url, warm_up)  # the first sessions allocate memory that all share
        before_bytes = server.memory_info().rss
        open_sessions(http, live.url, sessions)
        return (server.memory_info().rss - before_bytes) / sessions


def open_sessions(http: httpx2.Client, url: str, count: int) -> None:
    """Open sessions over one connection, so that connections do not count as sessions."""
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "idle", "version": "1"},
    }
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    accept = {"accept": "application/json, text/event-stream"}
    for _ in range(count):
        answer = http.post(url, json=message, headers=accept)
        if answer.status_code != 200 or not answer.headers.get("mcp-session-id"):
            raise SystemExit(f"expected a session, got HTTP {answer.status_code} {answer.text[:300]}")
        done = http.post(
            url,
            json={"jsonrpc": "2.0", "method": "notifications/initialized"},
            headers={
                **accept,
                "mcp-session-id": answer.headers["mcp-session-id"],
                "mcp-protocol-version": "2025-11-25",
            },
        )
        if done.status_code != 202:
            raise SystemExit(
                f"expected HTTP 202 to notifications/initialized, got {done.status_code} {done.text[:300]}"
            )


@contextmanager
def served(
    name: str, wire: Wire, split: Split | None, interruption: Interruption, options: tuple[str, ...] = ()
) -> Iterator[LiveServer]:
    """Start a server on the CPUs for servers, with further options, and yield it."""
    (subject,) = find_subjects([name], (), None)
    launch = subject.adapter.launch
    launch = replace(launch, argv=(*launch.argv, *options))
    with tempfile.TemporaryDirectory() as folder:
        start = StartOptions(Path(folder) / "server.log", launch=launch)
        with live_server(subject, wire, start, interruption) as live:
            if split is not None and live.pid is not None:
                keep_to(live.pid, split.servers)
            yield live


def load(split: Split | None, url: str, slice_s: float, **options: str) -> dict[str, Any]:
    """Run k6 once; return its summary, the rate of cycles, and its own share of a CPU."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        env = {**options, "SERVER_URL": url, "DURATION_S": f"{slice_s:g}", "SUMMARY": str(summary)}
        command = [
            str(find_k6()),
            "run",
            "--quiet",
            "--address",
            "",
            "--no-usage-report",
            "--log-output=stderr",
        ]
        command += [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
        before = os.times()
        done = subprocess.run(
            [*command, str(SCRIPT)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=slice_s + 60,
            preexec_fn=(lambda: os.sched_setaffinity(0, split.generator)) if split is not None else None,
        )
        after = os.times()
        if not summary.exists():
            raise SystemExit(
                f"expected a summary from k6, got exit code {done.returncode}:\n{done.stderr[-2000:]}"
            )
        result: dict[str, Any] = json.loads(summary.read_text())
    if result["faults"]:
        raise SystemExit(f"expected right answers, got {result['faults']} wrong ones:\n{done.stderr[-2000:]}")
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return {**result, "cycles_per_s": result["cycles"] / slice_s, "k6_cpu_share": round(cpu_s / slice_s, 3)}


def write(output: Path, measure: Callable[[Split | None, Interruption], Mapping[str, Any]]) -> None:
    """Measure, then write the figures with machine, versions and commit."""
    with watch_signals() as interruption:
        figures = measure(split_cpus(), interruption)
    manifest = {
        "machine": machine(),
        "k6": k6_version(find_k6()),
        "commit": commit(Path.cwd()),
        "python": sys.version.split()[0],
    }
    output.write_text(
        json.dumps({"figures": figures, "manifest": manifest}, indent=1) + "\n", encoding="utf-8"
    )
    print(json.dumps({key: value for key, value in figures.items() if key != "launches"}, indent=1)[:3000])


if __name__ == "__main__":
    app()
