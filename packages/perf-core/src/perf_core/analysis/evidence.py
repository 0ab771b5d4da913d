"""The input and the result of a load shape's own analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perf_core.adapter import Limits
from perf_core.analysis.figures import Figure
from perf_core.analysis.k6_summary import Summary
from perf_core.results.record import Finding, GeneratorUse, Health, Metrics, ServerUse, Stage
from perf_core.sampling.kills import Kill
from perf_core.sampling.snapshot import SnapshotPair

Columns = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Evidence:
    """The parts of a run from which a load shape derives its findings.

    Attributes:
        stages: Stages that were reached.
        planned_stages: Names of all planned stages.
        server: Resource use of the server; None when its process is not visible.
        load: Columns of ``record.Series.load``.
        period_s: Length of one period of those columns.
        aborted: Reason for which the script ended the load early; empty when it did not.
        sessions_left: Sessions that the server reports as open; None when it reports none.
        uptime_percent: Share of the time in which the server answered; None when no call ended.
        summary: k6's summary, for shapes with metrics of their own.
        limits: Rate limit of the server for one client; None unless the shape tests it.
        snapshots: Resource snapshots before and after the load; None unless the shape takes them.
        generator: Resource use of k6; None when nothing is known of it.
        health: Health of the measurement; None when nothing is known of it.
        saturated: Whether k6 was the limit, for each period of ``load``; empty when nothing is known of it.
    """

    metrics: Metrics
    stages: Sequence[Stage]
    planned_stages: Sequence[str]
    server: ServerUse | None
    load: Columns
    period_s: float
    aborted: str = ""
    sessions_left: int | None = None
    uptime_percent: float | None = None
    summary: Summary | None = None
    limits: Limits | None = None
    snapshots: SnapshotPair | None = None
    kills: Sequence[Kill] = ()
    generator: GeneratorUse | None = None
    health: Health | None = None
    saturated: Sequence[bool] = ()


@dataclass(frozen=True)
class ShapeFindings:
    """Findings of one run and the figures that only its shape has."""

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
