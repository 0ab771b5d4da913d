"""The health of the measurement under disturbances of known size: a table for docs/methodology.md.

    python truth/disturbances.py --rounds 2

Measures servers of known latency on a quiet machine, while other processes use some of the CPUs, and while k6
is stopped, and servers that keep all CPUs busy together with k6. The thresholds of
:mod:`perf_core.analysis.health` were chosen from it. A round takes three minutes.
Nothing else may run meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from measuring import row_subject
from modes import Modes
from servers import Row

from perf_core.interruption import Interruption
from perf_core.load.plan import Settings
from perf_core.results.record import RunRecord
from perf_core.runs.measure import Options, measure
from perf_core.runs.questions import prepare

HOG = """
import sys, time

share, until = float(sys.argv[1]), time.monotonic() + 60
while time.monotonic() < until:
    began = time.monotonic()
    while time.monotonic() - began < 0.02 * share:
        pass
    time.sleep(0.02 * (1 - share))
"""
"""Uses a share of a CPU, in turns of 20 ms, for at most a minute."""

SIX_SECONDS = Settings(duration_s=6)

CALM = Modes(latency_ms=24, cpu_us=300)
BUSY = Modes(latency_ms=5, cpu_us=1000)
FAST = Modes()


@dataclass(frozen=True)
class Condition:
    """A server under a disturbance.

    Attributes:
        hogs: Number of processes that use a CPU, each for ``hog_share`` of the time.
        stopped_s: Time for which k6 is stopped, once.
    """

    name: str
    modes: Modes
    settings: Settings = SIX_SECONDS
    scenario: str = "quick"
    hogs: int = 0
    hog_share: float = 1.0
    stopped_s: float = 0.0


CONDITIONS = (
    Condition("24 ms and 0.3 ms of CPU per call, 10 users", CALM),
    Condition("the same, 100 calls/s", CALM, Settings(duration_s=6, rate_per_s=100)),
    Condition("the same, one user who pauses for 1 s", CALM, Settings(duration_s=6, vus=1, think_time_s=1)),
    Condition("5 ms and 1 ms of CPU per call, 4 users", BUSY, Settings(duration_s=6, vus=4)),
    Condition("as fast as it can, 10 users", FAST),
    Condition("as fast as it can, 50 users", FAST, Settings(duration_s=6, vus=50)),
    Condition("as fast as it can, `stress` up to 800 users", FAST, Settings(time_scale=0.03), "stress"),
    Condition("2 ms of CPU per call, 10 users", Modes(cpu_us=2000)),
    Condition("24 ms; another process, 10 % of a CPU", CALM, hogs=1, hog_share=0.1),
    Condition("24 ms; another process, 25 % of a CPU", CALM, hogs=1, hog_share=0.25),
    Condition("24 ms; another process, 50 % of a CPU", CALM, hogs=1, hog_share=0.5),
    Condition("24 ms; another process, one CPU", CALM, hogs=1),
    Condition("24 ms; two other processes", CALM, hogs=2),
    Condition("24 ms; four other processes", CALM, hogs=4),
    Condition(
        "5 ms, 4 users; another process, 25 % of a CPU",
        BUSY,
        Settings(duration_s=6, vus=4),
        hogs=1,
        hog_share=0.25,
    ),
    Condition("5 ms, 4 users; another process, one CPU", BUSY, Settings(duration_s=6, vus=4), hogs=1),
    Condition("5 ms, 4 users; two other processes", BUSY, Settings(duration_s=6, vus=4), hogs=2),
    Condition("24 ms; k6 stopped for 1 s", CALM, Settings(duration_s=8), stopped_s=1.0),
    Condition("24 ms; k6 stopped for 2 s", CALM, Settings(duration_s=8), stopped_s=2.0),
    Condition("24 ms; k6 stopped for 4 s", CALM, Settings(duration_s=10), stopped_s=4.0),
)


@contextmanager
def hogs(number: int, share: float) -> Iterator[None]:
    """Let other processes use the CPUs."""
    argv = [sys.executable, "-c", HOG, str(share)]
    processes = [subprocess.Popen(argv) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Stop:
    """Stops k6 once, after a third of its load."""

    def __init__(self, stopped_s: float) -> None:
        self._stopped_s = stopped_s

    def on_progress(self, step: str, share: float | None) -> None:
        """Stop k6 if it is time."""
        if not self._stopped_s or step != "load" or share is None or share < 0.33:
            return
        for child in psutil.Process().children():
            if child.name() == "k6":
                child.suspend()
                threading.Timer(self._stopped_s, child.resume).start()
        self._stopped_s = 0.0


def measured(condition: Condition, folder: Path) -> RunRecord:
    """Return the record of a run under a condition."""
    row = Row(
        condition.name, condition.modes, (), (), scenario=condition.scenario, settings=condition.settings
    )
    with ExitStack() as stack:
        stack.enter_context(hogs(condition.hogs, condition.hog_share))
        subject = row_subject(row, row.modes)
        question = prepare(subject, subject.adapter.scenarios[row.scenario], row.wire, row.settings)
        stop = Stop(condition.stopped_s)
        return measure(
            question, Options(folder), interruption=Interruption(), on_progress=stop.on_progress
        ).record


HEAD = (
    "server and disturbance",
    "CPU of others",
    "server waits",
    "k6 waits",
    "pressure",
    "steal",
    "k6 stood still",
    "median, p95",
    "health",
)


def line(condition: Condition, record: RunRecord) -> tuple[str, ...]:
    """Return the cells of one run."""
    health = record.health
    if health is None or record.metrics is None or record.generator is None:
        return (condition.name, *[""] * (len(HEAD) - 2), record.verdict)
    latency = record.metrics.latency_ms["all"]
    saturated = ", saturated" if record.generator.saturated else ""
    return (
        condition.name,
        _number(health.others_cores, "{:.2f}"),
        _number(health.server_wait_share, "{:.0%}"),
        _number(health.generator_wait_share, "{:.0%}"),
        _number(health.cpu_pressure_share, "{:.0%}"),
        _number(health.steal_share, "{:.1%}"),
        _number(health.generator_gap_s, "{:.2f} s"),
        f"{latency.med:.1f}, {latency.p95:.1f} ms",
        f"{health.state}{saturated}",
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rows = [HEAD, [":--", *["--:"] * (len(HEAD) - 2), ":--"], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the names of conditions to measure")
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.rounds):
            for condition in CONDITIONS:
                if options.only in condition.name:
                    lines.append(line(condition, measured(condition, Path(name))))
                    print(number + 1, *lines[-1], sep="; ", file=sys.stderr, flush=True)
    print(table(sorted(lines, key=lambda cells: [each.name for each in CONDITIONS].index(cells[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
