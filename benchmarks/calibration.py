"""Measure how often `perf-core compare` errs: equal servers, and differences of known size.

    python benchmarks/calibration.py measure reference-fastmcp --output FILE.jsonl
    python benchmarks/calibration.py report FILE.jsonl …
    python benchmarks/calibration.py simulate FILE.jsonl …

`measure` runs the comparisons in random order, each with a different seed, and appends one line for each to
the file. After an interruption, it continues with the missing ones. A false alarm is a comparison of equal
servers with the verdict worse or better. A difference is found if the metric that it is about is worse:

* `slower`: a busy-wait in each tool call that increases its CPU time by 10 %.
* `slow`: three times that busy-wait (`--slow-times`), which makes latency and throughput worse by more than
  their bars; `reference-asgi`, whose latency is mostly the generator's, needs six times.
* `wrong`: 0.5 % of the answers are wrong.
* `tail`: one call in sixty waits until the p99 is about 2.7 times as long.

Two comparisons determine the lengths of the waits beforehand; the report states the median size of each
difference over all later ones.

`report` prints the rates with their binomial intervals (Clopper and Pearson, 95 %) as Markdown, for
docs/methodology.md. `simulate` draws thousands of comparisons from the measured launches of equal servers and
prints the same for differences of many sizes (simulated_comparisons.py).

Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Literal, get_args

import cyclopts
from cyclopts import Parameter
from lab_references.adapters import ReferenceAdapter, with_handicap
from lab_references.serving import NO_HANDICAP, Handicap, parse_options
from scipy import stats
from simulated_comparisons import EFFECTS, MeasuredLaunch, Outcomes, measured_launch
from simulated_comparisons import simulate as simulate_effect

from perf_core.comparison.contenders import Contender
from perf_core.comparison.model import KINDS, MAX, P99, SLOWEST, Bars, Comparison
from perf_core.interruption import Interruption, watch_signals
from perf_core.runs.compare import Effort, Workload, compare
from perf_core.server.subject import Subject
from perf_core.targets.registry import find_subjects

Kind = Literal["equal", "slower", "slow", "wrong", "tail"]

FOUND_BY: Mapping[Kind, tuple[str, ...]] = {
    "slower": ("cpu_us_per_call",),
    "slow": ("latency_ms.med", "latency_ms.p95", "tool_calls_per_s"),
    "wrong": ("error_rate",),
    "tail": (SLOWEST, P99, MAX),
}
"""Metrics that must be worse, by kind of difference."""

WRONG_SHARE = 0.005
TAIL_SHARE = 1 / 60
TAIL_FACTOR = 2.7

SEED = 20261122


@dataclass(frozen=True)
class MetricResult:
    """Result of a comparison for one metric.

    Attributes:
        ratio: Ratio of b to a; None for the error rate, which has a difference.
    """

    ratio: float | None
    low: float
    high: float
    level: float
    verdict: str
    difference: float | None = None


@dataclass(frozen=True)
class Trial:
    """One comparison of the calibration.

    Attributes:
        server: The reference server.
        kind: How b differed from a.
        number: Number among the trials of the same kind, from 1.
        burn_us: Busy-wait of b per call, in µs; 0 for the other kinds.
        cpu_us: CPU time of a per call, in µs.
        verdict: Verdict of the whole comparison.
        metrics: Results by metric.
        launches: Number of launches.
        pairs: Number of valid pairs of slices.
        duration_s: Duration of the comparison.
        design: Design of the comparison, for the report.
        cpu: CPU of the machine.
        handicap: Options of b's command.
        drawable: Launches of equal servers, for draws; empty in older files and for other kinds.
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
    handicap: tuple[str, ...] = ()
    drawable: tuple[MeasuredLaunch, ...] = field(default=())


app = cyclopts.App(help="Calibration of perf-core compare.", result_action="return_value")


