"""Measure the cost ladder: the time that each layer around a tool call adds, in microseconds.

A call of the calculator's ``add`` is measured on five rungs, each with one more layer than the last, and on
each wire where the wires differ:

1. the bare function,
2. through a client in memory,
3. through the served ASGI app, without a socket,
4. over HTTP with one user,
5. over HTTP under load, with ten users.

The first three are timed in this process; the others are runs of the lab, with k6 and a real server process.
Several rounds measure all of them in random order; a figure is the median over the rounds.

    python benchmarks/pyperf/ladder.py --fast

creates a folder ``ladder-<UTC time>-<commit>`` with ``ladder.json``, ``summary.md`` and ``report.html``, as
``perf-core ladder`` does for any FastMCP app; here the rungs over HTTP are loads of k6, on both wires.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bench_arithmetic
import bench_asgi
import bench_dispatch
from harness import Timing
from rich.console import Console

from perf_core import Expectation, Journey, Step
from perf_core.adapter import WIRES, Pools, Wire
from perf_core.analysis.ladder import estimate
from perf_core.errors import GeneratorError, LabError
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.load.plan import Settings
from perf_core.report import HTML_NAME, documents
from perf_core.results.ladder import LADDERS, Ladder, Rung
from perf_core.results.manifest import commit as commit_of
from perf_core.results.manifest import machine
from perf_core.results.record import RunRecord
from perf_core.runs.measure import Options
from perf_core.runs.measure import measure as measure_question
from perf_core.runs.questions import prepare
from perf_core.server.subject import Subject
from perf_core.targets.registry import find_subjects

ROOT = Path(__file__).resolve().parents[2]
SEED = 7
JOURNEYS = 2_000
USERS = {"one_user": 1, "load": 10}

TITLES: Mapping[str, str] = {
    "function": "bare function",
    "memory": "client in memory",
    "app": "served app, no socket",
    "one_user": "HTTP, one user",
    "load": "HTTP, ten users",
}
"""Titles of the rungs by key, in order."""

MEANINGS: Mapping[str, str] = {
    "function": "calculator_server.arithmetic.add, called in a loop",
    "memory": "fastmcp.Client connected to the FastMCP app: the figure includes client and server, in one "
    "process, so the next rung may cost less",
    "app": "the app that the server serves, called with scope, receive and send: no client, no HTTP, and no "
    "FastMCP where the fast lane answers",
    "one_user": "k6 with one virtual user against a real server process: CPU of the server alone, latency as "
    "k6 sees it",
    "load": "k6 with ten virtual users that never pause: most of the latency is waiting for other calls",
}
"""Descriptions of a call through each rung."""


@dataclass(frozen=True)
class Effort:
    """Amount of measurement.

    Attributes:
        rounds: Rounds of measurements in this process.
        function_loops: Calls of the bare function per round.
        call_loops: Calls through a client or the app per round.
        runs: Runs of k6 for each wire and number of users.
        run_s: Length of such a run, in seconds.
    """

    rounds: int = 15
    function_loops: int = 200_000
    call_loops: int = 400
    runs: int = 5
    run_s: float = 5.0


FAST = Effort(rounds=5, function_loops=50_000, call_loops=200, runs=2, run_s=2.0)


@dataclass(frozen=True)
class Cost:
    """Cost of one call in one round: CPU and wall time in microseconds."""

    cpu_us: float
    wall_us: float


RungAndWire = tuple[str, Wire | None]
"""Key of a rung and its wire; None if the rung has no wire."""

OnProgress = Callable[[str], None]


def measure(
    effort: Effort, folder: Path, interruption: Interruption, on_progress: OnProgress
) -> tuple[Rung, ...]:
    """Measure all rungs.

    Args:
        effort: Amount of measurement.
        folder: Folder for the records of the lab's runs.
        interruption: Ends the measurement early.
        on_progress: Called with a description of each step.

    Raises:
        LabError: A run of the lab failed, or its figures are not valid.
        Interrupted: The user ended the measurement.
    """
    costs: dict[RungAndWire, list[Cost]] = {}
    order = random.Random(SEED)
    in_process = _in_process(effort)
    for number in range(effort.rounds):
        on_progress(f"in this process: round {number + 1} of {effort.rounds}")
        for place in order.sample(list(in_process), len(in_process)):
            interruption.check()
            costs.setdefault(place, []).append(in_process[place]())
    subject = find_subjects(["calculator"], ["quick"], None)[0]
    places = [(key, wire) for key in USERS for wire in WIRES]
    for number in range(effort.runs):
        for key, wire in order.sample(places, len(places)):
            interruption.check()
            on_progress(f"over HTTP: run {number + 1} of {effort.runs}, {USERS[key]} VUs, {wire} wire")
            settings = Settings(vus=USERS[key], duration_s=effort.run_s, seed=SEED)
            record = _run(subject, wire, settings, folder / "runs", interruption)
            costs.setdefault((key, wire), []).append(cost_of(record))
    return tuple(
        Rung(
            key,
            TITLES[key],
            MEANINGS[key],
            estimate([cost.cpu_us for cost in rounds]),
            estimate([cost.wall_us for cost in rounds]),
            wire,
        )
        for (key, wire), rounds in sorted(costs.items(), key=lambda item: _order(item[0]))
    )


def _order(place: RungAndWire) -> tuple[int, int]:
    key, wire = place
    return list(TITLES).index(key), WIRES.index(wire) if wire else 0


def _in_process(effort: Effort) -> Mapping[RungAndWire, Callable[[], Cost]]:
    def app(wire: Wire) -> Callable[[], Cost]:
        return lambda: _per_call(bench_asgi.time_wire(effort.call_loops, wire), effort.call_loops)

    return {
        ("function", None): lambda: _per_call(
            bench_arithmetic.time_add(effort.function_loops), effort.function_loops
        ),
        ("memory", None): lambda: _per_call(bench_dispatch.time_client(effort.call_loops), effort.call_loops),
        **{("app", wire): app(wire) for wire in WIRES},
    }


def _per_call(timing: Timing, calls: int) -> Cost:
    return Cost(timing.cpu_s / calls * 1e6, timing.wall_s / calls * 1e6)


def _run(
    subject: Subject, wire: Wire, settings: Settings, folder: Path, interruption: Interruption
) -> RunRecord:
    scenario = replace(subject.scenario("quick"), journeys=additions, targets=())
    finished = measure_question(
        prepare(subject, scenario, wire, settings),
        Options(folder),
        interruption=interruption,
        on_progress=lambda _what, _share: None,
    )
    if finished.error is not None:
        raise finished.error
    interruption.check()  # the record of an interrupted run has no valid figures
    return finished.record


def additions(seed: int) -> Pools:
    """Return journeys with one call of ``add`` each."""
    rng = random.Random(seed)
    pairs = [(float(rng.randint(1, 10**6)), float(rng.randint(1, 10**6))) for _ in range(JOURNEYS)]
    steps = [Step("add", {"a": a, "b": b}, Expectation.result({"result": a + b})) for a, b in pairs]
    return {"mix": [Journey("add", (step,)) for step in steps]}


def cost_of(record: RunRecord) -> Cost:
    """Return the cost of a call in a run of the lab: the server's CPU time and the median latency.

    Raises:
        GeneratorError: The run is invalid, had errors, or has no figures of the server.
    """
    if record.verdict != "pass" or record.metrics is None or record.server is None or record.metrics.errors:
        why = "; ".join(record.reasons) or str(record.metrics and record.metrics.errors)
        raise GeneratorError(
            f"expected a run without errors, got {record.run_id}, which is {record.verdict}: {why}",
            "See its report in the ladder's folder.",
        )
    return Cost(record.server.cpu_us_per_call, record.metrics.latency_ms["all"].med * 1000)


def manifest() -> dict[str, Any]:
    """Return machine, versions and commit of the measurement."""
    return {
        "commit": commit_of(ROOT),
        "machine": machine(),
        "k6": k6_version(find_k6()),
        "app": {
            "name": "calculator",
            "python": sys.version.split()[0],
            **{name: version(name) for name in ("calculator-server", "fastmcp", "mcp", "uvicorn")},
        },
    }


def measure_and_write(effort: Effort, output_dir: Path, on_progress: OnProgress) -> tuple[Ladder, Path]:
    """Measure the ladder, write it below ``output_dir``, and return it with its folder.

    Raises:
        LabError: See :func:`measure`.
    """
    started_at = datetime.now(UTC)
    environment = manifest()
    commit = environment["commit"]
    name = "unversioned" if commit is None else commit["hash"][:9] + ("-dirty" if commit["dirty"] else "")
    folder = (output_dir / f"ladder-{started_at:%Y%m%dT%H%M%SZ}-{name}").resolve()
    folder.mkdir(parents=True)
    with watch_signals() as interruption:
        rungs = measure(effort, folder, interruption, on_progress)
    ladder = Ladder(
        target="calculator",
        tool="add",
        arguments='{"a": 1234.5, "b": 0.25}',
        started_at=started_at.isoformat(timespec="seconds"),
        rungs=rungs,
        manifest=environment,
        effort={**asdict(effort), "users": USERS, "seed": SEED},
    )
    documents.save(LADDERS, ladder, folder)
    return ladder, folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 if the ladder could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="ladder.py"
    )
    parser.add_argument("--fast", action="store_true", help="rough figures in about a minute instead of four")
    parser.add_argument("--run-s", type=float, help="length of each run of k6, in seconds")
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="parent of the results")
    options = parser.parse_args(arguments)
    effort = FAST if options.fast else Effort()
    if options.run_s is not None:
        effort = replace(effort, run_s=options.run_s)
    console = Console()
    try:
        ladder, folder = measure_and_write(
            effort, options.output_dir, lambda step: console.print(step, style="dim")
        )
    except LabError as error:
        print(f"ladder.py: {error}", file=sys.stderr)
        return 1
    documents.show(LADDERS, ladder, console)
    console.print(f"Page: {folder / HTML_NAME}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
