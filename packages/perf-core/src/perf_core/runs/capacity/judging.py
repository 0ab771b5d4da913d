"""The judgement of one step: the rules of a run's verdict, and the objectives; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

from perf_core.analysis.capacity.model import Broken, Step, StepState, Waits
from perf_core.analysis.capacity.objectives import ERRORS, Objective, longest_ms
from perf_core.analysis.capacity.observation import broken_by, grows, stalls
from perf_core.analysis.capacity.search import Plan as StepPlan
from perf_core.analysis.k6_summary import CALLS, ERROR_CLASSES, WAITING_CLASSES, Summary
from perf_core.analysis.k6_summary import ERRORS as ERRORS_METRIC
from perf_core.analysis.series import read_recording
from perf_core.load.plan import Plan
from perf_core.results.record import RunRecord, Stage
from perf_core.runs.assemble import LoadResult

HOLD = "hold"
"""Name of the stage that counts."""

_DROPPED = "dropped_iterations"
_MOST_USERS = "vus_max"


def hold_alone(load: LoadResult) -> LoadResult:
    """Return the result of a step as if its hold were all of it: iterations that began, and those that could
    not.

    While a step warms up, or empties a limiter's bucket, users may be too few, which is no fault of the
    server.
    """
    document = load.generated.summary
    if document is None or document.get("started_at_ms") is None:
        return load
    summary = Summary(document)
    hold = next((stage for stage in summary.planned_stages if stage["name"] == HOLD), None)
    if hold is None:
        return load
    began_s = summary.started_at_s + float(hold["start_s"])
    ended_s = summary.started_at_s + float(hold["end_s"])
    periods = [p for p in read_recording(load.generated.recording) if p.end_s <= ended_s]
    held = [p for p in periods if p.end_s > began_s]
    before = [n for p in periods if p.end_s <= began_s and (n := p.value(_MOST_USERS, "value")) is not None]
    within = [n for p in held if (n := p.value(_MOST_USERS, "value")) is not None]
    ready = int(document.get("options", {}).get("scenarios", {}).get("load", {}).get("preAllocatedVUs", 0))
    started = max(0.0, max(within, default=0.0) - max(before, default=float(ready)))
    counts = {
        _DROPPED: {"count": round(sum(p.value(_DROPPED, "count") or 0.0 for p in held))},
        "iterations": {"count": round(sum(p.value("iterations", "count") or 0.0 for p in held))},
        _MOST_USERS: {"max": ready + started},
    }
    metrics = {**document["metrics"], **{name: {"values": values} for name, values in counts.items()}}
    return replace(load, generated=replace(load.generated, summary={**document, "metrics": metrics}))


def judged(
    step: StepPlan,
    record: RunRecord,
    load: LoadResult,
    objectives: Sequence[Objective],
    plan: Plan,
    *,
    search_began_s: float,
) -> Step:
    """Return what a step says, from the record of its run without targets.

    Args:
        plan: Calls of the search; the rate of journeys is that of calls if each is one call.
        search_began_s: Start of the search, in seconds since the epoch.
    """
    document = load.generated.summary
    hold = next((stage for stage in record.stages if stage.name == HOLD), None)
    if document is None or hold is None or record.metrics is None:
        return _unclear(step, record)
    summary = Summary(document)
    started_s = summary.started_at_s
    periods = tuple(read_recording(load.generated.recording))
    held = [p for p in periods if hold.start_s < p.end_s - started_s <= hold.end_s]
    values = summary.values(CALLS, stage=HOLD)
    errors = {
        name: n
        for name in ERROR_CLASSES
        if (n := summary.count(ERRORS_METRIC, **{"class": name}, stage=HOLD))
    }
    # Each user that k6 starts when all others wait costs one iteration: no fault of the server.
    dropped = max(0, summary.count(_DROPPED) - summary.started_vus)
    broken = tuple(
        broken_by(each, values, calls=hold.calls, failed=sum(errors.values()), dropped=dropped)
        for each in objectives
    )
    ends_s = [p.end_s - started_s for p in held]
    medians = [(t, m) for t, p in zip(ends_s, held, strict=True) if (m := p.value(CALLS, "med")) is not None]
    limit_ms = longest_ms(objectives) or 1000 * plan.settings.request_timeout_s
    queue_grows = grows([t for t, _ in medians], [m for _, m in medians], limit_ms)
    refused = sum(n for name, n in errors.items() if name not in WAITING_CLASSES)
    limits = [each.level for each in objectives if each.name == ERRORS]
    state, reasons = _state(
        record,
        broken,
        objectives,
        queue_grows=queue_grows,
        # No busy machine makes a server refuse calls or answer wrongly.
        certain=bool(limits) and not load.faults and refused > limits[0] * hold.calls,
    )
    calls_per_journey = mean(len(journey.steps) for journey in plan.pools["mix"])
    answered_per_s = hold.calls_per_s / calls_per_journey
    offset_s = started_s - search_began_s
    latency = hold.latency_ms
    return Step(
        phase=step.phase,
        rate_per_s=step.rate_per_s,
        start_s=round(offset_s, 3),
        hold_s=round(hold.end_s - hold.start_s, 3),
        state=state,
        calls=hold.calls,
        answered_per_s=answered_per_s,
        waits_ms=Waits(latency.avg, latency.med, latency.p95, latency.p99, latency.max)
        if latency.count
        else None,
        error_rate=hold.error_rate,
        errors=errors,
        broken=broken,
        sustained=not queue_grows and record.verdict != "fail",
        reasons=reasons,
        in_flight=hold.calls_per_s * latency.avg / 1000 if latency.count else None,
        server_cores=_mean_in(record.series.server, "cpu_cores", hold),
        server_processes=record.server.processes if record.server else None,
        generator_cores=record.generator.cores_used if record.generator else None,
        stalls_s=tuple(
            round(offset_s + start_s, 2) for start_s in stalls(ends_s, [p.value(CALLS, "max") for p in held])
        ),
        saturated=record.generator is not None and record.generator.saturated,
        health=record.health.state if record.health else "unknown",
        health_problems=record.health.problems if record.health else (),
    )


def _state(
    record: RunRecord,
    broken: Sequence[Broken],
    objectives: Sequence[Objective],
    *,
    queue_grows: bool,
    certain: bool,
) -> tuple[StepState, tuple[str, ...]]:
    is_unsound = record.health is not None and record.health.state == "invalid"
    if record.verdict == "interrupted" or (record.verdict == "invalid" and (is_unsound or not certain)):
        return "unclear", record.reasons
    # A verdict of fail has weighed a busy machine already.
    reasons = list(record.reasons) if record.verdict == "fail" else []
    certain = certain or bool(reasons)
    if queue_grows:
        reasons.append("calls waited ever longer: more were offered than the server can answer")
    for each, objective in zip(broken, objectives, strict=True):
        budget = objective.budget or 0.5
        share = each.broken / each.calls if each.calls else 0.0
        if share < budget:
            continue
        reasons.append(_spent(objective, share))
    if not reasons:
        return "kept", ()
    excuses = _excuses(record)
    if excuses and not certain:
        return "unclear", (*excuses, *reasons)
    return "broken", tuple(reasons)


def _spent(objective: Objective, share: float) -> str:
    if objective.budget is None:
        return f"{objective.text} was not kept"
    verb = "failed" if objective.name == ERRORS else "took longer"
    share_failed = f"{100 * share:.3g} % of the calls {verb}"
    return f"{objective.text}: {share_failed}, where {100 * objective.budget:.3g} % may"


def _excuses(record: RunRecord) -> tuple[str, ...]:
    """Return what else than the server may have made calls slow."""
    if record.health is not None and record.health.state == "bounded":
        return record.health.problems
    if record.generator is not None and record.generator.saturated:
        return ("k6 was saturated: the server or k6 may have been slow",)
    return ()


def _unclear(step: StepPlan, record: RunRecord) -> Step:
    return Step(
        phase=step.phase,
        rate_per_s=step.rate_per_s,
        start_s=0.0,
        hold_s=step.hold_s,
        state="unclear",
        calls=0,
        answered_per_s=0.0,
        waits_ms=None,
        error_rate=0.0,
        errors={},
        broken=(),
        sustained=True,
        reasons=record.reasons,
        health=record.health.state if record.health else "unknown",
    )


def _mean_in(columns: Mapping[str, Sequence[float | None]], name: str, hold: Stage) -> float | None:
    pairs = zip(columns["t_s"], columns[name], strict=True)
    values = [
        value for t_s, value in pairs if value is not None and hold.start_s < (t_s or 0.0) <= hold.end_s
    ]
    return mean(values) if values else None
