"""Compare the rungs of ``perf-core ladder`` with direct measurements, which share no code with it.

The direct program times the bare function, the app's ``call_tool`` and a client in memory in
loops of its own, and the server's CPU per call over HTTP with ``http.client`` against FastMCP's own
``run(transport="http")``. Ladder and direct program alternate; the table shows the ratio of the CPU times per
call, with 95 % intervals. The aim is 5 %.

    python benchmarks/ladder_accuracy.py --repeats 12
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from perf_core.analysis.quantiles import quantile
from perf_core.interruption import Interruption
from perf_core.runs.ladder.measuring import Request, measure_ladder
from perf_core.targets.apps import parse_app

APP = '''
from fastmcp import FastMCP

mcp = FastMCP("accuracy")


@mcp.tool(annotations={"readOnlyHint": True})
async def total(prices: list[float]) -> float:
    """Return the sum of prices."""
    return sum(sorted(price * price for price in prices))
'''

DIRECT = """
import asyncio, http.client, json, socket, subprocess, sys, time

from fastmcp import Client

import accuracy_app

PRICES = [float(number) for number in range(200)]
CALLS = 300
results = {}


async def drive(calls):
    total = getattr(accuracy_app.total, "fn", accuracy_app.total)
    await total(PRICES)
    before = time.process_time()
    for _ in range(calls):
        await total(PRICES)
    results["function"] = (time.process_time() - before) / calls * 1e6


asyncio.run(drive(5000))


async def server():
    for _ in range(30):
        await accuracy_app.mcp.call_tool("total", {"prices": PRICES})
    before = time.process_time()
    for _ in range(CALLS):
        await accuracy_app.mcp.call_tool("total", {"prices": PRICES})
    results["server"] = (time.process_time() - before) / CALLS * 1e6


async def session():
    async with Client(accuracy_app.mcp) as client:
        for _ in range(30):
            await client.call_tool("total", {"prices": PRICES})
        before = time.process_time()
        for _ in range(CALLS):
            await client.call_tool("total", {"prices": PRICES})
        results["session"] = (time.process_time() - before) / CALLS * 1e6


def new_loop():
    import uvloop
    return uvloop.new_event_loop()


for work in (server, session):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
options = f"transport='http', port={port}, log_level='warning', show_banner=False"
code = f"import accuracy_app; accuracy_app.mcp.run({options})"
process = subprocess.Popen([sys.executable, "-c", code])
try:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    def post(message):
        connection.request("POST", "/mcp", json.dumps(message), headers)
        response = connection.getresponse()
        response.read()
        return response

    name = {"name": "direct", "version": "1"}
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": name}
    opened = post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client})
    headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
    headers["MCP-Protocol-Version"] = "2025-06-18"
    post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(number):
        params = {"name": "total", "arguments": {"prices": PRICES}}
        post({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})

    def server_cpu_s():
        return time.clock_gettime_ns((~process.pid << 3) | 2) / 1e9

    for number in range(1, 31):
        call(number)
    before = server_cpu_s()
    for number in range(31, 31 + CALLS):
        call(number)
    results["http"] = (server_cpu_s() - before) / CALLS * 1e6
finally:
    process.kill()
    process.wait()
print(json.dumps(results))
"""


def ladder(app: Path, folder: Path) -> dict[str, float]:
    """Return the CPU time per call in microseconds by rung, as the ladder measures it."""
    request = Request(
        parse_app(f"{app}:mcp"),
        sys.executable,
        tool="total",
        arguments={"prices": [float(number) for number in range(200)]},
        rounds=3,
    )
    folder.mkdir(exist_ok=True)
    result = measure_ladder(request, folder, interruption=Interruption(), on_progress=lambda *_: None)
    return {rung.key: rung.cpu_us.median for rung in result.rungs}


def direct(folder: Path) -> dict[str, float]:
    """Return the same by the direct program."""
    done = subprocess.run(
        [sys.executable, "-c", DIRECT], cwd=folder, capture_output=True, text=True, check=True, timeout=300
    )
    results: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="ladder_accuracy.py"
    )
    parser.add_argument("--repeats", type=int, default=12)
    options = parser.parse_args(arguments)
    ratios: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="perf-core-") as name:
        folder = Path(name)
        app = folder / "accuracy_app.py"
        app.write_text(APP, encoding="utf-8")
        for number in range(options.repeats):
            by_ladder, by_hand = ladder(app, folder / "ladder"), direct(folder)
            for rung, value in by_hand.items():
                ratios.setdefault(rung, []).append(by_ladder[rung] / value)
            shown = {rung: f"{values[-1]:.3f}" for rung, values in ratios.items()}
            print(f"{number + 1} of {options.repeats}: {shown}", flush=True)
    print("\nCPU per call by the ladder, as a ratio to direct measurement")
    for rung, values in ratios.items():
        middle = quantile(values, 0.5)
        ends = "" if middle.low is None else f", 95 % interval {middle.low:.3f} to {middle.high:.3f}"
        print(f"  {rung:<10} {middle.value:.3f}{ends}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
