"""How often `perf-core compare` is wrong: comparisons of equals, and with a slowdown of known size.

    python benchmarks/calibration.py measure reference-fastmcp --equals 40 --slower 20 --output FILE.jsonl
    python benchmarks/calibration.py report FILE.jsonl …

`measure` makes the comparisons in random order, with another seed each, and appends a line for each, so that
it can be interrupted and gone on with: it makes what is still missing. A false alarm is a comparison of
equals that finds b worse or better; a slowdown is found when CPU per call is worse. The slowdown is a
busy-wait of CPU time per tool call, of a length that makes a call dearer by the given share: found by two
comparisons beforehand, and shown by the median of all that follow.

`report` prints the rates with their binomial intervals (Clopper and Pearson, 95 %) as Markdown, for
docs/methodology.md.

Nothing else should run on the machine meanwhile.
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
class Seen:
    """One metric of one comparison."""

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
        kind: Whether b was slowed.
        number: Its number among those of its kind, from 1.
        burn_us: CPU time that b wasted per call, in µs; 0 for equals.
        cpu_us: What a call cost a, in µs of CPU.
        verdict: Of the comparison as a whole.
        metrics: By name.
        launches: Launches made.
        pairs: Pairs that counted.
        duration_s: How long it took.
        design: How it was made, for the report.
        cpu: The machine.
    """

    server: str
    kind: Kind
    number: int
    burn_us: int
    cpu_us: float
    verdict: str
    metrics: Mapping[str, Seen]
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
    output: Annotated[Path, Parameter(help="File of trials, one JSON text per line; appended to.")],
    equals: Annotated[int, Parameter(help="Comparisons of equals.")] = 40,
    slower: Annotated[int, Parameter(help="Comparisons with a slowdown.")] = 20,
    slowdown: Annotated[float, Parameter(help="Share by which CPU per call shall grow.")] = 0.10,
    burn_us: Annotated[int, Parameter(help="The busy-wait, if it is known already, in µs.")] = 0,
    wire: Literal["session", "stateless"] = "session",
    until_decided: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make the comparisons that the file does not have yet."""
    (subject,) = find_subjects([server], (), None)
    done = read(output) if output.exists() else []
    todo = missing(done, {"equal": equals, "slower": slower})
    effort = Effort(until_decided=until_decided)
    with watch_signals() as interruption:
        known_us = burn_us or max((trial.burn_us for trial in done), default=0)
        a = Contender(server, subject, wire)
        burn_us = known_us or find_burn_us(a, slowdown, effort, interruption)
        for index, (kind, number) in enumerate(todo):
            b = slowed(subject, burn_us) if kind == "slower" else subject
            seed = SEED + len(done) + index
            found = run(a, Contender(b.name, b, wire), effort, seed, interruption)
            trial = trial_of(found, server, kind, number, burn_us if kind == "slower" else 0)
            with output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
            cpu = trial.metrics["cpu_us_per_call"]
            print(
                f"{index + 1}/{len(todo)} {kind}: {trial.verdict}, CPU {cpu.ratio:.4f} "
                f"[{cpu.low:.3f}, {cpu.high:.3f}] {cpu.verdict}, {trial.duration_s:.0f} s",
                flush=True,
            )


def find_burn_us(contender: Contender, slowdown: float, effort: Effort, interruption: Interruption) -> int:
    """Return the busy-wait that makes a call dearer by ``slowdown``, from two comparisons.

    A busy-wait can cost more than its own length: one in a thread keeps the event loop's thread waiting.
    """
    pilot = run(contender, contender, effort, 0, interruption)
    nominal_us = slowdown * next(m.a for m in pilot.metrics if m.name == "cpu_us_per_call")
    slower = replace(contender, subject=slowed(contender.subject, round(nominal_us)))
    metrics = run(contender, slower, effort, 0, interruption).metrics
    seen = next(m.ratio for m in metrics if m.name == "cpu_us_per_call")
    return round(nominal_us * slowdown / (seen - 1))


def missing(done: Sequence[Trial], wanted: Mapping[Kind, int]) -> list[tuple[Kind, int]]:
    """Return kinds and numbers of the trials that are still to be made, in random order."""
    have = {(trial.kind, trial.number) for trial in done}
    todo = [
        (kind, number)
        for kind in get_args(Kind)
        for number in range(1, wanted[kind] + 1)
        if (kind, number) not in have
    ]
    random.Random(SEED).shuffle(todo)
    return todo


def slowed(subject: Subject, burn_us: int) -> Subject:
    """Return the same reference server with a busy-wait in each tool call."""
    adapter = subject.adapter
    if not isinstance(adapter, ReferenceAdapter):
        sys.exit(f"a reference server was expected, {subject.name} came: only those take --burn-us")
    return Subject(with_burn(adapter, burn_us), package=subject.package)


def run(a: Contender, b: Contender, effort: Effort, seed: int, interruption: Interruption) -> Comparison:
    """Make one comparison, whose files are thrown away."""
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
    """Return what a call costs a, in µs of CPU."""
    return next(m.a for m in comparison.metrics if m.name == "cpu_us_per_call")


def trial_of(found: Comparison, server: str, kind: Kind, number: int, burn_us: int) -> Trial:
    """Return what the calibration keeps of a comparison."""
    design = found.design
    effort = (
        f"{design.launches} launches of {design.pairs_per_launch} pairs of slices of {design.slice_s:g} s"
        + (f", at most {design.looks[-1]} launches" if len(design.looks) > 1 else "")
    )
    return Trial(
        server=server,
        kind=kind,
        number=number,
        burn_us=burn_us,
        cpu_us=cpu_us_of(found),
        verdict=found.verdict,
        metrics={m.name: Seen(m.ratio, m.low, m.high, m.level, m.verdict) for m in found.metrics},
        launches=len(found.launches),
        pairs=found.pairs,
        duration_s=found.duration_s,
        design=f"{effort}, {design.vus} users, {design.wires['a']} wire",
        cpu=found.manifest["machine"]["cpu"],
    )


def read(path: Path) -> list[Trial]:
    """Return the trials in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines if line.strip()]
    return [
        Trial(**{**document, "metrics": {n: Seen(**m) for n, m in document["metrics"].items()}})
        for document in documents
    ]


