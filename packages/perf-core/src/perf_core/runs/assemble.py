"""From what a load left behind to the record of the run; pure functions."""

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
from perf_core.analysis.verdict import judge
from perf_core.load.k6_process import Generated
from perf_core.load.plan import Plan
from perf_core.results.record import RunRecord, Series
from perf_core.sampling.kills import Strike
from perf_core.sampling.sampler import Sample
from perf_core.sampling.snapshot import Stocks
from perf_core.shapes.findings import find


@dataclass(frozen=True)
class Job:
    """What was to be measured.

    Attributes:
        run_id: Names the run and its folder.
        plan: The plan.
        targets: Levels that decide the verdict.
        server: Name of the measured server.
        manifest: Machine, versions, commit and settings.
        period_s: Length of one period of the series, as it was asked for.
        cpus: CPUs that server and generator share, or those of the generator alone.
        pinned: Whether the generator had those CPUs to itself.
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
class Load:
    """What a load left behind.

    Attributes:
        generated: What k6 wrote.
        samples: What the processes used.
        faults: Reasons that make the run invalid whatever its figures say.
        interrupted: The user ended it.
        sessions_left: Sessions that the server still held open after it; None when it does not tell.
        stocks: What the server held before and after it; None where that is not asked, or cannot be seen.
        strikes: Processes that were killed on purpose.
    """

    generated: Generated
    samples: tuple[Sample, ...]
    faults: tuple[str, ...]
    interrupted: bool
    sessions_left: int | None
    stocks: Stocks | None = None
    strikes: tuple[Strike, ...] = ()


def assemble(job: Job, load: Load) -> RunRecord:
    """Return the record of a run, with its verdict."""
    document = load.generated.summary
    # k6 writes a summary even when it is ended before its load began; that one has no figures.
    if document is None or document.get("started_at_ms") is None:
        return _empty_record(job, load)
    job = replace(job, period_s=recorded_period_s(load.generated.recording, job.period_s))
    plan, summary = job.plan, Summary(document)
    ended_at_s = _ended_at_s(summary)
    reached = k6_summary.stages(summary, ended_at_s)
    seen = k6_summary.metrics(summary, reached, plan)
    whole = Window(summary.started_at_s, summary.started_at_s + ended_at_s)
    held = k6_summary.held_window(summary, reached)
    periods = read_recording(load.generated.recording)
    columns = load_columns(periods, summary.started_at_s, ended_at_s, job.period_s)
    uptime_percent = series.uptime_percent(columns)
    server = resource_use.server_use(
        load.samples,
        whole,
        held,
        seen.tool_calls,
        sessions_left=load.sessions_left,
        uptime_percent=uptime_percent,
    )
    used = resource_use.generator_use(
        load.samples,
        whole,
        held,
        seen.tool_calls,
        cpus=job.cpus,
        pinned=job.pinned,
        dropped=summary.count("dropped_iterations"),
        iterations=summary.count("iterations"),
        exit_code=load.generated.exit_code,
    )
    planned = [str(stage["name"]) for stage in summary.planned_stages]
    aborted = str(summary.document.get("aborted") or "")
    found = find(
        plan.shape,
        Evidence(
            seen,
            reached,
            planned,
            server,
            columns,
            job.period_s,
            aborted,
            sessions_left=load.sessions_left,
            uptime_percent=uptime_percent,
            summary=summary,
            limits=plan.limits,
            stocks=load.stocks,
            strikes=load.strikes,
        ),
    )
    common = figures(
        seen, reached, planned, server, sessions_left=load.sessions_left, uptime_percent=uptime_percent
    )
    known = {**common, "clients_carried": clients_carried(reached), **found.figures}
    judgement = judge(
        job.targets,
        known,
        used,
        [*load.faults, *_load_faults(job, load, summary, seen.tool_calls)],
        interrupted=load.interrupted,
        changed_levels=plan.settings.vus is not None,
    )
    return RunRecord(
        run_id=job.run_id,
        scenario=job.plan.scenario,
        target=job.server,
        wire=job.plan.wire,
        started_at=datetime.fromtimestamp(summary.started_at_s, UTC).isoformat(timespec="milliseconds"),
        duration_s=ended_at_s,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        exit_code=judgement.exit_code,
        metrics=seen,
        server=server,
        generator=used,
        targets=judgement.targets,
        stages=reached,
        findings=found.findings,
        series=Series(
            job.period_s,
            columns,
            resource_use.server_columns(load.samples, summary.started_at_s, ended_at_s),
        ),
        manifest=job.manifest,
        grades=grades(known),
    )


def _planned_s(summary: Summary) -> float:
    return max((float(stage["end_s"]) for stage in summary.planned_stages), default=0.0)


def _ended_at_s(summary: Summary) -> float:
    ran_s = float(summary.document["state"]["testRunDurationMs"]) / 1000
    return min(_planned_s(summary), ran_s)


def _load_faults(job: Job, load: Load, summary: Summary, tool_calls: int) -> list[str]:
    """Return what is wrong with the load itself, as far as nothing else explains it."""
    if load.faults or load.interrupted:
        return []
    if tool_calls == 0:
        return ["no tool call was made: nothing was measured"]
    ended_at_s, planned_s = _ended_at_s(summary), _planned_s(summary)
    if not summary.document.get("aborted") and planned_s - ended_at_s > job.period_s:
        return [
            f"k6 ended after {ended_at_s:.1f} s of {planned_s:.1f} s of load, exit code "
            f"{load.generated.exit_code}, and nobody asked it to"
        ]
    return []


def _empty_record(job: Job, load: Load) -> RunRecord:
    """Return the record of a run whose generator left nothing: its faults must not be lost."""
    exit_code = load.generated.exit_code
    faults = list(load.faults)
    if not faults and not load.interrupted:
        how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
        faults.append(f"k6 {how}; end of its log: {load.generated.log_tail or '(empty)'}")
    judgement = judge((), {}, None, faults, interrupted=load.interrupted)
    started_at_s = load.samples[0].at_s if load.samples else time.time()
    until_s = load.samples[-1].at_s - started_at_s if load.samples else 0.0
    return RunRecord(
        run_id=job.run_id,
        scenario=job.plan.scenario,
        target=job.server,
        wire=job.plan.wire,
        started_at=datetime.fromtimestamp(started_at_s, UTC).isoformat(timespec="milliseconds"),
        duration_s=until_s,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        exit_code=judgement.exit_code,
        metrics=None,
        server=None,
        generator=None,
        targets=(),
        stages=(),
        findings=(),
        series=Series(
            job.period_s,
            load_columns((), started_at_s, until_s, job.period_s),
            resource_use.server_columns(load.samples, started_at_s, until_s),
        ),
        manifest=job.manifest,
    )
