"""What findings rest on, and what they are: handed from a run's figures to whoever looks for more in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perf_core.adapter import Limits
from perf_core.analysis.figures import Figure
from perf_core.analysis.measurements import Summary
from perf_core.results.record import Finding, Metrics, ServerUse, Stage
from perf_core.sampling.kills import Kill
from perf_core.sampling.snapshot import SnapshotPair

Columns = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Evidence:
    """What findings rest on: the parts of a record that exist before its verdict.

    Attributes:
        metrics: Figures of the whole run.
        stages: The stages that were reached.
        planned_stages: Names of all stages that were planned.
        server: What the server used.
        load: Columns of ``record.Series.load``.
        period_s: Length of one period of those columns.
        aborted: Why the script ended the load early; empty when it did not.
        sessions_left: Sessions that the server says it still holds; None when it does not tell.
        uptime_percent: Share of the time that the server was there; None when no call ended.
        summary: k6's summary, for the shapes that measure what others do not.
        limits: What the server lets one client send; None where that is not asked.
        snapshots: Resource snapshots before and after the load; None when none were taken.
        kills: Processes that the lab killed, in order.
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


@dataclass(frozen=True)
class Found:
    """Findings of one scenario.

    Attributes:
        findings: Sentences.
        figures: Figures that targets can name.
    """

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
