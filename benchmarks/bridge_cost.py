"""Measure what the bridge to servers on stdio costs per call, with a child that answers at once.

    python benchmarks/bridge_cost.py --rounds 10

Each round starts a bridge and measures twice: one client that waits for each answer (time and CPU per call,
as the lab does before a load), and several at once with a session each (CPU per call of a busy bridge).
Prints JSON with the medians of the rounds, and exits with 1 if one exceeds its goal. Needs an otherwise idle
machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from perf_core.server.bridge import echo_child
from perf_core.server.bridge.cost import measure_cost
from perf_core.server.bridge.pages import MCP_PATH, Exchanges, read_counts

GOAL_P50_US = 150.0
GOAL_CPU_US = 80.0
READY_S = 20.0
INITIALIZE = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}'
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"a":1,"b":2}}}'


@contextmanager
def bridge() -> Iterator[str]:
    """Yield the URL of a bridge whose children are echo children."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [
            sys.executable,
            "-m",
            "perf_core.server.bridge",
            "--with-stdin",
            "--ready-file",
            str(ready),
        ]
        with subprocess.Popen([*command, "--", *echo_child.ARGV], stdin=subprocess.PIPE) as process:
            deadline = time.monotonic() + READY_S
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("expected a bridge that gets ready, got none")
                time.sleep(0.01)
            try:
                yield json.loads(ready.read_text(encoding="utf-8"))["url"]
            finally:
                process.communicate()  # closes standard input, with which the bridge ends


def busy(url: str, clients: int, calls: int) -> dict[str, float]:
    """Return CPU per call and calls per second of a bridge with several clients at once."""
    with ExitStack() as stack:
        connections = [stack.enter_context(Exchanges(url)) for _ in range(clients)]
        sessions = []
        for http in connections:
            head, _ = http.exchange(http.request("POST", MCP_PATH, INITIALIZE))
            sessions.append(head.lower().partition(b"mcp-session-id:")[2].split(b"\r\n")[0].decode().strip())

        def work(http: Exchanges, session: str) -> None:
            for number in range(1, calls + 1):
                http.exchange(http.request("POST", MCP_PATH, CALL % number, session))

        before, began = read_counts(url), time.perf_counter()
        threads = [
            threading.Thread(target=work, args=pair) for pair in zip(connections, sessions, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after, elapsed_s = read_counts(url), time.perf_counter() - began
    assert before is not None
    assert after is not None
    requests = after.requests - before.requests
    assert requests == clients * calls, requests
    return {"cpu_us": (after.cpu_s - before.cpu_s) * 1e6 / requests, "calls_per_s": requests / elapsed_s}


def main() -> int:
    """Measure, print and compare with the goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=1000, help="calls of each client of a busy bridge")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        with bridge() as url:
            cost = measure_cost(url)
            assert cost is not None
            many = busy(url, options.clients, options.calls)
        rounds.append(
            {
                "p50_us": cost.p50_us,
                "direct_p50_us": cost.direct_p50_us,
                "added_us": cost.added_us,
                "cpu_us": cost.cpu_us_per_call,
                "busy_cpu_us": many["cpu_us"],
                "busy_calls_per_s": many["calls_per_s"],
            }
        )
    medians = {name: round(statistics.median(each[name] for each in rounds), 1) for name in rounds[0]}
    ranges = {
        name: [round(min(each[name] for each in rounds), 1), round(max(each[name] for each in rounds), 1)]
        for name in rounds[0]
    }
    goals = {"p50_us": GOAL_P50_US, "cpu_us": GOAL_CPU_US}
    print(json.dumps({"median": medians, "range": ranges, "goals": goals}, indent=1))
    return int(any(medians[name] > goal for name, goal in goals.items()))


if __name__ == "__main__":
    sys.exit(main())
