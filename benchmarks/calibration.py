"""Measure how often `perf-core compare` errs, with equal servers and with a slowdown of known size.

    python benchmarks/calibration.py measure reference-fastmcp --equals 40 --slower 20 --output FILE.jsonl
    python benchmarks/calibration.py report FILE.jsonl …

`measure` runs the comparisons in random order, each with a different seed, and appends one line for each to
the file. After an interruption, it continues with the missing ones. A false alarm is a comparison of equal
servers with the verdict worse or better; a slowdown is detected if the verdict on CPU per call is worse. The
slowdown is a busy-wait in each tool call that increases its CPU time by a given share. Two comparisons
determine its length beforehand; the report states the median increase over all later ones.

`report` prints the rates with their binomial intervals (Clopper and Pearson, 95 %) as Markdown, for
docs/methodology.md.

Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Literal, get_args

import cyclopts
from cyclopts import Parameter
from lab_references.adapters import ReferenceAdapter, with_burn
from scipy import stats

from perf_core.comparison.contenders import Contender
from perf_core.comparison.model import KINDS, Bars, Comparison
from perf_core.interruption import Interruption, watch_signals
from perf_core.runs.compare import Effort, Workload, compare
from perf_core.server.subject import Subject
from perf_core.targets.registry import find_subjects

Kind = Literal["equal", "slower"]

SEED = 20261122


@dataclass(frozen=True)
class MetricResult:
    """Result of a comparison for one metric."""

    ratio: float
    low: float
    high: float
    level: float
    verdict: str


@dataclass(frozen=True)
class Trial:
    """One comparison of the calibration.

    Attributes:
        server: The reference server.
        kind: ``slower`` if b was slowed down, else ``equal``.
        number: Number among the trials of the same kind, from 1.
        burn_us: Busy-wait of b per call, in µs; 0 for equal servers.
        cpu_us: CPU time of a per call, in µs.
        verdict: Verdict of the whole comparison.
        metrics: Results by metric.
        launches: Number of launches.
        pairs: Number of valid pairs of slices.
        duration_s: Duration of the comparison.
        design: Design of the comparison, for the report.
        cpu: CPU of the machine.
    """

    server: str
    kind: Kind
    number: int
    burn_us: int
    cpu_us: float
    verdict: str
    metrics: Mapping[str, MetricResult]
    launches: int
    pairs: int
    duration_s: float
    design: str
    cpu: str


app = cyclopts.App(help="Calibration of perf-core compare.", result_action="return_value")


@app.command
def measure(
    server: Annotated[str, Parameter(help="reference-fastmcp or reference-asgi.")],
    /,
    *,
    output: Annotated[Path, Parameter(help="File of trials, to which a line of JSON is appended for each.")],
    equals: Annotated[int, Parameter(help="Comparisons of equal servers.")] = 40,
    slower: Annotated[int, Parameter(help="Comparisons with a slowdown.")] = 20,
    slowdown: Annotated[float, Parameter(help="Relative increase of CPU per call.")] = 0.10,
    burn_us: Annotated[int, Parameter(help="Busy-wait in µs; by default determined by two comparisons.")] = 0,
    wire: Literal["session", "stateless"] = "session",
    until_decided: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the comparisons that are missing from the file."""
    (subject,) = find_subjects([server], (), None)
    done = read(output) if output.exists() else []
    todo = missing(done, {"equal": equals, "slower": slower})
    effort = Effort(until_decided=until_decided)
    with watch_signals() as interruption:
        burn_us = burn_us or max((trial.burn_us for trial in done), default=0)
        a = Contender(server, subject, wire)
        burn_us = burn_us or find_burn_us(a, slowdown, effort, interruption)
        for index, (kind, number) in enumerate(todo):
            b = slowed(subject, burn_us) if kind == "slower" else subject
            seed = SEED + len(done) + index
            comparison = run(a, Contender(b.name, b, wire), effort, seed, interruption)
            trial = trial_of(comparison, server, kind, number, burn_us if kind == "slower" else 0)
            with output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
            cpu = trial.metrics["cpu_us_per_call"]
            print(
                f"{index + 1}/{len(todo)} {kind}: {trial.verdict}, CPU {cpu.ratio:.4f} "
                f"[{cpu.low:.3f}, {cpu.high:.3f}] {cpu.verdict}, {trial.duration_s:.0f} s",
                flush=True,
            )


def find_burn_us(contender: Contender, slowdown: float, effort: Effort, interruption: Interruption) -> int:
    """Return the busy-wait that increases CPU per call by ``slowdown``, determined by two comparisons.

    A busy-wait can cost more than its length: in a worker thread, it also delays the event loop's thread.
    """
    pilot = run(contender, contender, effort, 0, interruption)
    nominal_us = slowdown * next(m.a for m in pilot.metrics if m.name == "cpu_us_per_call")
    slower = replace(contender, subject=slowed(contender.subject, round(nominal_us)))
    metrics = run(contender, slower, effort, 0, interruption).metrics
    ratio = next(m.ratio for m in metrics if m.name == "cpu_us_per_call")
    return round(nominal_us * slowdown / (ratio - 1))


def missing(done: Sequence[Trial], counts: Mapping[Kind, int]) -> list[tuple[Kind, int]]:
    """Return kinds and numbers of the missing trials, in random order."""
    have = {(trial.kind, trial.number) for trial in done}
    todo = [
        (kind, number)
        for kind in get_args(Kind)
        for number in range(1, counts[kind] + 1)
        if (kind, number) not in have
    ]
    random.Random(SEED).shuffle(todo)
    return todo


