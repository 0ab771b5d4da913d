"""Data of a comparison of servers: metrics, slices, launches and the result.

The first server, ``a``, is the baseline; each of the others is judged against it.

:class:`Comparison` is written to ``comparison.json`` field by field. Units are in the names.

Schema history:

* 1 — first version.
* 2 — error rate, p99 and maximum are judged (``difference``, errors by class, ``failures``); warm-up slices
  and drifts are kept. Parts that comparisons of schema 1 lack have their defaults.
* 3 — any number of servers: ``servers`` by side in place of ``a`` and ``b``, and ``pairings``, one for each
  server but the first, in place of ``metrics`` and ``drifts``; ``own_figures``, ``ranks``. Comparisons of
  schema 1 and 2 are read as such with one pairing (:func:`upgraded`). Each server has its ``token_cost``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from perf_core.adapter import Wire
from perf_core.comparison import intervals
from perf_core.comparison.schedule import BASELINE, Side
from perf_core.errors import ExitCode
from perf_core.results.record import Failure
from perf_core.results.token_cost import TokenCost

SCHEMA = 3

Verdict = Literal["worse", "better", "same", "inconclusive", "invalid", "interrupted"]

EXIT_CODES: Mapping[str, ExitCode] = {
    "same": ExitCode.PASS,
    "better": ExitCode.PASS,
    "worse": ExitCode.WORSE,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "invalid": ExitCode.INVALID,
    "interrupted": ExitCode.INVALID,
}

SEVERITY: Sequence[Verdict] = ("interrupted", "worse", "invalid", "inconclusive", "same", "better")
"""Verdicts, the most severe first: that of several pairings is their most severe one."""

CPU_BAR = 0.05
OTHER_BAR = 0.10
SLOWEST_BAR = 0.25
P99_BAR = 0.50
MAX_BAR = 1.00
"""The tails of equal servers vary far more than their medians: see docs/decisions/015."""


@dataclass(frozen=True)
class Bars:
    """Smallest relative differences that matter, such as 0.05: for CPU per call, the tails, and the rest."""

    cpu: float = CPU_BAR
    other: float = OTHER_BAR
    slowest: float = SLOWEST_BAR
    p99: float = P99_BAR
    max: float = MAX_BAR


@dataclass(frozen=True)
class MetricKind:
    """A metric of comparisons.

    Attributes:
        name: Name in ``comparison.json``.
        words: Name in reports.
        judged: Whether the verdict depends on it. The other metrics are only shown: judging them too would
            widen the intervals of the rest.
        once_per_launch: Whether each launch has one figure, instead of each slice.
        one_sided: Whether the metric is the same as soon as it is no worse than its bar.
        may_stay_open: Whether the comparison can end without a verdict on this metric, if b is not worse by
            more than the bar so far. A single stall decides a maximum, and where about one call in a hundred
            is slow, chance decides the p99, so that their intervals are often too wide for any number of
            launches that one would wait for.
        covers_dropped: Whether slices that were dropped count too: an answer that came too late for its pair,
            or none at all, is the very tail or error that the metric is about.
    """

    name: str
    words: str
    unit: str
    judged: bool = True
    higher_is_better: bool = False
    once_per_launch: bool = False
    one_sided: bool = False
    may_stay_open: bool = False
    covers_dropped: bool = False

    def bar(self, bars: Bars) -> float:
        """Return the bar that applies to this metric's ratio."""
        special = {"cpu_us_per_call": bars.cpu, SLOWEST: bars.slowest, P99: bars.p99, MAX: bars.max}
        return special.get(self.name, bars.other)


ERROR_RATE = "error_rate"
SLOWEST = "latency_ms.slowest_2_percent"
P99 = "latency_ms.p99"
MAX = "latency_ms.max"
MEAN = "latency_ms.mean"
"""No metric of comparisons, but what Little's law needs: calls in flight are calls/s times mean latency."""


