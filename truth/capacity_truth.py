"""Measure the capacity of servers whose capacity is known, several times each, and count the right intervals.

    python truth/capacity_truth.py [--runs 5] [--only TEXT ...] [--write docs/capacity.md] [--output-dir
    FOLDER]

It exits with 1 if the true capacity lies outside of more than one interval in twenty, or if a search takes
three minutes. `nox -s capacity-truth` runs all of it, in about an hour.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parent.parent / "publishing"))

from marked_tables import header, row, with_table
from measuring import row_subject
from modes import Modes
from servers import Row

from perf_core.adapter import Wire
from perf_core.analysis.capacity.model import Capacity
from perf_core.analysis.capacity.objectives import parse_objectives
from perf_core.errors import LabError
from perf_core.interruption import Interruption, OnProgress, watch_signals
from perf_core.runs.capacity.measure import CapacityRequest, measure_capacity, prepared

LONGEST_S = 180.0
RIGHT_SHARE = 19 / 20
NAME = "capacities"
"""Name of the table in its document."""


@dataclass(frozen=True)
class Known:
    """A server of known capacity.

    Attributes:
        capacity_per_s: What it carries within the objectives; 0 if no rate keeps them.
        slo: Objectives; the default ones if empty.
    """

    name: str
    modes: Modes
    capacity_per_s: float
    slo: tuple[str, ...] = ()
    wire: Wire = "session"


def exponential(service_ms: float, level_ms: float, share: float) -> float:
    """Return the rate at which a share of the calls waits longer than a level at one exponential worker.

    With evenly spaced arrivals (D/M/1) the latency is exponential with rate mu (1 - s), where s solves
    s = exp(-mu (1 - s) / lambda). Source: Kleinrock, "Queueing Systems" volume 1 (1975), section 6.4.
    """
    decay = -math.log(share) / (level_ms / 1000)
    return -decay / math.log(1 - decay * service_ms / 1000)


def stalling(service_ms: float, stall_s: float, every_s: float, level_ms: float, share: float) -> float:
    """Return the rate at which a share of the calls waits longer than a level at one worker that stalls.

    A call that arrives t after the start of a stall waits for its rest, for what has arrived before, and for
    its own service: stall - t (1 - rho) + service, which is longer than the level for a time in inverse
    proportion to 1 - rho. That time may be the share of the period.
    """
    longest_s = stall_s + service_ms / 1000 - level_ms / 1000
    rho = 1 - longest_s / (share * every_s)
    return max(0.0, rho) * 1000 / service_ms


KNOWN = (
    Known("4 workers, 20 ms each", Modes(workers=4, service_ms=20), 200.0),
    Known(
        "refuses more than 150/s, and a burst of 30", Modes(admits_per_s=150, admits_burst=30), 150.0 / 0.999
    ),
    Known(
        "one worker, exponential, mean 5 ms",
        Modes(workers=1, service_ms=5, service="exponential"),
        exponential(5, 200, 0.01),
    ),
    Known(
        "one worker, 5 ms, no work for 250 ms in every 10 s",
        Modes(workers=1, service_ms=5, stall_s=0.25, stall_every_s=10),
        stalling(5, 0.25, 10, 200, 0.01),
    ),
)

FURTHER = (
    Known("one worker, 150 ms, stateless", Modes(workers=1, service_ms=100), 10.0, wire="stateless"),
    Known(
        "one worker, exponential, mean 20 ms",
        Modes(workers=1, service_ms=20, service="exponential"),
        exponential(20, 200, 0.01),
    ),
    Known("stands still for 1 s in every 10 s", Modes(latency_ms=5, freeze_s=1, freeze_every_s=10), 0.0),
)
"""Measured with --further."""


@dataclass(frozen=True)
class Outcome:
    """One search, or why there is none."""

    server: Known
    capacity: Capacity | None
    took_s: float
    problem: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the true capacity lies in the interval."""
        capacity, truth = self.capacity, self.server.capacity_per_s
        if capacity is None or capacity.answer == "cannot tell":
            return False
        low, high = capacity.low_per_s or 0.0, capacity.high_per_s
        return low <= truth and (high is None or truth <= high)


