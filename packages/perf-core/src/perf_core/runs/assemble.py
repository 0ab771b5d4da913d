"""The record of a run, assembled from the results of its load; pure functions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from perf_core.adapter import Target
from perf_core.analysis import failures, k6_summary, offered_rate, resource_use, series, silence
from perf_core.analysis.bridge_use import (
    BridgeObservations,
    after_starts,
    bridge_use,
    end_failures,
    repetition_failures,
)
from perf_core.analysis.evidence import Evidence
from perf_core.analysis.figures import figures
from perf_core.analysis.grades import clients_carried, grades, held_figures
from perf_core.analysis.health import health, kept_from_cpu_s, late_periods
from perf_core.analysis.k6_summary import NO_LATENCY, Summary, Window
from perf_core.analysis.series import load_columns, read_recording, recorded_period_s
from perf_core.analysis.server_times import server_times
from perf_core.analysis.slowest_calls import pause_columns, slow_calls
from perf_core.analysis.streams import probed_calls, streams
from perf_core.analysis.verdict import Judgement, judge
from perf_core.load.k6_process import GeneratorOutput
from perf_core.load.plan import Plan
from perf_core.load.probe.observations import Observations
from perf_core.results.profile import Profile
from perf_core.results.record import Metrics, RunRecord, Series, Stage
from perf_core.sampling.kills import Kill
from perf_core.sampling.pauses import PauseReading
from perf_core.sampling.pulse import Still
from perf_core.sampling.sampler import Sample
from perf_core.sampling.session_count import SessionCount
from perf_core.sampling.snapshot import SnapshotPair
from perf_core.server.client.sessions import Deletions
from perf_core.shapes.registry import shape_named


@dataclass(frozen=True)
class RunSpec:
    """Inputs of a run.

    Attributes:
        period_s: Requested length of one period of the series.
        cpus: Number of CPUs of the generator.
        pinned: Whether the server had other CPUs; otherwise it shares them.
        server_elsewhere: Whether the server runs on another machine.
        secrets: Texts that must not stand in the record, such as bearer tokens.
    """

    run_id: str
    plan: Plan
    targets: Sequence[Target]
    server: str
    manifest: Mapping[str, Any]
    period_s: float
    cpus: int
    pinned: bool = False
    server_elsewhere: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadResult:
    """Results of a load.

    Attributes:
        faults: Reasons that make the run invalid regardless of its figures.
        unresponsive: Sentence that says that the server no longer answers after the load; empty if it does.
        sessions_left: Sessions still open on the server afterwards; None when it does not report them.
        session_counts: Open sessions that the server reported during the load.
        pauses: Pauses that the server reported of itself; empty if it reports none.
        observations: Observations of the probe beside the load; None without one.
        bridge: What the bridge saw; None for servers without one.
        deletions: Outcome of deleting the sessions that the load left open.
        requests: Requests that the server sent during a call that nobody answered, by tool.
        profile: Stacks of the server; None unless that was asked for.
    """

    generated: GeneratorOutput
    samples: tuple[Sample, ...]
    faults: tuple[str, ...]
    interrupted: bool
    sessions_left: int | None
    unresponsive: str = ""
    snapshots: SnapshotPair | None = None
    kills: tuple[Kill, ...] = ()
    stills: tuple[Still, ...] = ()
    session_counts: tuple[SessionCount, ...] = ()
    pauses: tuple[PauseReading, ...] = ()
    observations: Observations | None = None
    bridge: BridgeObservations | None = None
    deletions: Deletions = field(default_factory=Deletions)
    requests: Mapping[str, str] = field(default_factory=dict)
    profile: Profile | None = None


def assemble(spec: RunSpec, load: LoadResult) -> RunRecord:
    """Return the record of a run, with its verdict."""
    document = load.generated.summary
    # k6 also writes a summary, without figures, if it is ended before its load begins.
    if document is None or document.get("started_at_ms") is None:
        return _empty_record(spec, load)
    spec = replace(spec, period_s=recorded_period_s(load.generated.recording, spec.period_s))
    plan, summary = spec.plan, Summary(document, without_http=_speaks_no_http(load))
    ended_at_s = _ended_at_s(summary)
    stages = k6_summary.stages(summary, ended_at_s)
    metrics = k6_summary.metrics(summary, stages, plan)
    whole = Window(summary.started_at_s, summary.started_at_s + ended_at_s)
    held = k6_summary.held_window(summary, stages)
    periods = tuple(read_recording(load.generated.recording))
    columns = load_columns(periods, summary.started_at_s, ended_at_s, spec.period_s)
    shape = shape_named(plan.shape)
    silences = silence.silences(
        periods,
        stages,
        started_at_s=summary.started_at_s,
        until_s=ended_at_s,
        period_s=spec.period_s,
        timeout_s=plan.settings.request_timeout_s,
    )
    # Killed processes answer nothing until they are back, which the shape measures itself.
    judged_silences = () if shape.kills_processes else silences
    # While users open their sessions, no call ends.
    usual_ms = {**metrics.latency_ms, "initialize": metrics.session_creation_ms or NO_LATENCY}
    stages = silence.with_silence(
        stages,
        judged_silences,
        usual_ms,
        think_time_s=plan.longest_think_time_s,
        period_s=spec.period_s,
    )
    uptime_percent = series.uptime_percent(columns, silence.silent_times(stages, silences))
    metrics = _with_accounts(spec, load, summary, metrics)
    health_of_run = health(
        load.samples,
        whole,
        held,
        [*load.stills, *late_periods((period.end_s for period in periods), spec.period_s, load.samples)],
        server_elsewhere=spec.server_elsewhere,
    )
    constant = resource_use.constant_loads(stages, tuple(plan.pools), summary.started_at_s)
    if load.bridge is not None:
        creation = metrics.session_creation_ms or NO_LATENCY
        constant = after_starts(constant, load.samples, creation.max / 1000)
    server = resource_use.server_use(
        load.samples,
        whole,
        constant,
        # The probe's calls cost the server time as well.
        metrics.tool_calls + (probed_calls(load.observations, whole) if load.observations else 0),
        sessions_left=load.sessions_left,
        uptime_percent=uptime_percent,
        session_counts=load.session_counts,
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
        started_vus=summary.started_vus,
        health=health_of_run,
    )
    planned = [str(stage["name"]) for stage in summary.planned_stages]
    aborted = str(summary.document.get("aborted") or "")
    observations = shape.find(
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
            generator=generator,
            health=health_of_run,
            saturated=resource_use.saturated_periods(
                load.samples,
                columns["t_s"],
                summary.started_at_s,
                cpus=spec.cpus,
                pinned=spec.pinned,
                health=health_of_run,
            ),
        )
    )
    common = figures(
        metrics, stages, planned, server, sessions_left=load.sessions_left, uptime_percent=uptime_percent
    )
    all_figures = {
        **common,
        "clients_carried": clients_carried(stages),
        **held_figures(stages, metrics.errors),
        **observations.figures,
    }
    killed = {kill.pid for kill in load.kills}
    judgement = judge(
        spec.targets,
        all_figures,
        generator,
        [*load.faults, *_load_faults(spec, load, summary, metrics)],
        interrupted=load.interrupted,
        changed_levels=plan.settings.vus is not None,
        health=health_of_run,
        silent={stage.name: stage.longest_silence_s for stage in stages if stage.is_silent},
        certainly_silent=silence.certainly_silent(
            stages,
            judged_silences,
            usual_ms,
            lambda each: kept_from_cpu_s(
                load.samples,
                whole.start_s + each.start_s,
                whole.start_s + each.end_s,
                server_elsewhere=spec.server_elsewhere,
            ),
            think_time_s=plan.longest_think_time_s,
            period_s=spec.period_s,
        ),
        behind=_rates_not_reached(plan, stages, columns),
        failures=[
            *([load.unresponsive] if load.unresponsive else []),
            *end_failures(load.bridge, killed),
            *repetition_failures(load.bridge),
        ],
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
        health=health_of_run,
        bridge=bridge_use(load.bridge, load.samples, whole, killed) if load.bridge else None,
        longest_silence_s=max((stage.longest_silence_s for stage in stages), default=0.0),
        streams=streams(load.observations, whole, metrics.tool_calls) if load.observations else None,
        server_times=server_times(load.observations, whole) if load.observations else (),
        profile=load.profile,
        slow_calls=slow_calls(
            load.generated.events.slow_calls,
            load.samples,
            load.pauses,
            health_of_run.stops,
            summary.started_at_s,
        ),
    )


def _rates_not_reached(
    plan: Plan, stages: Sequence[Stage], columns: Mapping[str, tuple[float | None, ...]]
) -> list[str]:
    is_judged = not shape_named(plan.shape).may_overload and not plan.settings.session_per_iteration
    if not is_judged or not offered_rate.has_single_calls(plan.pools):
        return []
    return offered_rate.rates_not_reached(stages, columns)


def _with_accounts(spec: RunSpec, load: LoadResult, summary: Summary, metrics: Metrics) -> Metrics:
    """Return the metrics with what became of every call and session, and examples of failures."""
    events, deletions = load.generated.events, load.deletions
    in_flight = int(summary.values("vus").get("value", 0)) if _ended_early(load, summary) else None
    return replace(
        metrics,
        sessions_closed=metrics.sessions_closed + deletions.closed,
        sessions_lost=events.lost_sessions + deletions.lost,
        accounting=k6_summary.accounting(summary, metrics, spec.plan, cut_off=in_flight),
        failures=failures.examples(
            events.failures, spec.secrets, load.requests, without_http=_speaks_no_http(load)
        ),
    )


def _speaks_no_http(load: LoadResult) -> bool:
    """Return whether the server talks over standard input and output, and HTTP is the bridge's alone."""
    return load.bridge is not None and not load.bridge.before.is_remote


