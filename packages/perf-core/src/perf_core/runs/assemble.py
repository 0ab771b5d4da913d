"""The record of a run, assembled from the results of its load; pure functions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from perf_core.adapter import Target
from perf_core.analysis import k6_summary, resource_use, series
from perf_core.analysis.evidence import Evidence
from perf_core.analysis.figures import figures
from perf_core.analysis.grades import clients_carried, grades
from perf_core.analysis.k6_summary import Summary, Window
from perf_core.analysis.series import load_columns, read_recording, recorded_period_s
from perf_core.analysis.verdict import Judgement, judge
from perf_core.load.k6_process import GeneratorOutput
from perf_core.load.plan import Plan
from perf_core.results.record import RunRecord, Series
from perf_core.sampling.kills import Kill
from perf_core.sampling.sampler import Sample
from perf_core.sampling.snapshot import SnapshotPair
from perf_core.shapes.registry import shape_named


@dataclass(frozen=True)
class RunSpec:
    """Inputs of a run.

    Attributes:
        period_s: Requested length of one period of the series.
        cpus: Number of CPUs of the generator.
        pinned: Whether the server had other CPUs; otherwise it shares them.
    """

    run_id: str
    plan: Plan
    targets: Sequence[Target]
    server: str
    manifest: Mapping[str, Any]
    period_s: float
    cpus: int
    pinned: bool = False


@dataclass(frozen=True)
class LoadResult:
    """Results of a load.

    Attributes:
        faults: Reasons that make the run invalid regardless of its figures.
        sessions_left: Sessions still open on the server afterwards; None when it does not report them.
    """

    generated: GeneratorOutput
    samples: tuple[Sample, ...]
    faults: tuple[str, ...]
    interrupted: bool
    sessions_left: int | None
    snapshots: SnapshotPair | None = None
    kills: tuple[Kill, ...] = ()


def assemble(spec: RunSpec, load: LoadResult) -> RunRecord:
    """Return the record of a run, with its verdict."""
    document = load.generated.summary
    # k6 also writes a summary, without figures, if it is ended before its load begins.
    if document is None or document.get("started_at_ms") is None:
        return _empty_record(spec, load)
    spec = replace(spec, period_s=recorded_period_s(load.generated.recording, spec.period_s))
    plan, summary = spec.plan, Summary(document)
    ended_at_s = _ended_at_s(summary)
    stages = k6_summary.stages(summary, ended_at_s)
    metrics = k6_summary.metrics(summary, stages, plan)
    whole = Window(summary.started_at_s, summary.started_at_s + ended_at_s)
    held = k6_summary.held_window(summary, stages)
    periods = read_recording(load.generated.recording)
    columns = load_columns(periods, summary.started_at_s, ended_at_s, spec.period_s)
    uptime_percent = series.uptime_percent(columns)
    server = resource_use.server_use(
        load.samples,
        whole,
        held,
        metrics.tool_calls,
        sessions_left=load.sessions_left,
        uptime_percent=uptime_percent,
    )
    generator = resource_use.generator_use(
        load.samples,
        whole,
        held,
        metrics.tool_calls,
        cpus=spec.cpus,
        pinned=spec.pinned,
        dropped=summary.count("dropped_iterations"),
        iterations=summary.count("iterations"),
        exit_code=load.generated.exit_code,
    )
    planned = [str(stage["name"]) for stage in summary.planned_stages]
    aborted = str(summary.document.get("aborted") or "")
    observations = shape_named(plan.shape).find(
        Evidence(
            metrics,
            stages,
            planned,
            server,
            columns,
            spec.period_s,
            aborted,
            sessions_left=load.sessions_left,
            uptime_percent=uptime_percent,
            summary=summary,
            limits=plan.limits,
            snapshots=load.snapshots,
            kills=load.kills,
        )
    )
    common = figures(
        metrics, stages, planned, server, sessions_left=load.sessions_left, uptime_percent=uptime_percent
    )
    all_figures = {**common, "clients_carried": clients_carried(stages), **observations.figures}
    judgement = judge(
        spec.targets,
        all_figures,
        generator,
        [*load.faults, *_load_faults(spec, load, summary, metrics.tool_calls)],
        interrupted=load.interrupted,
        changed_levels=plan.settings.vus is not None,
    )
    record = _record(
        spec, load, judgement, started_at_s=summary.started_at_s, duration_s=ended_at_s, columns=columns
    )
    return replace(
        record,
        metrics=metrics,
        server=server,
        generator=generator,
        stages=stages,
        findings=observations.findings,
        grades=grades(all_figures),
    )


def _planned_s(summary: Summary) -> float:
    return max((float(stage["end_s"]) for stage in summary.planned_stages), default=0.0)


def _ended_at_s(summary: Summary) -> float:
    ran_s = float(summary.document["state"]["testRunDurationMs"]) / 1000
    return min(_planned_s(summary), ran_s)


def _load_faults(spec: RunSpec, load: LoadResult, summary: Summary, tool_calls: int) -> list[str]:
    """Return faults of the load itself, unless something else explains them."""
    if load.faults or load.interrupted:
        return []
    if tool_calls == 0:
        return ["no tool call was made, so nothing was measured"]
    ended_at_s, planned_s = _ended_at_s(summary), _planned_s(summary)
    if not summary.document.get("aborted") and planned_s - ended_at_s > spec.period_s:
        return [
            f"expected {planned_s:.1f} s of load, got {ended_at_s:.1f} s: k6 ended early by itself with exit "
            f"code {load.generated.exit_code}"
        ]
    return []


def _empty_record(spec: RunSpec, load: LoadResult) -> RunRecord:
    """Return the record of a run without figures, which keeps its faults."""
    exit_code = load.generated.exit_code
    faults = list(load.faults)
    if not faults and not load.interrupted:
        how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
        faults.append(f"k6 {how}; end of its log: {load.generated.log_tail or '(empty)'}")
    judgement = judge((), {}, None, faults, interrupted=load.interrupted)
    started_at_s = load.samples[0].at_s if load.samples else time.time()
    until_s = load.samples[-1].at_s - started_at_s if load.samples else 0.0
    columns = load_columns((), started_at_s, until_s, spec.period_s)
    return _record(spec, load, judgement, started_at_s=started_at_s, duration_s=until_s, columns=columns)


def _record(
    spec: RunSpec,
    load: LoadResult,
    judgement: Judgement,
    *,
    started_at_s: float,
    duration_s: float,
    columns: Mapping[str, tuple[float | None, ...]],
) -> RunRecord:
    return RunRecord(
        run_id=spec.run_id,
        scenario=spec.plan.scenario,
        target=spec.server,
        wire=spec.plan.wire,
        started_at=datetime.fromtimestamp(started_at_s, UTC).isoformat(timespec="milliseconds"),
        duration_s=duration_s,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        exit_code=judgement.exit_code,
        metrics=None,
        server=None,
        generator=None,
        targets=judgement.targets,
        stages=(),
        findings=(),
        series=Series(
            spec.period_s,
            columns,
            resource_use.server_columns(load.samples, started_at_s, duration_s),
        ),
        manifest=spec.manifest,
    )