def slowed(subject: Subject, burn_us: int) -> Subject:
    """Return the same reference server with a busy-wait in each tool call."""
    adapter = subject.adapter
    if not isinstance(adapter, ReferenceAdapter):
        sys.exit(f"expected reference-asgi or reference-fastmcp, which take --burn-us, got {subject.name}")
    return Subject(with_burn(adapter, burn_us), package=subject.package)


def run(a: Contender, b: Contender, effort: Effort, seed: int, interruption: Interruption) -> Comparison:
    """Run one comparison and delete its files."""
    with tempfile.TemporaryDirectory(prefix="calibration-") as folder:
        return compare(
            a,
            b,
            Workload(a.subject.scenario("quick"), seed=seed),
            effort,
            bars=Bars(),
            output_dir=Path(folder),
            interruption=interruption,
            on_progress=lambda _what, _share: interruption.check(),
        ).comparison


def cpu_us_of(comparison: Comparison) -> float:
    """Return the CPU time of a per call, in µs."""
    return next(m.a for m in comparison.metrics if m.name == "cpu_us_per_call")


def trial_of(comparison: Comparison, server: str, kind: Kind, number: int, burn_us: int) -> Trial:
    """Return a comparison as a trial of the calibration."""
    design = comparison.design
    effort = (
        f"{design.launches} launches of {design.pairs_per_launch} pairs of slices of {design.slice_s:g} s"
        + (f", at most {design.looks[-1]} launches" if len(design.looks) > 1 else "")
    )
    return Trial(
        server=server,
        kind=kind,
        number=number,
        burn_us=burn_us,
        cpu_us=cpu_us_of(comparison),
        verdict=comparison.verdict,
        metrics={
            m.name: MetricResult(m.ratio, m.low, m.high, m.level, m.verdict) for m in comparison.metrics
        },
        launches=len(comparison.launches),
        pairs=comparison.pairs,
        duration_s=comparison.duration_s,
        design=f"{effort}, {design.vus} users, {design.wires['a']} wire",
        cpu=comparison.manifest["machine"]["cpu"],
    )


def read(path: Path) -> list[Trial]:
    """Return the trials in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines if line.strip()]
    return [
        Trial(**{**document, "metrics": {n: MetricResult(**m) for n, m in document["metrics"].items()}})
        for document in documents
    ]


@app.command
def report(files: Annotated[list[Path], Parameter(help="Files of trials.")], /) -> None:
    """Print the error rates of the trials as Markdown."""
    print("\n\n".join(markdown(read(path)) for path in files))


def markdown(trials: Sequence[Trial]) -> str:
    """Return the error rates of one file of trials as Markdown."""
    equal = [trial for trial in trials if trial.kind == "equal"]
    slower = [trial for trial in trials if trial.kind == "slower"]
    cost_us = median(trial.cpu_us for trial in trials)
    longest_s = max(trial.duration_s for trial in trials)
    blocks = [
        f"#### {trials[0].server}: {cost_us:,.0f} µs of CPU per call",
        f"{trials[0].design}; {median(t.duration_s for t in trials):.0f} s per comparison "
        f"(longest {longest_s:.0f} s), {trials[0].cpu}.",
        "\n".join(_headline(equal, slower)),
        _by_metric(equal, slower),
    ]
    return "\n\n".join(blocks)


def _headline(equal: Sequence[Trial], slower: Sequence[Trial]) -> Iterable[str]:
    if equal:
        alarms = sum(trial.verdict in {"worse", "better"} for trial in equal)
        same = sum(trial.verdict == "same" for trial in equal)
        yield f"- False alarms (equal servers with the verdict worse or better): {rate(alarms, len(equal))}."
        yield f"- Equal servers with the verdict same: {rate(same, len(equal))}; the rest are inconclusive."
    if slower:
        detected = sum(trial.metrics["cpu_us_per_call"].verdict == "worse" for trial in slower)
        ratio = median(trial.metrics["cpu_us_per_call"].ratio for trial in slower)
        size = f"{ratio - 1:+.1%} of CPU per call (median; a busy-wait of {slower[0].burn_us} µs)"
        yield f"- Slowdown by {size} detected: {rate(detected, len(slower))}."


def _by_metric(equal: Sequence[Trial], slower: Sequence[Trial]) -> str:
    rows = [
        "| metric | bar | equals: worse or better | equals: same | equals: interval contains 1 "
        "| half width of the interval, median | slowdown detected |",
        "| :-- | --: | --: | --: | --: | --: | --: |",
    ]
    for name, kind in KINDS.items():
        results = [trial.metrics[name] for trial in equal if name in trial.metrics]
        if not kind.judged or not results:
            continue
        alarms = sum(each.verdict in {"worse", "better"} for each in results)
        same = sum(each.verdict == "same" for each in results)
        containing_1 = sum(each.low <= 1 <= each.high for each in results)
        width = median((each.high - each.low) / 2 for each in results)
        detected = sum(trial.metrics[name].verdict == "worse" for trial in slower if name in trial.metrics)
        rows.append(
            f"| {kind.words} | {kind.bar(Bars()):.0%} | {alarms} of {len(results)} "
            f"| {same} of {len(results)} | {rate(containing_1, len(results))} | {width:.1%} "
            f"| {detected} of {len(slower)} |"
        )
    return "\n".join(rows)


def rate(count: int, total: int) -> str:
    """Return a share with its 95 % interval, such as ``0 of 40 (0.0%; 0.0% to 8.8%)``."""
    interval = stats.binomtest(count, total).proportion_ci(0.95, method="exact")
    return f"{count} of {total} ({count / total:.1%}; {interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    app()
