"""What a scenario finds out beyond the common figures; pure functions, one per shape.

``find`` returns sentences for people and figures for targets. Limits come from the published guide. The
shapes of the first guide are here, those of the second in :mod:`perf_core.shapes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from perf_core.analysis.evidence import Columns, Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.analysis.statistics import knee, recovery_s
from perf_core.results.record import Finding, ServerUse, Stage
from perf_core.shapes import FINDERS

LEVEL_P95_MS = 500.0
LEVEL_ERROR_RATE = 0.01
RECOVERED_WITHIN = 1.2
"""A latency within 20 % of the one before the spike counts as recovered."""

_DRIFT_SHARE = 0.1


def find(shape: str, evidence: Evidence) -> Found:
    """Return what the shape finds out; shapes without findings of their own return nothing."""
    finder = _FINDERS.get(shape)
    return finder(evidence) if finder else Found()


# --- stress: the levels carried, the knee, and how it failed -------------------------------------


def _stress(evidence: Evidence) -> Found:
    levels = [stage for stage in evidence.stages if stage.kind == "hold"]
    if not levels:
        absent = Figure(None, 0, 0.0, absent="the run ended before the first level")
        return Found(
            (_how_it_failed(evidence, None),), {"stress.vus_carried": absent, "stress.knee_vus": absent}
        )
    # The script gave up in the last stage that was reached, though its figures may still look well.
    gave_up_in = evidence.stages[-1] if evidence.aborted else None
    failed = [level for level in levels if level is gave_up_in or not _carried(level)]
    broke = failed[0] if failed else None
    carried = max(
        (level.vus or 0 for level in levels if not broke or level.end_s <= broke.start_s), default=0
    )
    shortest_s = min(level.end_s - level.start_s for level in levels)
    users = _knee(evidence)
    flat = "" if users is not None else "throughput had not levelled off, or the run was too short to tell"
    figures = {
        "stress.vus_carried": Figure(
            carried,
            sum(level.calls for level in levels),
            shortest_s,
            at_least=broke is None and not evidence.aborted,
        ),
        "stress.knee_vus": Figure(users, len(evidence.load["t_s"]), shortest_s, absent=flat),
    }
    findings = [_carried_finding(carried, broke, gave_up_in)]
    if users is not None:
        findings.append(
            Finding(
                "Knee",
                f"Throughput grows up to about {users:.0f} VU{'s' * (round(users) != 1)} and hardly beyond: "
                "more only wait longer.",
                {"knee_vus": users},
            )
        )
    findings.append(_how_it_failed(evidence, broke))
    return Found(tuple(findings), figures)


def _carried(level: Stage) -> bool:
    return (
        level.latency_ms.count > 0
        and level.latency_ms.p95 < LEVEL_P95_MS
        and level.error_rate < LEVEL_ERROR_RATE
    )


def _carried_finding(carried: int, broke: Stage | None, gave_up_in: Stage | None) -> Finding:
    limit = f"p95 < {LEVEL_P95_MS:.0f} ms and errors < {LEVEL_ERROR_RATE:.0%}"
    if broke is None and gave_up_in is not None:
        text = f"{carried} VUs held {limit}; the load ended early in {gave_up_in.name}."
    elif broke is None:
        text = f"Every level held {limit}, up to {carried} VUs: the limit lies higher."
    else:
        highest = f"{carried} VUs is the highest level" if carried else "No level"
        text = (
            f"{highest} that held {limit}; at {broke.vus} VUs p95 was {broke.latency_ms.p95:.0f} ms "
            f"with {broke.error_rate:.2%} errors."
        )
    return Finding("Carried", text, {"vus_carried": carried})


def _knee(evidence: Evidence) -> float | None:
    climbing_until = max(s.end_s for s in evidence.stages if s.kind == "hold")
    load = evidence.load
    told = [
        (t, vus) for t, vus in zip(load["t_s"], load["vus"], strict=True) if t is not None and vus is not None
    ]
    if not told:
        return None
    rows = [
        # k6 tells the number of users once a second only, while periods may be shorter.
        (float(np.interp(t, [at for at, _ in told], [vus for _, vus in told])), calls - (errors or 0.0))
        for t, calls, errors in zip(load["t_s"], load["calls_per_s"], load["errors_per_s"], strict=True)
        if t is not None and calls is not None and t <= climbing_until
    ]
    return knee([vus for vus, _ in rows if vus > 0], [rate for vus, rate in rows if vus > 0])


def _how_it_failed(evidence: Evidence, broke: Stage | None) -> Finding:
    errors = evidence.metrics.errors
    hard = {c: n for c, n in errors.items() if c in {"transport", "timeout", "wrong_answer", "jsonrpc_error"}}
    values: dict[str, float | str | None] = {f"errors_{name}": count for name, count in errors.items()}
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items())
    early = f" The load ended early: {evidence.aborted}." if evidence.aborted else ""
    if broke is None and not errors:
        manner, text = "not at all", "It did not fail: every call was answered correctly."
    elif not errors:
        manner, text = "gracefully", "Gracefully: answers came late, and every one was correct."
    elif not hard:
        manner, text = "gracefully", f"Gracefully: it refused calls with a clear answer ({listed})."
    else:
        manner, text = "not gracefully", f"Not gracefully: {listed}."
    return Finding("How it failed", text + early, {"manner": manner, **values})


# --- spike: recovery after each drop --------------------------------------------------------------


def _spike(evidence: Evidence) -> Found:
    times: list[float | None] = []
    watched_s: list[float] = []
    findings: list[Finding] = []
    calm = next((stage for stage in evidence.stages if stage.kind == "baseline"), None)
    for spike, after in zip(
        [s for s in evidence.stages if s.kind == "spike"],
        [s for s in evidence.stages if s.kind == "recovery"],
        strict=False,
    ):
        if calm is None:
            break
        before_ms = _median_between(evidence.load, calm.start_s, calm.end_s)
        calm = after
        if before_ms is None:
            continue
        seconds = recovery_s(
            [t or 0.0 for t in evidence.load["t_s"]],
            evidence.load["latency_med_ms"],
            dropped_at_s=after.start_s,
            until_s=after.end_s,
            limit_ms=before_ms * RECOVERED_WITHIN,
        )
        times.append(seconds)
        watched_s.append(after.end_s - after.start_s)
        findings.append(_spike_finding(spike, after, before_ms, seconds))
    if not times:
        reached = any(stage.kind == "recovery" for stage in evidence.stages)
        # A recovery that was reached and cannot be measured is no matter of a short run.
        why = "" if reached else "the run ended before the first recovery"
        return Found((), {"spike.recovery_s": Figure(None, 0, 0.0, absent=why)})
    return Found(tuple(findings), {"spike.recovery_s": _slowest(times, watched_s, evidence.period_s)})


def _slowest(times: Sequence[float | None], watched_s: Sequence[float], period_s: float) -> Figure:
    """Return the slowest recovery; one that never came is at least as long as it was watched for."""
    never = any(seconds is None for seconds in times)
    known = [
        watched if seconds is None else seconds for seconds, watched in zip(times, watched_s, strict=True)
    ]
    return Figure(max(*known, period_s), len(times), min(watched_s), beyond=never)


def _spike_finding(spike: Stage, after: Stage, before_ms: float, seconds: float | None) -> Finding:
    during = f"p95 {spike.latency_ms.p95:.0f} ms and {spike.error_rate:.2%} errors at {spike.vus} VUs"
    if seconds is None:
        back = f"not back within {after.end_s - after.start_s:.1f} s"
    else:
        back = f"back within 20 % of it {seconds:.1f} s after the drop"
    return Finding(
        spike.name.replace("_", " ").capitalize(),
        f"Median {before_ms:.1f} ms before; {during}; {back}.",
        {"before_med_ms": before_ms, "spike_p95_ms": spike.latency_ms.p95, "recovery_s": seconds},
    )


def _median_between(load: Columns, start_s: float, end_s: float) -> float | None:
    values = [
        latency
        for t, latency in zip(load["t_s"], load["latency_med_ms"], strict=True)
        # The second half: the first still opens sessions, or drains the spike before.
        if t is not None and latency is not None and (start_s + end_s) / 2 < t <= end_s
    ]
    return float(np.median(values)) if values else None


# --- endurance: memory, drift, sessions, uptime -----------------------------------------------------


def _endurance(evidence: Evidence) -> Found:
    findings: list[Finding] = []
    figures = {"endurance.latency_drift": Figure(None, 0, 0.0, absent="too few periods for a drift")}
    hold = next((stage for stage in evidence.stages if stage.kind == "hold"), None)
    if evidence.server is not None and evidence.server.rss_mb.slope_mb_per_h is not None:
        findings.append(_memory_finding(evidence.server))
    if hold is not None:
        drift = _drift(evidence.load, hold)
        if drift is not None:
            figures["endurance.latency_drift"] = Figure(drift, hold.calls, hold.end_s - hold.start_s)
            findings.append(
                Finding(
                    "Latency drift",
                    f"The median latency of the last tenth differs by {drift:+.1%} from that of the first.",
                    {"latency_drift": drift},
                )
            )
    findings.append(_sessions_finding(evidence))
    if evidence.uptime_percent is not None:
        findings.append(
            Finding(
                "Uptime",
                f"The server was there in {evidence.uptime_percent:.2f} % of the periods of "
                f"{evidence.period_s:g} s.",
                {"uptime_percent": evidence.uptime_percent},
            )
        )
    return Found(tuple(findings), figures)


def _memory_finding(server: ServerUse) -> Finding:
    slope, interval = server.rss_mb.slope_mb_per_h, server.rss_mb.slope_interval
    within = f" (95 % interval {interval[0]:+.2f} to {interval[1]:+.2f})" if interval else ""
    return Finding(
        "Memory",
        f"Resident memory changed by {slope:+.2f} MB/h{within}, from {server.rss_mb.start:.1f} "
        f"to {server.rss_mb.end:.1f} MB.",
        {"slope_mb_per_h": slope},
    )


def _drift(load: Columns, hold: Stage) -> float | None:
    """Return the relative change of the median latency from the first to the last tenth of the hold."""
    values = [
        latency
        for t, latency in zip(load["t_s"], load["latency_med_ms"], strict=True)
        if t is not None and latency is not None and hold.start_s < t <= hold.end_s
    ]
    tenth = int(len(values) * _DRIFT_SHARE)
    if tenth < 1:
        return None
    first = float(np.median(values[:tenth]))
    return float(np.median(values[-tenth:])) / first - 1 if first > 0 else None


def _sessions_finding(evidence: Evidence) -> Finding:
    opened, closed = evidence.metrics.sessions_opened, evidence.metrics.sessions_closed
    if evidence.metrics.session_creation_ms is None:
        return Finding("Sessions", "This wire has no sessions.")
    left = evidence.sessions_left
    told = f"the server holds {left}" if left is not None else "the server does not tell how many it holds"
    return Finding(
        "Sessions",
        f"{opened} opened, {closed} deleted; {told} after the run.",
        {"opened": opened, "closed": closed, "left_on_server": left},
    )


# --- benchmark: what of a call is protocol ------------------------------------------------------------


def _benchmark(evidence: Evidence) -> Found:
    protocol = evidence.metrics.protocol_ms
    bare = next((latency for method, latency in protocol.items() if method.startswith("GET ")), None)
    empty = protocol.get("ping") or protocol.get("server/discover")
    if bare is None or empty is None:
        return Found()
    return Found(
        (
            Finding(
                "Protocol overhead",
                f"With one user, plain HTTP answers in {bare.med:.2f} ms (median) and an MCP request that "
                f"does nothing in {empty.med:.2f} ms: the protocol costs {empty.med - bare.med:.2f} ms.",
                {"http_med_ms": bare.med, "empty_request_med_ms": empty.med},
            ),
        )
    )


_FINDERS: Mapping[str, Callable[[Evidence], Found]] = {
    "stress": _stress,
    "spike": _spike,
    "endurance": _endurance,
    "benchmark": _benchmark,
    **FINDERS,
}