def _ended_early(load: LoadResult, summary: Summary) -> bool:
    return bool(load.interrupted or load.faults or summary.document.get("aborted"))


def _planned_s(summary: Summary) -> float:
    return max((float(stage["end_s"]) for stage in summary.planned_stages), default=0.0)


def _ended_at_s(summary: Summary) -> float:
    ran_s = float(summary.document["state"]["testRunDurationMs"]) / 1000
    return min(_planned_s(summary), ran_s)


def _load_faults(spec: RunSpec, load: LoadResult, summary: Summary, metrics: Metrics) -> list[str]:
    """Return faults of the load itself, unless something else explains them."""
    if load.faults or load.interrupted:
        return []
    if metrics.tool_calls == 0:
        return ["no tool call was made, so nothing was measured"]
    accounts = metrics.accounting
    if accounts is not None and accounts.missing:
        return [
            f"expected the outcome of {accounts.begun} calls that began, got {accounts.answered} answered, "
            f"{accounts.failed} failed and {accounts.cut_off} cut off: k6 lost track of {accounts.missing}"
        ]
    ended_at_s, planned_s = _ended_at_s(summary), _planned_s(summary)
    if load.generated.recording and not any(read_recording(load.generated.recording)):
        return [
            "no metrics of k6 arrived during the load, so a silent server would not be noticed; see k6.log"
        ]
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
    server_columns = resource_use.server_columns(
        load.samples,
        started_at_s,
        duration_s,
        server_elsewhere=spec.server_elsewhere,
        session_counts=load.session_counts,
    )
    if load.pauses:
        server_columns |= pause_columns(server_columns["t_s"], load.pauses, started_at_s)
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
        series=Series(spec.period_s, columns, server_columns),
        manifest=spec.manifest,
    )