@app.command
def measure(
    server: Annotated[str, Parameter(help="reference-fastmcp or reference-asgi.")],
    /,
    *,
    output: Annotated[Path, Parameter(help="File of trials, to which a line of JSON is appended for each.")],
    equals: Annotated[int, Parameter(help="Comparisons of equal servers.")] = 40,
    slower: Annotated[int, Parameter(help="Comparisons with a slowdown by 10 % of CPU per call.")] = 20,
    slow: Annotated[int, Parameter(help="Comparisons with three times that slowdown.")] = 10,
    wrong: Annotated[int, Parameter(help="Comparisons with 0.5 % of wrong answers.")] = 10,
    tail: Annotated[int, Parameter(help="Comparisons with a p99 of about 2.7 times.")] = 10,
    slowdown: Annotated[float, Parameter(help="Relative increase of CPU per call.")] = 0.10,
    slow_times: Annotated[
        float, Parameter(help="Busy-wait of `slow` as a multiple of that of `slower`.")
    ] = 3,
    wire: Literal["session", "stateless"] = "session",
    until_decided: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the comparisons that are missing from the file."""
    (subject,) = find_subjects([server], (), None)
    done = read(output) if output.exists() else []
    counts: Mapping[Kind, int] = {
        "equal": equals,
        "slower": slower,
        "slow": slow,
        "wrong": wrong,
        "tail": tail,
    }
    todo = missing(done, counts)
    effort = Effort(until_decided=until_decided)
    a = Contender(server, subject, wire)
    with watch_signals() as interruption:
        handicaps = handicaps_of(done)
        if {kind for kind, _ in todo} - handicaps.keys():
            handicaps = {**find_handicaps(a, slowdown, slow_times, effort, interruption), **handicaps}
        for index, (kind, number) in enumerate(todo):
            b = handicapped(subject, handicaps[kind], kind)
            seed = SEED + len(done) + index
            comparison = run(a, Contender(b.name, b, wire), effort, seed, interruption)
            if comparison.verdict == "interrupted":
                # Its few launches are no trial; the next run makes it again.
                break
            trial = trial_of(comparison, server, kind, number, handicaps[kind])
            with output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
            judged = ", ".join(
                f"{name} {trial.metrics[name].verdict}"
                for name in FOUND_BY.get(kind, ("cpu_us_per_call",))
                if name in trial.metrics
            )
            print(
                f"{index + 1}/{len(todo)} {kind}: {trial.verdict} ({judged}), {trial.duration_s:.0f} s",
                flush=True,
            )


def handicaps_of(done: Sequence[Trial]) -> Mapping[Kind, Handicap]:
    """Return the handicaps of earlier trials, so that a continued calibration has differences of one size."""
    handicaps: dict[Kind, Handicap] = {"equal": NO_HANDICAP, "wrong": Handicap(wrong_share=WRONG_SHARE)}
    for trial in done:
        if trial.kind not in handicaps:
            # Older trials only have a busy-wait.
            arguments = trial.handicap or Handicap(trial.burn_us).arguments()
            handicaps[trial.kind] = parse_options("", arguments).handicap
    return handicaps


def find_handicaps(
    contender: Contender, slowdown: float, slow_times: float, effort: Effort, interruption: Interruption
) -> Mapping[Kind, Handicap]:
    """Return the handicap of b for each kind of comparison, determined by two comparisons.

    A busy-wait can cost more than its length: in a worker thread, it also delays the event loop's thread.
    """
    pilot = {m.name: m for m in run(contender, contender, effort, 0, interruption).metrics}
    nominal_us = slowdown * pilot["cpu_us_per_call"].a
    nominal = handicapped(contender.subject, Handicap(round(nominal_us)), "slower")
    metrics = run(contender, replace(contender, subject=nominal), effort, 0, interruption).metrics
    ratio = next(m.ratio for m in metrics if m.name == "cpu_us_per_call")
    if ratio is None or ratio <= 1:
        sys.exit(f"expected a busy-wait of {nominal_us:.0f} µs to cost CPU time, got a ratio of {ratio}")
    burn_us = round(nominal_us * slowdown / (ratio - 1))
    wait_ms = TAIL_FACTOR * pilot[P99].a - pilot["latency_ms.med"].a
    return {
        "equal": NO_HANDICAP,
        "slower": Handicap(burn_us),
        "slow": Handicap(round(slow_times * burn_us)),
        "wrong": Handicap(wrong_share=WRONG_SHARE),
        "tail": Handicap(slow_share=TAIL_SHARE, slow_us=round(1000 * wait_ms)),
    }


def missing(done: Sequence[Trial], counts: Mapping[Kind, int]) -> list[tuple[Kind, int]]:
    """Return kinds and numbers of the missing trials, in random order."""
    have = {(trial.kind, trial.number) for trial in complete(done)}
    todo = [
        (kind, number)
        for kind in get_args(Kind)
        for number in range(1, counts[kind] + 1)
        if (kind, number) not in have
    ]
    random.Random(SEED).shuffle(todo)
    return todo


def complete(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that were not interrupted."""
    return [trial for trial in trials if trial.verdict != "interrupted"]


def handicapped(subject: Subject, handicap: Handicap, kind: Kind) -> Subject:
    """Return the same reference server with a handicap."""
    adapter = subject.adapter
    if not isinstance(adapter, ReferenceAdapter) or not adapter.takes_handicap:
        sys.exit(f"expected reference-asgi or reference-fastmcp, which take a handicap, got {subject.name}")
    name = adapter.name if handicap == NO_HANDICAP else f"{adapter.name}-{kind}"
    return Subject(with_handicap(adapter, handicap, name), package=subject.package)


def run(a: Contender, b: Contender, effort: Effort, seed: int, interruption: Interruption) -> Comparison:
    """Run one comparison and delete its files."""
    with tempfile.TemporaryDirectory(prefix="calibration-") as folder:
        return compare(
            (a, b),
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


def trial_of(comparison: Comparison, server: str, kind: Kind, number: int, handicap: Handicap) -> Trial:
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
        burn_us=handicap.burn_us,
        cpu_us=cpu_us_of(comparison),
        verdict=comparison.verdict,
        metrics={
            m.name: MetricResult(m.ratio, m.low, m.high, m.level, m.verdict, m.difference)
            for m in comparison.metrics
        },
        launches=len(comparison.launches),
        pairs=comparison.pairs,
        duration_s=comparison.duration_s,
        design=f"{effort}, {design.vus} users, {design.wires['a']} wire",
        cpu=comparison.manifest["machine"]["cpu"],
        handicap=handicap.arguments(),
        drawable=tuple(map(measured_launch, comparison.launches)) if kind == "equal" else (),
    )


def read(path: Path) -> list[Trial]:
    """Return the trials in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines if line.strip()]
    return [
        Trial(
            **{
                **document,
                "metrics": {name: MetricResult(**metric) for name, metric in document["metrics"].items()},
                "handicap": tuple(document.get("handicap", ())),
                "drawable": tuple(MeasuredLaunch(**launch) for launch in document.get("drawable", ())),
            }
        )
        for document in documents
    ]


@app.command
def report(files: Annotated[list[Path], Parameter(help="Files of trials.")], /) -> None:
    """Print the error rates of the trials as Markdown."""
    print("\n\n".join(markdown(read(path)) for path in files))


@app.command
def simulate(
    files: Annotated[list[Path], Parameter(help="Files of trials with launches of equal servers.")],
    /,
    *,
    trials: Annotated[int, Parameter(help="Drawn comparisons for each difference.")] = 2000,
) -> None:
    """Print how often drawn comparisons err, as Markdown."""
    for path in files:
        equal = [trial for trial in complete(read(path)) if trial.kind == "equal" and trial.drawable]
        if not equal:
            sys.exit(f"expected comparisons of equal servers with their launches in {path}, got none")
        measured = [trial.drawable for trial in equal]
        outcomes = [simulate_effect(measured, effect, trials, SEED) for effect in EFFECTS]
        print(f"#### {equal[0].server}: drawn from {len(equal)} measured comparisons\n")
        print(simulation_table(outcomes) + "\n")


def simulation_table(outcomes: Sequence[Outcomes]) -> str:
    """Return the rates of drawn comparisons as a table."""
    rows = [
        "| difference | found | worse | better | same | inconclusive |",
        "| :-- | --: | --: | --: | --: | --: |",
    ]
    for each in outcomes:
        cells = [
            f"{each.verdicts.get(v, 0) / each.trials:.1%}"
            for v in ("worse", "better", "same", "inconclusive")
        ]
        detected = ", ".join(
            f"{KINDS[name].words} {count / each.trials:.1%}" for name, count in each.detected.items()
        )
        rows.append(f"| {each.effect.words} | {detected or '-'} | {' | '.join(cells)} |")
    return "\n".join(rows)


def markdown(trials: Sequence[Trial]) -> str:
    """Return the error rates of one file of trials as Markdown."""
    whole = complete(trials)
    by_kind = {kind: [trial for trial in whole if trial.kind == kind] for kind in get_args(Kind)}
    cost_us = median(trial.cpu_us for trial in whole)
    longest_s = max(trial.duration_s for trial in whole)
    blocks = [
        f"#### {whole[0].server}: {cost_us:,.0f} µs of CPU per call",
        f"{whole[0].design}; {median(t.duration_s for t in whole):.0f} s per comparison "
        f"(longest {longest_s:.0f} s), {whole[0].cpu}.",
        "\n".join(_headline(by_kind, len(trials) - len(whole))),
        _by_metric(by_kind),
    ]
    return "\n\n".join(blocks)


def _headline(by_kind: Mapping[Kind, Sequence[Trial]], interrupted: int) -> Iterable[str]:
    equal = by_kind["equal"]
    if equal:
        alarms = sum(trial.verdict in {"worse", "better"} for trial in equal)
        same = sum(trial.verdict == "same" for trial in equal)
        yield f"- False alarms (equal servers with the verdict worse or better): {rate(alarms, len(equal))}."
        yield f"- Equal servers with the verdict same: {rate(same, len(equal))}{_rest(equal)}."
    for kind, names in FOUND_BY.items():
        trials = by_kind[kind]
        for name in names if trials else ():
            results = [trial.metrics[name] for trial in trials if name in trial.metrics]
            worse = sum(result.verdict == "worse" for result in results)
            options = " ".join(handicaps_of(trials)[kind].arguments())
            size = f"{KINDS[name].words} {_size(results)} (median; `{options}`)"
            yield f"- {size} found: {rate(worse, len(trials))}."
    if interrupted:
        were = "comparison that was" if interrupted == 1 else "comparisons that were"
        yield f"- Left out: {interrupted} {were} interrupted."


def _rest(equal: Sequence[Trial]) -> str:
    """Return what became of the comparisons of equal servers that are not the same."""
    verdicts = Counter(trial.verdict for trial in equal if trial.verdict != "same")
    if not verdicts:
        return ""
    if set(verdicts) == {"inconclusive"}:
        return "; the rest are inconclusive"
    return "; the rest: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


def _size(results: Sequence[MetricResult]) -> str:
    """Return the median size of a difference in words."""
    if any(result.ratio is None for result in results):
        return f"{100 * median(result.difference or 0.0 for result in results):+.2f} percentage points"
    ratio = median(result.ratio or 1.0 for result in results)
    return f"{ratio:.2g} times" if ratio >= 1.5 else f"{ratio - 1:+.1%}".replace("%", " %")


def _by_metric(by_kind: Mapping[Kind, Sequence[Trial]]) -> str:
    equal = by_kind["equal"]
    kinds = [kind for kind in FOUND_BY if by_kind[kind]]
    headings = [
        "metric",
        "bar",
        "equals: worse or better",
        "equals: same",
        "equals: interval contains equality",
        "half width of the interval, median",
        *(f"{kind}: worse" for kind in kinds),
    ]
    rows = [f"| {' | '.join(headings)} |", f"| :-- |{' --: |' * (len(headings) - 1)}"]
    for name, kind_of_metric in KINDS.items():
        results = [trial.metrics[name] for trial in equal if name in trial.metrics]
        # In older trials, the p99 was not judged.
        is_old = name in {P99, MAX} and not any("error_rate" in trial.metrics for trial in equal)
        if not kind_of_metric.judged or not results or is_old:
            continue
        equality = 0.0 if results[0].ratio is None else 1.0
        alarms = sum(each.verdict in {"worse", "better"} for each in results)
        same = sum(each.verdict == "same" for each in results)
        containing = sum(each.low <= equality <= each.high for each in results)
        width = median((each.high - each.low) / 2 for each in results)
        is_ratio = results[0].ratio is not None
        cells = [
            kind_of_metric.words,
            f"{kind_of_metric.bar(Bars()):.0%}" if is_ratio else "chance",
            f"{alarms} of {len(results)}",
            f"{same} of {len(results)}",
            rate(containing, len(results)),
            f"{width:.1%}" if is_ratio else f"{100 * width:.2f} pp",
            *(
                f"{sum(t.metrics[name].verdict == 'worse' for t in by_kind[kind] if name in t.metrics)} "
                f"of {len(by_kind[kind])}"
                for kind in kinds
            ),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def rate(count: int, total: int) -> str:
    """Return a share with its 95 % interval, such as ``0 of 40 (0.0%; 0.0% to 8.8%)``."""
    interval = stats.binomtest(count, total).proportion_ci(0.95, method="exact")
    return f"{count} of {total} ({count / total:.1%}; {interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    app()
