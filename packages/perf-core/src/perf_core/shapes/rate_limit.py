"""A rate limit seen from outside: is it what the server says it is, for each client?

The model is a bucket of ``burst`` tokens that fills at ``rate_per_s``. From when messages were let through
and refused follows how many tokens there can have been, and nothing else is assumed of the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.adapter import Limits
from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.analysis.measurements import Summary
from perf_core.results.record import Finding

_CLIENTS = ("client_1", "client_2")

_FULL = ("burst", "replenished_whole")
"""Stages that begin with a full bucket."""


@dataclass(frozen=True)
class Passed:
    """What became of the messages of one client in one stage; times in seconds since the epoch.

    Attributes:
        let_through: How many were.
        first_s: When the first one was.
        last_s: When the last one was.
        refused: How many were not.
        first_refused_s: When the first refusal came.
    """

    let_through: int
    first_s: float
    last_s: float
    refused: int
    first_refused_s: float


def find_limits(evidence: Evidence) -> Found:
    """Return by how much burst, rate and replenishment are off, and whether Retry-After holds."""
    summary, limits = evidence.summary, evidence.limits
    if summary is None or limits is None:
        return Found()
    reached = {stage.name for stage in evidence.stages}
    clients = [name for name in _CLIENTS if _passed(summary, name, "burst").let_through]
    bursts = [
        off_by_burst(_passed(summary, client, stage), limits)
        for client in clients
        for stage in _FULL
        if stage in reached
    ]
    refills = [
        off_by_refill(_passed(summary, each, "sustained"), _passed(summary, each, "replenished_half"), limits)
        for each in clients
        if "replenished_half" in reached
    ]
    return Found(
        (
            _burst_finding(summary, clients, limits),
            _rate_finding(summary, clients, limits),
            _retry_finding(summary, clients),
        ),
        {
            "rate_limit.burst_off_by": _worst(bursts),
            "rate_limit.rate_off_by_percent": _rate_figure(evidence, summary, clients, limits),
            "rate_limit.replenished_off_by": _worst(refills),
            "rate_limit.retry_after_broken": _retry_figure(summary, clients, limits),
            "rate_limit.clients": Figure(len(clients), 1, 0.0, timed=False),
        },
    )


def off_by_burst(passed: Passed, limits: Limits) -> float | None:
    """Return how many messages more or less than possible were let through out of a full bucket.

    Until the first refusal there were ``burst`` tokens and those that came meanwhile.

    Returns:
        0 when it is exact; None when no refusal came, or nothing was sent.
    """
    if not passed.let_through or not passed.refused:
        return None
    came = limits.rate_per_s * (passed.first_refused_s - passed.first_s)
    return _beyond(passed.let_through, limits.burst, limits.burst + came)


def off_by_refill(before: Passed, after: Passed, limits: Limits) -> float | None:
    """Return how many messages more or less than possible were let through after a pause.

    The last message that was let through before left less than one token; until the first refusal after
    the pause, tokens came for all that time.
    """
    if not before.let_through or not after.refused:
        return None
    came = limits.rate_per_s * (after.first_refused_s - before.last_s)
    return _beyond(after.let_through, came - 1, came + 1)


def _beyond(count: int, low: float, high: float) -> float:
    return max(low - count, count - high, 0.0)


def rate_off_by_percent(passed: Passed, limits: Limits) -> float | None:
    """Return by how many per cent the rate differs from the limit while more is sent, without its sign."""
    if passed.let_through < 2 or passed.last_s <= passed.first_s:
        return None
    rate = (passed.let_through - 1) / (passed.last_s - passed.first_s)
    return 100 * abs(rate / limits.rate_per_s - 1)


def _passed(summary: Summary, client: str, stage: str) -> Passed:
    through = summary.values("mcp_let_through_at_ms", client=client, stage=stage)
    refused = summary.values("mcp_refused_at_ms", client=client, stage=stage)
    return Passed(
        int(through.get("count", 0)),
        through.get("min", 0.0) / 1000,
        through.get("max", 0.0) / 1000,
        int(refused.get("count", 0)),
        refused.get("min", 0.0) / 1000,
    )


def _worst(off_by: Sequence[float | None]) -> Figure:
    known = [each for each in off_by if each is not None]
    # A client that was never refused has no limit: that must not look like an exact one.
    value = max(known) if known and len(known) == len(off_by) else None
    return Figure(value, len(known), 0.0, timed=False)


def _rate_figure(evidence: Evidence, summary: Summary, clients: Sequence[str], limits: Limits) -> Figure:
    passed = [_passed(summary, client, "sustained") for client in clients]
    off_by = [rate_off_by_percent(each, limits) for each in passed]
    known = [each for each in off_by if each is not None]
    stage = next((each for each in evidence.stages if each.name == "sustained"), None)
    length_s = stage.end_s - stage.start_s if stage else 0.0
    value = max(known) if known and len(known) == len(off_by) else None
    samples = min((each.let_through for each in passed), default=0)
    return Figure(value, samples, length_s, timed=False)


def _retries(summary: Summary, clients: Sequence[str]) -> tuple[int, int]:
    kept, broken = (
        sum(summary.count("mcp_retries", client=client, kept=word) for client in clients)
        for word in ("yes", "no")
    )
    return kept, broken


def _retry_figure(summary: Summary, clients: Sequence[str], limits: Limits) -> Figure:
    kept, broken = _retries(summary, clients)
    longest_s = summary.values("mcp_retry_after_s").get("max", 0.0)
    # One who sends alone never has to wait longer than a token takes, rounded up to whole seconds.
    too_long = int(longest_s > -(-1 // limits.rate_per_s)) if longest_s else 0
    return Figure(broken + too_long if kept + broken else None, kept + broken, 0.0, timed=False)


def _burst_finding(summary: Summary, clients: Sequence[str], limits: Limits) -> Finding:
    told = []
    values: dict[str, float | str | None] = {"burst": limits.burst}
    for client in clients:
        bursts = [_passed(summary, client, stage).let_through for stage in _FULL]
        told.append(f"{client.replace('_', ' ')} got {bursts[0]} at first and {bursts[1]} after a long pause")
        values[f"{client}_burst"] = bursts[0]
    return Finding(
        "Burst", f"{limits.burst} messages may come at once; {'; '.join(told) or 'none got through'}.", values
    )


def _rate_finding(summary: Summary, clients: Sequence[str], limits: Limits) -> Finding:
    told = []
    values: dict[str, float | str | None] = {"rate_per_s": limits.rate_per_s}
    for client in clients:
        passed = _passed(summary, client, "sustained")
        if passed.let_through < 2 or passed.last_s <= passed.first_s:
            continue
        rate = (passed.let_through - 1) / (passed.last_s - passed.first_s)
        told.append(f"{client.replace('_', ' ')} {rate:.3f}/s over {passed.let_through} messages")
        values[f"{client}_rate_per_s"] = rate
    each = "; ".join(told) or "none got through"
    text = f"{limits.rate_per_s:g}/s are promised to each, who sent more at the same time; {each}."
    return Finding("Sustained rate", text, values)


def _retry_finding(summary: Summary, clients: Sequence[str]) -> Finding:
    kept, broken = _retries(summary, clients)
    return Finding(
        "Retry-After",
        f"Followed {kept + broken} times: {kept} times the next message was let through, {broken} times not.",
        {"kept": kept, "broken": broken},
    )
