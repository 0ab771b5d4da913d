"""The cost ladder: what each layer around one tool call adds, in microseconds.

One call of the calculator's ``add`` is measured on five rungs, on each wire where the wires differ:

1. the bare function,
2. through a client in memory,
3. through the served ASGI app, without a socket,
4. over HTTP with one user,
5. over HTTP under load, with ten users.

The first three are timed in this process, the others by the lab's own runs: k6 against a real server
process. Rounds repeat all of it in an order that changes; a figure is the median over the rounds.

    python benchmarks/pyperf/ladder.py --fast

leaves a folder ``ladder-<UTC time>-<commit>`` with ``ladder.json``, ``ladder.md`` and ``ladder.html``.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bench_arithmetic
import bench_asgi
import bench_dispatch
import ladder_page
import numpy as np
from harness import Timing
from ladder_page import Ladder, Rung, Spread
from rich.console import Console

from perf_core import Expectation, Journey, Step
from perf_core.adapter import WIRES, Pools, Wire
from perf_core.errors import GeneratorError, LabError
from perf_core.interruption import Interruption, watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.load.plan import Settings
from perf_core.results.manifest import commit as commit_of
from perf_core.results.manifest import machine
from perf_core.results.record import RunRecord
from perf_core.runs.measure import Options, run_scenario
from perf_core.server.subject import Subject
from perf_core.targets.registry import find_subjects

ROOT = Path(__file__).resolve().parents[2]
SEED = 7
JOURNEYS = 2_000
USERS = {"one_user": 1, "load": 10}


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: Rounds in this process.
        function_loops: Calls of the bare function per round.
        call_loops: Calls through a client or the app per round.
        runs: Runs of k6 for each wire and number of users.
        run_s: Length of one of them, in seconds.
    """

    rounds: int = 15
    function_loops: int = 200_000
    call_loops: int = 400
    runs: int = 5
    run_s: float = 5.0


FAST = Effort(rounds=5, function_loops=50_000, call_loops=200, runs=2, run_s=2.0)


@dataclass(frozen=True)
class Cost:
    """What one call took, once: CPU and wall time in microseconds."""

    cpu_us: float
    wall_us: float


Place = tuple[str, Wire | None]
"""A rung and its wire; None where there is no wire yet."""

Tell = Callable[[str], None]


def measure(effort: Effort, folder: Path, interruption: Interruption, tell: Tell) -> tuple[Rung, ...]:
    """Measure all rungs.

    Args:
        effort: How much of it.
        folder: Gets the records of the lab's runs.
        interruption: Ends it early.
        tell: Told what goes on.

    Raises:
        LabError: A run of the lab could not be made, or its figures do not stand.
        Interrupted: The user ended it.
    """
    costs: dict[Place, list[Cost]] = {}
    order = random.Random(SEED)
    in_process = _in_process(effort)
    for number in range(effort.rounds):
        tell(f"in this process: round {number + 1} of {effort.rounds}")
        for place in order.sample(list(in_process), len(in_process)):
            interruption.check()
            costs.setdefault(place, []).append(in_process[place]())
    subject = find_subjects(["calculator"], ["quick"], None)[0]
    places = [(key, wire) for key in USERS for wire in WIRES]
    for number in range(effort.runs):
        for key, wire in order.sample(places, len(places)):
            interruption.check()
            tell(f"over HTTP: run {number + 1} of {effort.runs}, {USERS[key]} VUs, {wire} wire")
            settings = Settings(vus=USERS[key], duration_s=effort.run_s, seed=SEED)
            record = _run(subject, wire, settings, folder / "runs", interruption)
            costs.setdefault((key, wire), []).append(cost_of(record))
    return tuple(
        Rung(key, wire, spread(cost.cpu_us for cost in of), spread(cost.wall_us for cost in of))
        for (key, wire), of in sorted(costs.items(), key=lambda item: _order(item[0]))
    )


def _order(place: Place) -> tuple[int, int]:
    key, wire = place
    return list(ladder_page.TITLES).index(key), WIRES.index(wire) if wire else 0


def _in_process(effort: Effort) -> Mapping[Place, Callable[[], Cost]]:
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
    finished = run_scenario(
        subject,
        scenario,
        wire,
        settings,
        Options(folder),
        interruption=interruption,
        on_progress=lambda _what, _share: None,
    )
    interruption.check()  # what an interrupted run recorded is no figure
    return finished.record