KINDS: Mapping[str, MetricKind] = {
    kind.name: kind
    for kind in (
        MetricKind("cpu_us_per_call", "CPU per call", "µs"),
        MetricKind("latency_ms.med", "latency median", "ms"),
        MetricKind("latency_ms.p95", "latency p95", "ms"),
        MetricKind(
            SLOWEST,
            "mean of the slowest 2 %",
            "ms",
            once_per_launch=True,
            one_sided=True,
            covers_dropped=True,
        ),
        MetricKind(
            P99,
            "latency p99",
            "ms",
            once_per_launch=True,
            one_sided=True,
            may_stay_open=True,
            covers_dropped=True,
        ),
        MetricKind(
            MAX,
            "longest call",
            "ms",
            once_per_launch=True,
            one_sided=True,
            may_stay_open=True,
            covers_dropped=True,
        ),
        MetricKind("tool_calls_per_s", "calls", "/s", higher_is_better=True),
        MetricKind(ERROR_RATE, "failed calls", "share", covers_dropped=True),
        MetricKind("rss_mb", "memory (RSS)", "MB", once_per_launch=True),
        MetricKind("ready_s", "start to ready", "s", judged=False, once_per_launch=True),
    )
}
"""Metrics by name, in the order of the tables."""


@dataclass(frozen=True)
class SliceFigures:
    """Figures of one slice.

    Attributes:
        calls: Tool calls made, whatever became of them.
        errors: Calls that failed.
        duration_s: Time that a virtual user spent in the slice, summed over its turns.
        figures: Figures by metric; one that could not be measured is absent.
        fault: Reason why the slice does not count; empty when it counts.
        errors_by_class: Failed calls by class of error; only classes that occurred.
    """

    name: str
    side: Side
    pair: int
    calls: int
    errors: int
    duration_s: float
    figures: Mapping[str, float]
    fault: str = ""
    errors_by_class: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """One start of all servers.

    Attributes:
        slices: Slices in order of time, without the warm-up.
        figures: Figures that a launch has once, by side and metric.
        faults: Reasons for which nothing of the launch counts, such as one of two servers that ended.
        warm_up: Slices before the first pair; only their errors are reported.
        failures: Examples of failed calls; ``stage`` is the name of the slice.
        side_faults: Reasons for which nothing of single servers counts, while the others' pairs do.
    """

    slices: tuple[SliceFigures, ...]
    figures: Mapping[Side, Mapping[str, float]]
    faults: tuple[str, ...] = ()
    warm_up: tuple[SliceFigures, ...] = ()
    failures: tuple[Failure, ...] = ()
    side_faults: Mapping[Side, str] = field(default_factory=dict)

    def has_fault(self, side: Side) -> bool:
        """Return whether nothing of a server counts."""
        return bool(self.faults) or side in self.side_faults

    def pairs(self, side: Side, base: Side = BASELINE) -> Iterator[tuple[SliceFigures, SliceFigures]]:
        """Yield the pairs in which the slices of two servers count, ``base`` first; none after a fault."""
        if self.has_fault(side) or self.has_fault(base):
            # A server that ended or was replaced in the middle is not the one that is compared.
            return
        sound: dict[tuple[int, Side], SliceFigures] = {
            (s.pair, s.side): s for s in self.slices if not s.fault
        }
        for pair, each in sound:
            if each == base and (pair, side) in sound:
                yield sound[pair, base], sound[pair, side]


