"""Run child processes, cut off steps that take too long, and summarize and write the figures."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import IO, Any, Final

from perf_core.results.manifest import commit, machine

IMPORTS: Final = "imports"
"""First step of a child process."""

CHILD: Final = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Cost:
    """Cost of one run of a step.

    Attributes:
        step: Name of the step.
        file: Name of the document.
        cpu_s: CPU time of the process.
        wall_s: Wall time.
        peak_mb: Peak memory of the process up to the end of the step.
    """

    step: str
    file: str
    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass
class Measurement:
    """Results of child processes.

    Attributes:
        costs: Costs of completed steps.
        cut_off: Steps that took longer than allowed.
    """

    costs: list[Cost] = field(default_factory=list)
    cut_off: set[str] = field(default_factory=set)


def run(subject: str, files: Sequence[Path], *, cut_off_s: float, skip: Iterable[str] = ()) -> Measurement:
    """Take documents through all steps in a new process; if a step is cut off, start again without it.

    Args:
        subject: ``ours`` or ``plain``.
        files: Documents, in order.
        cut_off_s: Most time for one step.
        skip: Steps to leave out from the start.

    Raises:
        SystemExit: A child failed, or did not start within `cut_off_s`.
    """
    skipped = set(skip)
    while True:
        measurement = _run_once(subject, files, cut_off_s, skipped)
        skipped |= measurement.cut_off
        if not measurement.cut_off:
            return Measurement(measurement.costs, skipped - set(skip))


def _run_once(subject: str, files: Sequence[Path], cut_off_s: float, skip: set[str]) -> Measurement:
    command = [sys.executable, str(CHILD), subject, *map(str, files)]
    command += [part for step in sorted(skip) for part in ("--skip", step)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_forward, args=(child.stdout, lines), daemon=True).start()
    measurement, step = Measurement(), IMPORTS
    try:
        while line := lines.get(timeout=cut_off_s):
            message = json.loads(line)
            if "begins" in message:
                step = message["begins"]
            else:
                measurement.costs.append(Cost(message.pop("ended"), **message))
    except queue.Empty:
        child.kill()
        if step == IMPORTS:
            raise SystemExit(
                f"expected {subject} to start within {cut_off_s:g} s, got no answer: raise --cut-off-s"
            ) from None
        measurement.cut_off.add(step)
    if child.wait() != 0 and not measurement.cut_off:
        raise SystemExit(
            f"expected {subject} to finish, got exit code {child.returncode} in step {step}: see above"
        )
    return measurement


def _forward(pipe: IO[str], lines: queue.SimpleQueue[str]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put("")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, minimum, maximum and count."""
    return {"median": median(values), "least": min(values), "most": max(values), "count": len(values)}


def by_step(costs: Iterable[Cost], cut_off: Iterable[str], cut_off_s: float) -> dict[str, Any]:
    """Return the spread of CPU and wall time of each step, and the limit for those cut off."""
    steps: dict[str, list[Cost]] = {}
    for cost in costs:
        steps.setdefault(cost.step, []).append(cost)
    figures: dict[str, Any] = {
        step: {
            "cpu_s": spread([cost.cpu_s for cost in each]),
            "wall_s": spread([cost.wall_s for cost in each]),
            "peak_mb": max(cost.peak_mb for cost in each),
        }
        for step, each in steps.items()
    }
    return figures | {step: {"more_than_s": cut_off_s} for step in cut_off}


def totals(costs: Iterable[Cost], runs: int = 1) -> dict[str, dict[str, float]]:
    """Return the spread of the total time of all steps per document, without imports.

    Args:
        costs: Costs of one subject, in order.
        runs: Number of runs over each document.
    """
    sums: dict[tuple[str, int], dict[str, float]] = {}
    times: dict[tuple[str, str], int] = {}
    for cost in costs:
        if cost.step == IMPORTS:
            continue
        turn = times.get((cost.file, cost.step), 0)
        times[cost.file, cost.step] = turn + 1
        total = sums.setdefault((cost.file, turn), {"cpu_s": 0.0, "wall_s": 0.0})
        total["cpu_s"] += cost.cpu_s
        total["wall_s"] += cost.wall_s
    assert all(turns == runs for turns in times.values())
    return {kind: spread([total[kind] for total in sums.values()]) for kind in ("cpu_s", "wall_s")}


def target(name: str, budget: float, value: float) -> dict[str, Any]:
    """Return a target with its budget, the measured value and whether it was met."""
    return {"name": name, "budget": budget, "came": value, "met": value <= budget}


def write(output: Path, figures: Mapping[str, Any], targets: list[dict[str, Any]]) -> None:
    """Write figures with machine, commit and versions, and print whether the targets were met."""
    manifest = {
        "machine": machine(),
        "commit": commit(Path(__file__).parent),
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("music21", "numpy", "lxml", "pydantic", "fastmcp")},
        "command": sys.argv,
    }
    content = {"figures": figures, "targets": targets, "manifest": manifest}
    output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for each in targets:
        verdict = "met" if each["met"] else "MISSED"
        print(f"{each['name']}: {each['came']:.4g}, budget {each['budget']:g}, {verdict}")


def table(figures: Mapping[str, Any], subjects: Sequence[str]) -> str:
    """Return a table of the median CPU time and its spread in milliseconds, by step and subject."""
    names = [name for subject in subjects for name in figures.get(subject, {}).get("steps", {})]
    rows = [("step", *subjects)]
    rows += [
        (name, *(_cell(figures.get(subject, {}).get("steps", {}).get(name)) for subject in subjects))
        for name in dict.fromkeys(names)
    ]
    rows.append(("together", *(_cell(figures.get(subject, {}).get("total")) for subject in subjects)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    if "more_than_s" in figure:
        return f"more than {figure['more_than_s']:,.0f} s"
    cpu = figure["cpu_s"]
    return f"{cpu['median'] * 1e3:,.1f} ms ({cpu['least'] * 1e3:,.1f} to {cpu['most'] * 1e3:,.1f})"