def additions(seed: int) -> Pools:
    """Return journeys of one call of ``add`` each."""
    draw = random.Random(seed)
    pairs = [(float(draw.randint(1, 10**6)), float(draw.randint(1, 10**6))) for _ in range(JOURNEYS)]
    steps = [Step("add", {"a": a, "b": b}, Expectation.result({"result": a + b})) for a, b in pairs]
    return {"mix": [Journey("add", (step,)) for step in steps]}


def cost_of(record: RunRecord) -> Cost:
    """Return what a call cost in a run of the lab: the server's CPU, and the median latency.

    Raises:
        GeneratorError: The run is not valid, had errors, or did not see the server.
    """
    if record.verdict != "pass" or record.metrics is None or record.server is None or record.metrics.errors:
        why = "; ".join(record.reasons) or str(record.metrics and record.metrics.errors)
        raise GeneratorError(
            f"a run without errors was expected; {record.run_id} is {record.verdict}: {why}",
            "Look at its report in the folder of the ladder.",
        )
    return Cost(record.server.cpu_us_per_call, record.metrics.latency_ms["all"].med * 1000)


def spread(values: Iterable[float]) -> Spread:
    """Return median and quartiles."""
    measured = np.fromiter(values, float)
    median, low, high = (float(figure) for figure in np.quantile(measured, (0.5, 0.25, 0.75)))
    return Spread(median, low, high, measured.size)


def manifest() -> dict[str, Any]:
    """Return what the figures were measured on and with."""
    return {
        "commit": commit_of(ROOT),
        "machine": machine(),
        "python": sys.version.split()[0],
        "k6": k6_version(find_k6()),
        "versions": {name: version(name) for name in ("calculator-server", "fastmcp", "mcp", "uvicorn")},
    }


def to_document(ladder: Ladder) -> dict[str, Any]:
    """Return the ladder as the JSON document ``ladder.json``."""
    return {"schema": 1, "kind": "ladder", **asdict(ladder)}


def write(ladder: Ladder, folder: Path) -> None:
    """Write ``ladder.json``, ``ladder.md`` and ``ladder.html``."""
    text = json.dumps(to_document(ladder), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / "ladder.json").write_text(text, encoding="utf-8")
    (folder / "ladder.md").write_text(ladder_page.markdown(ladder), encoding="utf-8")
    (folder / "ladder.html").write_text(ladder_page.html(ladder), encoding="utf-8")


def climb(effort: Effort, output_dir: Path, tell: Tell) -> tuple[Ladder, Path]:
    """Measure the ladder, write it below ``output_dir``, and return it with its folder.

    Raises:
        LabError: See :func:`measure`.
    """
    started_at = datetime.now(UTC)
    described = manifest()
    commit = described["commit"]
    name = "unversioned" if commit is None else commit["hash"][:9] + ("-dirty" if commit["dirty"] else "")
    folder = (output_dir / f"ladder-{started_at:%Y%m%dT%H%M%SZ}-{name}").resolve()
    folder.mkdir(parents=True)
    with watch_signals() as interruption:
        rungs = measure(effort, folder, interruption, tell)
    ladder = Ladder(
        started_at=started_at.isoformat(timespec="seconds"),
        manifest=described,
        effort={**asdict(effort), "users": USERS, "seed": SEED},
        rungs=rungs,
    )
    write(ladder, folder)
    return ladder, folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns 0, or 1 when the ladder could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="ladder.py"
    )
    parser.add_argument("--fast", action="store_true", help="rough figures in about a minute instead of four")
    parser.add_argument("--run-s", type=float, help="length of each run of k6, in seconds")
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="gets a folder per ladder")
    options = parser.parse_args(arguments)
    effort = FAST if options.fast else Effort()
    if options.run_s is not None:
        effort = replace(effort, run_s=options.run_s)
    console = Console()
    try:
        ladder, folder = climb(effort, options.output_dir, lambda what: console.print(what, style="dim"))
    except LabError as error:
        print(f"ladder.py: {error}", file=sys.stderr)
        return 1
    console.print(ladder_page.terminal(ladder))
    console.print(f"Page: {folder / 'ladder.html'}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
