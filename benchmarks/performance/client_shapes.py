"""Measure the server's CPU time per tool call by client.

    python benchmarks/performance/client_shapes.py --output FILE.json

The calculator with the lane and without, and bare ASGI for comparison, get the same call of `add` as
different clients send it: hand-made requests with different `_meta` over 50 connections, and real clients. In
each round all of them take turns in random order; launches are the samples. What real clients cost until they
have made a call is stated apart. `/metrics` says how many calls were on the lane; the script fails if any was
not.

Servers and clients run on different CPUs. Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import closed_loop
import cyclopts
import httpx2
import real_clients
import uvloop
from cyclopts import Parameter
from lab_references.node import find_node
from shapes import SHAPES

from perf_core.adapter import WIRES, Wire
from perf_core.comparison.intervals import estimate
from perf_core.interruption import Interruption, watch_signals
from perf_core.results.manifest import commit, machine
from perf_core.sampling.affinity import Split, split_cpus
from perf_core.sampling.sampler import TreeMeter
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.targets.registry import find_subjects

LANE, PLAIN, BARE_ASGI = "lane", "FastMCP", "bare ASGI"
TYPESCRIPT: Final = "TypeScript SDK"
REAL_CLIENTS: Final = (*real_clients.CLIENTS, TYPESCRIPT)
LEVEL: Final = 0.95
CONNECTIONS: Final = 50
REAL_CONNECTIONS: Final = 5

app = cyclopts.App(name="client_shapes.py", help="Measure the server's CPU time per call by client.")


@dataclass(frozen=True)
class Cell:
    """Subject of one slice: a client's calls of a server on a wire."""

    server: str
    client: str
    wire: Wire

    def __str__(self) -> str:
        return f"{self.server}, {self.client}, {self.wire}"


@app.default
def measure(
    *,
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    launches: int = 4,
    rounds: int = 3,
    slice_s: float = 1.5,
    clients: Annotated[Sequence[str], Parameter("--client", help="Only this client; may be repeated.")] = (),
) -> None:
    """Measure, print a table and write the figures with machine and commit."""
    unknown = set(clients) - {*SHAPES, *REAL_CLIENTS}
    if unknown:
        raise SystemExit(f"expected clients among {', '.join([*SHAPES, *REAL_CLIENTS])}, got {unknown}")
    missing = real_clients.typescript_missing()
    if missing:
        print(missing, file=sys.stderr)
    cells = [
        Cell(server, client, wire)
        for wire in WIRES
        for client in (*SHAPES, *REAL_CLIENTS)
        for server in (LANE, PLAIN, BARE_ASGI)
        if (not clients or client in clients or client == "bare")
        and (server != BARE_ASGI or client == "bare")
        and not (client == TYPESCRIPT and missing)
    ]
    host = machine()  # before this process is bound to the CPUs of clients
    with watch_signals() as interruption:
        split = split_cpus()
        if split is not None:
            os.sched_setaffinity(0, split.generator)
        rows = [measure_launch(cells, rounds, slice_s, split, interruption) for _ in range(launches)]
    figures = [figure(cell, rows) for cell in cells]
    print(table(figures))
    manifest = {
        "machine": host,
        "commit": commit(Path.cwd()),
        "python": sys.version.split()[0],
        "slice_s": slice_s,
        "rounds": rounds,
    }
    output.write_text(
        json.dumps({"figures": figures, "manifest": manifest}, indent=1) + "\n", encoding="utf-8"
    )