@dataclass(frozen=True)
class Design:
    """Settings of a comparison.

    Attributes:
        vus: Virtual users, each with one call in flight.
        seed: Seed of the calls and of the order of turns.
        wires: Protocol era of each server.
        launches: Smallest number of launches.
        slice_s: Seconds of load on one server in one pair; the warm-up before the first pair is as long.
        turn_s: Seconds for which one server is loaded before the next one's turn.
        pinned: Whether all servers were bound to the same CPUs and the generator to others.
        looks: Numbers of launches after which the verdict is computed; each of these looks may end the
            comparison, so they share the allowed error.
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
    def sides(self) -> tuple[Side, ...]:
        """Sides of the servers, the baseline first."""
        return tuple(self.wires)

    @property
    def rivals(self) -> tuple[Side, ...]:
        """Sides of the servers that are judged."""
        return self.sides[1:]


@dataclass(frozen=True)
class MetricComparison:
    """One metric of two servers: the baseline and the judged one, which is called b here.

    Attributes:
        unit: Unit of ``a`` and ``b``.
        bar: Relative difference beyond which it matters; for ``error_rate``, the largest difference up to
            which the shares are the same.
        a: Median of server a over slices, or over launches for a metric of launches; for ``error_rate``, the
            share of all calls.
        ratio: Ratio of b to a, computed from pairs; may differ from the ratio of the medians. None for
            ``error_rate``, since zeros have no ratio.
        low: Lower end of the interval of the ratio, or of the difference where there is no ratio.
        level: Confidence level of the interval, corrected for the number of metrics and servers.
        verdict: Verdict on this metric; ``inconclusive`` for one that is not judged.
        difference: ``b - a`` for ``error_rate``, else None.
    """

    name: str
    unit: str
    better: Literal["lower", "higher"]
    bar: float
    judged: bool
    a: float
    b: float
    ratio: float | None
    low: float
    high: float
    level: float
    verdict: intervals.Verdict
    difference: float | None = None


@dataclass(frozen=True)
class Drift:
    """A metric of one server that changes in the course of each launch, relative to another server.

    Attributes:
        first_pairs: Number of pairs before the change.
        pairs: Number of pairs in a launch.
        is_warm_up: Whether the server is worse in the first pairs; else it becomes worse.
        low: Lower end of the interval of the ratio, the worse part over the better one, at least 1.
    """

    metric: str
    side: Side
    first_pairs: int
    pairs: int
    is_warm_up: bool
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class ComparedServer:
    """Identity of one of the servers.

    Attributes:
        name: Name as typed on the command line.
        package: Distribution of the adapter with its version; empty for a file or a URL.
        commit: Commit that the server was built from; empty when unknown.
        token_cost: Cost of its tools for a model; None if it lists none.
    """

    name: str
    server_name: str
    server_version: str
    package: str = ""
    commit: str = ""
    token_cost: TokenCost | None = None


@dataclass(frozen=True)
class Pairing:
    """Result for one server against the baseline.

    Attributes:
        side: The judged server.
        reasons: What the verdict rests on, one sentence each.
    """

    side: Side
    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: tuple[MetricComparison, ...]
    drifts: tuple[Drift, ...] = ()


@dataclass(frozen=True)
class OwnFigure:
    """One metric of one server, with an interval of its own over the launches.

    Attributes:
        value: Geometric mean over launches of the mean over pairs.
        low: Lower end of the interval at 95 %, which holds for this figure alone.
    """

    side: Side
    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rank:
    """Place of one server in the order of a metric.

    Attributes:
        best: 1 more than the number of servers that are certainly better.
        worst: Number of servers that are not certainly worse, itself included.
        group: Number of its group, from 1: every server of a group is certainly better than all of the next
            group; within a group, not all can be told apart.
    """

    side: Side
    best: int
    worst: int
    group: int


@dataclass(frozen=True)
class Ranking:
    """Order of the servers in one metric; the ranks are in the order of the figures, the best first."""

    metric: str
    ranks: tuple[Rank, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison produced.

    Attributes:
        run_id: Name of its folder.
        started_at: Start, ISO 8601 in UTC.
        duration_s: Time from the first start of a server to the end of the last launch.
        verdict: The most severe verdict on a server.
        reasons: What the verdicts rest on, and remarks; with more than two servers, each begins with the side
            that it is about.
        servers: The servers by side, the baseline first.
        pairings: Results of the servers that are judged.
        launches: Launches from which the metrics are computed.
        own_figures: Figures of each server alone.
        rankings: Order of the servers in each judged metric; empty for two servers.
    """

    run_id: str
    started_at: str
    duration_s: float
    verdict: Verdict
    reasons: tuple[str, ...]
    servers: Mapping[Side, ComparedServer]
    design: Design
    pairings: tuple[Pairing, ...]
    launches: tuple[Launch, ...]
    manifest: Mapping[str, Any]
    schema: int = SCHEMA
    own_figures: tuple[OwnFigure, ...] = ()
    rankings: tuple[Ranking, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of ``perf-core compare``."""
        return EXIT_CODES[self.verdict]

    @property
    def pairs(self) -> int:
        """Number of pairs that count, of the server with the fewest."""
        sides = [pairing.side for pairing in self.pairings]
        return min(
            (sum(1 for launch in self.launches for _ in launch.pairs(side)) for side in sides), default=0
        )

    @property
    def metrics(self) -> tuple[MetricComparison, ...]:
        """Metrics of the first server that is judged; of two servers, all that there are."""
        return self.pairings[0].metrics if self.pairings else ()


def upgraded(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a comparison.json of any schema as those of the newest."""
    newest = {**members, "schema": SCHEMA}
    if members["schema"] < 3:
        newest["servers"] = {side: newest.pop(side) for side in ("a", "b")}
        newest["pairings"] = [
            {
                "side": "b",
                "verdict": newest["verdict"],
                "reasons": newest["reasons"],
                "metrics": newest.pop("metrics"),
                "drifts": newest.pop("drifts", ()),
            }
        ]
    return newest
