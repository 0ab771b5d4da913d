"""A comparison of two servers: what each slice showed, and what can be said from all of them.

Everything here is pure: slices in, figures and verdicts out. ``comparison.json`` is :class:`Comparison`
as it stands; units are in the names.

Schema history:

* 1 — first version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from perf_core.adapter import Wire
from perf_core.comparison import intervals
from perf_core.comparison.intervals import Question
from perf_core.comparison.schedule import Side
from perf_core.errors import ExitCode, ResultsError

SCHEMA = 1
COMPARISON_NAME = "comparison.json"

Verdict = Literal["worse", "better", "same", "inconclusive", "invalid", "interrupted"]

EXIT_CODES: Mapping[str, ExitCode] = {
    "same": ExitCode.PASS,
    "better": ExitCode.PASS,
    "worse": ExitCode.WORSE,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "invalid": ExitCode.INVALID,
    "interrupted": ExitCode.INVALID,
}

CPU_BAR = 0.05
OTHER_BAR = 0.10

ALPHA = 0.05
"""How often a comparison of equals may find a difference, over all its metrics together."""

MOST_ERRORS = 0.01
"""A slice with a larger share of calls gone wrong measures the errors."""

MOST_DROPPED = 0.2
"""With a larger share of pairs dropped, those that remain are no fair sample."""


@dataclass(frozen=True)
class Bars:
    """By how much a figure may differ before it matters.

    Attributes:
        cpu: For CPU per call, such as 0.05 for 5 %.
        other: For everything else.
    """

    cpu: float = CPU_BAR
    other: float = OTHER_BAR


@dataclass(frozen=True)
class MetricKind:
    """A metric of comparisons.

    Attributes:
        name: Its name.
        words: What it is called.
        unit: Its unit.
        judged: Whether the verdict depends on it. The others are shown: judging them too would cost
            the rest evidence.
        higher_is_better: Whether a larger figure is a better one.
    """

    name: str
    words: str
    unit: str
    judged: bool = True
    higher_is_better: bool = False

    def bar(self, bars: Bars) -> float:
        """Return the bar that holds for it."""
        return bars.cpu if self.name == "cpu_us_per_call" else bars.other


SLICE_METRICS = (
    MetricKind("cpu_us_per_call", "CPU per call", "µs"),
    MetricKind("latency_ms.med", "latency median", "ms"),
    MetricKind("latency_ms.p95", "latency p95", "ms"),
    # A slice has too few calls for it.
    MetricKind("latency_ms.p99", "latency p99", "ms", judged=False),
    MetricKind("tool_calls_per_s", "calls", "/s", higher_is_better=True),
)
"""Metrics with a figure for each slice."""

LAUNCH_METRICS = (
    MetricKind("rss_mb", "memory (RSS)", "MB"),
    MetricKind("ready_s", "start to ready", "s", judged=False),
)
"""Metrics with a figure for each launch."""

KINDS: Mapping[str, MetricKind] = {kind.name: kind for kind in (*SLICE_METRICS, *LAUNCH_METRICS)}
_ONCE_PER_LAUNCH = frozenset(kind.name for kind in LAUNCH_METRICS)


@dataclass(frozen=True)
class SliceFigures:
    """One slice.

    Attributes:
        name: Its name within the launch.
        side: Whose it is.
        pair: Number of its pair.
        calls: Tool calls that came back or timed out.
        errors: Those that went wrong.
        duration_s: Time that a virtual user spent in it, all turns together.
        figures: By name of the metric; one that could not be had is absent.
        fault: Why it does not count; empty when it does.
    """

    name: str
    side: Side
    pair: int
    calls: int
    errors: int
    duration_s: float
    figures: Mapping[str, float]
    fault: str = ""


@dataclass(frozen=True)
class Launch:
    """One start of both servers.

    Attributes:
        slices: Its slices in order of time, warm-up left out.
        figures: By side, by name of the metric: figures that a launch has once.
        faults: What went wrong beside single slices.
    """

    slices: tuple[SliceFigures, ...]
    figures: Mapping[Side, Mapping[str, float]]
    faults: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[SliceFigures, SliceFigures]]:
        """Yield the pairs of which both slices count, a before b."""
        whole: dict[tuple[int, Side], SliceFigures] = {
            (s.pair, s.side): s for s in self.slices if not s.fault
        }
        for pair, side in whole:
            if side == "a" and (pair, "b") in whole:
                yield whole[pair, "a"], whole[pair, "b"]


@dataclass(frozen=True)
class Design:
    """How a comparison was made.

    Attributes:
        scenario: Whose calls are made.
        wires: Protocol era of either server.
        vus: Virtual users, each with one call in flight.
        seed: Seed of the calls and of the orders.
        launches: Starts of both servers, at least.
        pairs_per_launch: Pairs of slices in each.
        slice_s: Load on one server in one pair, in seconds; as much goes before the first pair, to warm up.
        turn_s: How long either server is loaded before it is the other's turn.
        pinned: Whether both servers kept to the same CPUs and the generator to others.
        looks: After how many launches the verdict is looked at; each look may end the comparison, so
            they share the error among them.
        bars: What matters.
    """

    scenario: str
    wires: Mapping[Side, Wire]
    vus: int
    seed: int
    launches: int
    pairs_per_launch: int
    slice_s: float
    turn_s: float
    pinned: bool
    looks: tuple[int, ...]
    bars: Bars

    @property
    def pairs(self) -> int:
        """Pairs that the least number of launches makes."""
        return self.launches * self.pairs_per_launch


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both servers.

    Attributes:
        name: Its name.
        unit: Unit of ``a`` and ``b``.
        better: Which direction is the better one.
        bar: How much larger the ratio may be before it matters.
        judged: Whether the verdict depends on it.
        a: Median over slices, or over launches for what a launch has once.
        b: The same of the other server.
        ratio: b to a, from pairs: it need not equal the ratio of the medians.
        low: Lower end of the ratio's interval.
        high: Upper end.
        level: Probability with which the interval holds the truth, corrected for the number of metrics.
        verdict: What can be said; ``inconclusive`` for one that is not judged.
    """

    name: str
    unit: str
    better: Literal["lower", "higher"]
    bar: float
    judged: bool
    a: float
    b: float
    ratio: float
    low: float
    high: float
    level: float
    verdict: intervals.Verdict