def table(figures: Sequence[dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| Server | Client | Wire | CPU per call | to bare shape | to bare ASGI | connecting | calls/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in figures:
        cells = (
            *(each["server"], each["client"], each["wire"], f"{each['cpu_us']:.0f} µs"),
            *(_times(each["to_bare"]), _times(each["to_bare_asgi"])),
            f"{each['connecting_ms']:.1f} ms" if each["client"] in REAL_CLIENTS else "-",
            f"{each['calls_per_s']:,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _times(estimated: dict[str, Any]) -> str:
    interval = estimated["interval"]
    within = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval is not None else ""
    return f"{estimated['ratio']:.2f}{within}"


@dataclass(frozen=True)
class Slice:
    """Figures of one slice; `connecting_ms` is the server's CPU time until a real client has made a call."""

    cpu_us: float
    calls_per_s: float
    connecting_ms: float


Row = dict[Cell, list[Slice]]


def measure_launch(
    cells: Sequence[Cell], rounds: int, slice_s: float, split: Split | None, interruption: Interruption
) -> Row:
    """Start the servers and measure all cells in turn; the first round warms up."""
    rng = random.Random(1)
    row: Row = {cell: [] for cell in cells}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(served(name, split, interruption)) for name in (LANE, PLAIN, BARE_ASGI)
        }
        for number in range(rounds + 1):
            for cell in rng.sample(cells, len(cells)):
                interruption.check()
                measured = measure_slice(cell, servers[cell.server], slice_s, split)
                if number:
                    row[cell].append(measured)
    return row


def measure_slice(cell: Cell, server: LiveServer, slice_s: float, split: Split | None) -> Slice:
    """Load a server for a while, and compare the calls with those that its lane counted."""
    if server.pid is None:
        raise SystemExit(f"expected {cell.server} as a process on this machine, got none")
    meter = TreeMeter(server.pid)
    counted_before = lane_calls(server.url) if cell.server == LANE else 0
    use = uvloop.run(load(cell, server.url, slice_s, split, meter.read_cpu_s))
    if cell.server == LANE:
        counted = lane_calls(server.url) - counted_before
        # Real clients make one call each before they count as connected.
        expected = use.calls + (0 if cell.client in SHAPES else REAL_CONNECTIONS)
        if counted != expected:
            raise SystemExit(f"{cell}: expected all of {expected} calls on the lane, got {counted}")
    return Slice(
        cpu_us=use.calls_cpu_s * 1e6 / use.calls,
        calls_per_s=use.calls / slice_s,
        connecting_ms=use.connecting_cpu_s * 1e3 / REAL_CONNECTIONS,
    )


async def load(
    cell: Cell, url: str, slice_s: float, split: Split | None, read_cpu_s: Callable[[], float]
) -> real_clients.Use:
    """Load a server in the way of a client."""
    if cell.client in SHAPES:
        calls, cpu_s = await closed_loop.run(
            url,
            cell.wire,
            cell.client,
            connections=CONNECTIONS,
            slice_s=slice_s,
            read_cpu_s=read_cpu_s,
        )
        return real_clients.Use(calls, cpu_s, 0.0)
    if cell.client == TYPESCRIPT:
        return await real_clients.run_typescript(
            find_node(),
            url,
            cell.wire,
            connections=REAL_CONNECTIONS,
            slice_s=slice_s,
            read_cpu_s=read_cpu_s,
            cpus=split.generator if split is not None else None,
        )
    return await real_clients.run(
        cell.client,
        url,
        cell.wire,
        connections=REAL_CONNECTIONS,
        slice_s=slice_s,
        read_cpu_s=read_cpu_s,
    )


def lane_calls(url: str) -> int:
    """Return the number of calls that the server's lane has answered."""
    text = httpx2.get(str(httpx2.URL(url).join("/metrics")), timeout=30).text
    counted = re.search(r"^mcp_fast_lane_calls_total ([0-9.e+]+)$", text, re.MULTILINE)
    if counted is None:
        raise SystemExit("expected mcp_fast_lane_calls_total in /metrics, got none")
    return int(float(counted[1]))


def figure(cell: Cell, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of a cell, with its ratio to the bare shape of the same server and wire."""
    bare = replace(cell, client="bare")
    asgi = Cell(BARE_ASGI, "bare", cell.wire)
    slices = [each for row in rows for each in row[cell]]
    return {
        "server": cell.server,
        "client": cell.client,
        "wire": cell.wire,
        "cpu_us": median(each.cpu_us for each in slices),
        "calls_per_s": median(each.calls_per_s for each in slices),
        "connecting_ms": median(each.connecting_ms for each in slices),
        "to_bare": ratio(rows, cell, bare),
        "to_bare_asgi": ratio(rows, cell, asgi),
        "launches": [[each.cpu_us for each in row[cell]] for row in rows],
    }


def ratio(rows: Sequence[Row], one: Cell, other: Cell) -> dict[str, Any]:
    """Return the ratio of two cells' CPU time per call, and its interval with launches as samples."""
    log_ratios = [
        [math.log(a.cpu_us / b.cpu_us) for a, b in zip(row[one], row[other], strict=True)] for row in rows
    ]
    estimated = estimate(log_ratios)
    if estimated is None:
        return {"ratio": math.exp(sum(map(sum, log_ratios)) / sum(map(len, log_ratios))), "interval": None}
    return {"ratio": estimated.ratio, "interval": estimated.interval(LEVEL)}


@contextmanager
def served(name: str, split: Split | None, interruption: Interruption) -> Iterator[LiveServer]:
    """Start a server on the CPUs for servers, and yield it."""
    (subject,) = find_subjects(["reference-asgi" if name == BARE_ASGI else "calculator"], (), None)
    launch = subject.adapter.launch
    if name == PLAIN:
        launch = replace(launch, argv=(*launch.argv, "--no-fast-lane"))
    with tempfile.TemporaryDirectory() as folder:
        options = StartOptions(
            Path(folder) / "server.log", split.servers if split is not None else None, launch
        )
        with live_server(subject, "session", options, interruption) as live:
            yield live


if __name__ == "__main__":
    app()