def main() -> int:
    """Parse the command line, measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], help="part of the names of servers to measure")
    parser.add_argument("--further", action="store_true", help="measure further servers, too")
    parser.add_argument("--write", type=Path, help="document that gets the table between its markers")
    parser.add_argument("--output-dir", type=Path, default=Path("results/capacity-truth"))
    options = parser.parse_args()
    every = (*KNOWN, *(FURTHER if options.further else ()))
    chosen = [
        server
        for server in every
        if not options.only or any(part.lower() in server.name.lower() for part in options.only)
    ]
    outcomes: list[Outcome] = []
    with watch_signals() as interruption:
        for number in range(1, options.runs + 1):
            for server in chosen:
                if interruption.requested:
                    return 1
                outcome = measured(server, number, options.output_dir, interruption)
                outcomes.append(outcome)
                print(line(outcome), flush=True)
    right, slowest_s = sum(o.is_right for o in outcomes), max(o.took_s for o in outcomes)
    print(f"{right} of {len(outcomes)} intervals hold the true capacity; the longest took {slowest_s:.0f} s")
    if options.write is not None:
        text = options.write.read_text(encoding="utf-8")
        options.write.write_text(with_table(text, NAME, table(chosen, outcomes)), encoding="utf-8")
    return 0 if right >= RIGHT_SHARE * len(outcomes) and slowest_s < LONGEST_S else 1


def measured(server: Known, number: int, folder: Path, interruption: Interruption) -> Outcome:
    """Search for the capacity of one server, with draws of its own."""
    began = time.monotonic()
    subject = row_subject(Row(server.name, server.modes, (), ()), replace(server.modes, seed=number))
    try:
        request = CapacityRequest(subject, parse_objectives(server.slo), "quick", server.wire, seed=number)
        done = measure_capacity(
            request, prepared(request), folder, interruption=interruption, on_progress=_silent
        )
    except LabError as error:
        return Outcome(server, None, time.monotonic() - began, error.message)
    return Outcome(server, done.capacity, time.monotonic() - began)


_silent: OnProgress = lambda _step, _share: None  # noqa: E731


def line(outcome: Outcome) -> str:
    """Return one search on one line."""
    capacity = outcome.capacity
    mark = "right" if outcome.is_right else "WRONG"
    if capacity is None:
        return f"{mark}  {outcome.server.name}: {outcome.problem}"
    low, high = (
        f"{end:.1f}" if end is not None else "?" for end in (capacity.low_per_s, capacity.high_per_s)
    )
    return (
        f"{mark}  {outcome.server.name}: truth {outcome.server.capacity_per_s:.1f}/s, "
        f"{capacity.answer} {low} to {high}/s, "
        f"limited by {capacity.limit or '?'}, {len(capacity.steps)} steps, {outcome.took_s:.0f} s"
    )


def table(chosen: Sequence[Known], outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    right = sum(outcome.is_right for outcome in outcomes)
    headings = (
        "Server",
        "True capacity",
        "Intervals that hold it",
        "Width, median",
        "Limited by",
        "Time, longest",
    )
    machine = f"{psutil.cpu_count()} cores, {platform.system()}"
    rows = [f"{right} of {len(outcomes)} intervals hold the true capacity; {machine}.", "", *header(headings)]
    for server in chosen:
        own = [outcome for outcome in outcomes if outcome.server is server]
        capacity = [outcome.capacity for outcome in own if outcome.capacity is not None]
        widths = [each.width for each in capacity if each.width is not None]
        cells = (
            server.name,
            f"{server.capacity_per_s:.1f}/s",
            f"{sum(outcome.is_right for outcome in own)} of {len(own)}",
            f"{100 * statistics.median(widths):.1f} %" if widths else "-",
            ", ".join(sorted({each.limit or "not told" for each in capacity})),
            f"{max(outcome.took_s for outcome in own):.0f} s",
        )
        rows.append(row(cells))
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