@dataclass(frozen=True)
class Contender:
    """One of the two.

    Attributes:
        name: What was typed.
        server_name: ``serverInfo.name``.
        server_version: ``serverInfo.version``.
        package: Distribution of the adapter with its version; empty for a file or a URL.
        commit: Commit that it was built from; empty when it is not from a commit.
    """

    name: str
    server_name: str
    server_version: str
    package: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison produced.

    Attributes:
        run_id: Name of its folder.
        started_at: Start, ISO 8601 in UTC.
        duration_s: From the first start of a server to the last end.
        verdict: What can be said of b beside a.
        reasons: Why, one sentence each.
        a: The one that is compared with.
        b: The one that is judged.
        design: How it was made.
        metrics: Metric by metric.
        launches: What it is made from.
        manifest: Machine and versions.
        schema: Version of this format.
    """

    run_id: str
    started_at: str
    duration_s: float
    verdict: Verdict
    reasons: tuple[str, ...]
    a: Contender
    b: Contender
    design: Design
    metrics: tuple[MetricComparison, ...]
    launches: tuple[Launch, ...]
    manifest: Mapping[str, Any]
    schema: int = SCHEMA

    @property
    def exit_code(self) -> ExitCode:
        """What ``perf-core compare`` returns."""
        return EXIT_CODES[self.verdict]

    @property
    def pairs(self) -> int:
        """Pairs that count."""
        return sum(1 for launch in self.launches for _ in launch.pairs())


@dataclass(frozen=True)
class Found:
    """What can be said from some launches."""

    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: tuple[MetricComparison, ...]


def conclude(launches: Sequence[Launch], design: Design) -> Found:
    """Return what can be said from the launches so far."""
    metrics = compare_metrics(launches, design)
    invalid = _invalid(launches, design, metrics)
    if invalid:
        return Found("invalid", invalid, metrics)
    judged = [metric for metric in metrics if metric.judged]
    verdict = intervals.overall([metric.verdict for metric in judged])
    return Found(verdict, (*_reasons(verdict, judged), *_dropped(launches)), metrics)


def compare_metrics(launches: Sequence[Launch], design: Design) -> tuple[MetricComparison, ...]:
    """Return every metric that both servers have in enough launches, in the order of the tables."""
    values = {name: [paired(launch, name) for launch in launches] for name in KINDS}
    questions = {}
    for name, kind in KINDS.items():
        found = intervals.estimate([[math.log(b / a) for a, b in pairs] for pairs in values[name]])
        if found is not None:
            questions[name] = Question(found, kind.bar(design.bars), kind.higher_is_better)
    alpha = ALPHA / len(design.looks)
    judged = intervals.judge_together({n: q for n, q in questions.items() if KINDS[n].judged}, alpha)
    rows = []
    for name, question in questions.items():
        kind = KINDS[name]
        low, high = question.estimate.interval(1 - alpha)
        said = judged.get(name, intervals.Judged("inconclusive", low, high, 1 - alpha))
        row = MetricComparison(
            name=name,
            unit=kind.unit,
            better="higher" if kind.higher_is_better else "lower",
            bar=question.bar,
            judged=kind.judged,
            a=median(a for pairs in values[name] for a, _ in pairs),
            b=median(b for pairs in values[name] for _, b in pairs),
            ratio=question.estimate.ratio,
            low=said.low,
            high=said.high,
            level=said.level,
            verdict=said.verdict,
        )
        rows.append(row)
    return tuple(rows)


def paired(launch: Launch, name: str) -> list[tuple[float, float]]:
    """Return the figures of a metric in the pairs of a launch; zeros, which have no ratio, are left out."""
    pairs = [(a.figures.get(name), b.figures.get(name)) for a, b in launch.pairs()]
    if name in _ONCE_PER_LAUNCH:
        pairs = [(launch.figures["a"].get(name), launch.figures["b"].get(name))]
    return [(a, b) for a, b in pairs if a and b]


def _invalid(
    launches: Sequence[Launch], design: Design, metrics: Sequence[MetricComparison]
) -> tuple[str, ...]:
    planned = len(launches) * design.pairs_per_launch
    kept = sum(1 for launch in launches for _ in launch.pairs())
    if planned - kept > MOST_DROPPED * planned:
        return (
            f"{planned - kept} of {planned} pairs were dropped, too many to judge the rest",
            *_dropped(launches),
        )
    if not any(metric.judged for metric in metrics):
        return ("no metric could be had from both servers in at least two launches", *_dropped(launches))
    return ()


def _dropped(launches: Sequence[Launch]) -> tuple[str, ...]:
    faults = [
        f"launch {number}: {fault}"
        for number, launch in enumerate(launches, 1)
        for fault in (*launch.faults, *(f"{s.name}: {s.fault}" for s in launch.slices if s.fault))
    ]
    shown = faults[:5]
    more = [f"and {len(faults) - len(shown)} more faults"] if len(faults) > len(shown) else []
    return (*shown, *more)


def _reasons(verdict: intervals.Verdict, judged: Sequence[MetricComparison]) -> list[str]:
    if verdict in {"worse", "better"}:
        return [f"{KINDS[m.name].words} {verdict} {by_how_much(m)}" for m in judged if m.verdict == verdict]
    if verdict == "same":
        return ["every judged metric lies within its bars"]
    wide = ", ".join(KINDS[m.name].words for m in judged if m.verdict == "inconclusive")
    return [f"the intervals are too wide for {wide}; more launches or --until-decided narrow them"]


def by_how_much(metric: MetricComparison) -> str:
    """Return the interval as people say it, such as ``by 6 to 9 %``."""
    near, far = sorted((abs(metric.low - 1), abs(metric.high - 1)))
    return f"by {near:.1%} to {far:.1%}".replace("%", " %")


_ADAPTER: TypeAdapter[Comparison] = TypeAdapter(Comparison)


def write(comparison: Comparison, folder: Path) -> Path:
    """Write ``comparison.json`` into ``folder``, whole or not at all.

    Raises:
        ResultsError: The folder cannot be written.
    """
    path = folder / COMPARISON_NAME
    document = {"schema": comparison.schema, "kind": "comparison", **asdict(comparison)}
    partial = path.with_suffix(".json.partial")
    try:
        text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8", errors="replace")
        partial.replace(path)
    except OSError as error:
        raise ResultsError(
            f"cannot write {path}: {error.strerror}", "Choose another folder with --output-dir."
        ) from error
    return path


def read(path: Path) -> Comparison:
    """Return the comparison at ``path``: a comparison.json or the folder of one.

    Raises:
        ResultsError: There is none, it is malformed, or its schema is unknown.
    """
    file = path / COMPARISON_NAME if path.is_dir() else path
    try:
        document = json.loads(file.read_bytes())
        schema = document["schema"]
        if schema != SCHEMA:
            raise ResultsError(
                f"{file} is a comparison of schema {schema}; this perf-core reads schema {SCHEMA}",
                "Read it with the version of perf-core that wrote it, or compare again.",
            )
        return _ADAPTER.validate_python(document)
    except OSError as error:
        raise ResultsError(
            f"cannot read {file}: {error.strerror}", "Give the folder of a comparison."
        ) from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ResultsError(f"{file} is not a comparison: {error}", "Compare again.") from error
