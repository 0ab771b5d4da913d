"""Data of a comparison of two servers: metrics, slices, launches and the result.

:class:`Comparison` is written to ``comparison.json`` field by field. Units are in the names.

Schema history:

* 1 — first version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from perf_core.adapter import Wire
from perf_core.comparison import intervals
from perf_core.comparison.schedule import Side
from perf_core.errors import ExitCode

SCHEMA = 1

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


@dataclass(frozen=True)
class Bars:
    """Smallest relative differences that matter, such as 0.05: for CPU per call, and for the rest."""

    cpu: float = CPU_BAR
    other: float = OTHER_BAR


@dataclass(frozen=True)
class MetricKind:
    """A metric of comparisons.

    Attributes:
        name: Name in ``comparison.json``.
        words: Name in reports.
        judged: Whether the verdict depends on it. The other metrics are only shown: judging them too would
            widen the intervals of the rest.
        once_per_launch: Whether each launch has one figure, instead of each slice.
    """

    name: str
    words: str
    unit: str
    judged: bool = True
    higher_is_better: bool = False
    once_per_launch: bool = False

    def bar(self, bars: Bars) -> float:
        """Return the bar that applies to this metric."""
        return bars.cpu if self.name == "cpu_us_per_call" else bars.other


KINDS: Mapping[str, MetricKind] = {
    kind.name: kind
    for kind in (
        MetricKind("cpu_us_per_call", "CPU per call", "µs"),
        MetricKind("latency_ms.med", "latency median", "ms"),
        MetricKind("latency_ms.p95", "latency p95", "ms"),
        # A slice has too few calls to judge it.
        MetricKind("latency_ms.p99", "latency p99", "ms", judged=False),
        MetricKind("tool_calls_per_s", "calls", "/s", higher_is_better=True),
        MetricKind("rss_mb", "memory (RSS)", "MB", once_per_launch=True),
        MetricKind("ready_s", "start to ready", "s", judged=False, once_per_launch=True),
    )
}
"""Metrics by name, in the order of the tables."""


@dataclass(frozen=True)
class SliceFigures:
    """Figures of one slice.

    Attributes:
        calls: Tool calls that were answered or timed out.
        duration_s: Time that a virtual user spent in the slice, summed over its turns.
        figures: Figures by metric; one that could not be measured is absent.
        fault: Reason why the slice does not count; empty when it counts.
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
        slices: Slices in order of time, without the warm-up.
        figures: Figures that a launch has once, by side and metric.
    """

    slices: tuple[SliceFigures, ...]
    figures: Mapping[Side, Mapping[str, float]]
    faults: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[SliceFigures, SliceFigures]]:
        """Yield the pairs in which both slices count, a before b."""
        sound: dict[tuple[int, Side], SliceFigures] = {
            (s.pair, s.side): s for s in self.slices if not s.fault
        }
        for pair, side in sound:
            if side == "a" and (pair, "b") in sound:
                yield sound[pair, "a"], sound[pair, "b"]


@dataclass(frozen=True)
class Design:
    """Settings of a comparison.

    Attributes:
        vus: Virtual users, each with one call in flight.
        seed: Seed of the calls and of the order of turns.
        launches: Smallest number of launches.
        slice_s: Seconds of load on one server in one pair; the warm-up before the first pair is as long.
        turn_s: Seconds for which one server is loaded before the other one's turn.
        pinned: Whether both servers were bound to the same CPUs and the generator to others.
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


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both servers.

    Attributes:
        unit: Unit of ``a`` and ``b``.
        bar: Relative difference beyond which it matters.
        a: Median of server a over slices, or over launches for a metric of launches.
        ratio: Ratio of b to a, computed from pairs; may differ from the ratio of the medians.
        low: Lower end of the ratio's interval.
        level: Confidence level of the interval, corrected for the number of metrics.
        verdict: Verdict on this metric; ``inconclusive`` for one that is not judged.
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
class ComparedServer:
    """Identity of one of the two servers.

    Attributes:
        name: Name as typed on the command line.
        package: Distribution of the adapter with its version; empty for a file or a URL.
        commit: Commit that the server was built from; empty when unknown.
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
        duration_s: Time from the first start of a server to the end of the last launch.
        verdict: Verdict on b relative to a.
        launches: Launches from which the metrics are computed.
    """

    run_id: str
    started_at: str
    duration_s: float
    verdict: Verdict
    reasons: tuple[str, ...]
    a: ComparedServer
    b: ComparedServer
    design: Design
    metrics: tuple[MetricComparison, ...]
    launches: tuple[Launch, ...]
    manifest: Mapping[str, Any]
    schema: int = SCHEMA

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of ``perf-core compare``."""
        return EXIT_CODES[self.verdict]

    @property
    def pairs(self) -> int:
        """Number of pairs that count."""
        return sum(1 for launch in self.launches for _ in launch.pairs())