@app.command
def report(files: Annotated[list[Path], Parameter(help="Files of trials.")], /) -> None:
    """Print what the trials show, as Markdown."""
    print("\n\n".join(markdown(read(path)) for path in files))


def markdown(trials: Sequence[Trial]) -> str:
    """Return the rates of one file of trials."""
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
        yield f"- False alarms (equals found worse or better): {rate(alarms, len(equal))}."
        yield f"- Equals called the same: {rate(same, len(equal))}; the rest is inconclusive."
    if slower:
        found = sum(trial.metrics["cpu_us_per_call"].verdict == "worse" for trial in slower)
        seen = median(trial.metrics["cpu_us_per_call"].ratio for trial in slower)
        size = f"{seen - 1:+.1%} of CPU per call (median; a busy-wait of {slower[0].burn_us} µs)"
        yield f"- Slowdown by {size} found: {rate(found, len(slower))}."


def _by_metric(equal: Sequence[Trial], slower: Sequence[Trial]) -> str:
    rows = [
        "| metric | bar | equals: worse or better | equals: same | equals: interval contains 1 "
        "| half width of the interval, median | slowdown found |",
        "| :-- | --: | --: | --: | --: | --: | --: |",
    ]
    for name, kind in KINDS.items():
        seen = [trial.metrics[name] for trial in equal if name in trial.metrics]
        if not kind.judged or not seen:
            continue
        alarms = sum(each.verdict in {"worse", "better"} for each in seen)
        same = sum(each.verdict == "same" for each in seen)
        held = sum(each.low <= 1 <= each.high for each in seen)
        width = median((each.high - each.low) / 2 for each in seen)
        found = sum(trial.metrics[name].verdict == "worse" for trial in slower if name in trial.metrics)
        rows.append(
            f"| {kind.words} | {kind.bar(Bars()):.0%} | {alarms} of {len(seen)} | {same} of {len(seen)} "
            f"| {rate(held, len(seen))} | {width:.1%} | {found} of {len(slower)} |"
        )
    return "\n".join(rows)


def rate(count: int, total: int) -> str:
    """Return a share with its 95 % interval, such as ``0 of 40 (0.0%; 0.0% to 8.8%)``."""
    interval = stats.binomtest(count, total).proportion_ci(0.95, method="exact")
    return f"{count} of {total} ({count / total:.1%}; {interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    app()
