"""The shape ``rate-limit``: whether burst, rate and Retry-After are as promised, for each client.

The model is a bucket of ``burst`` tokens that fills at ``rate_per_s``. The times at which messages were let
through and refused bound the number of tokens; nothing else is assumed about the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf_core.adapter import Limits, Pools, Scenario, Target
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.analysis.k6_summary import Summary
from perf_core.load.plan import PlanNeeds
from perf_core.results.record import Finding
from perf_core.shapes.shape import Shape

_CLIENTS = ("client_1", "client_2")

_FULL_BUCKET_STAGES = ("burst", "replenished_whole")


@dataclass(frozen=True)
class StageOutcome:
    """Messages of one client in one stage, let through or refused; times in seconds since the epoch."""

    let_through: int
    first_s: float
    last_s: float
    refused: int
    first_refused_s: float

    @property
    def rate_per_s(self) -> float | None:
        """Messages let through per second; None for fewer than two."""
        if self.let_through < 2 or self.last_s <= self.first_s:
            return None
        return (self.let_through - 1) / (self.last_s - self.first_s)


def find(evidence: Evidence) -> ShapeFindings:
    """Return the deviations of burst, rate and replenishment, and how often Retry-After was broken."""
    summary, limits = evidence.summary, evidence.limits
    if summary is None or limits is None:
        return ShapeFindings()
    reached = {stage.name for stage in evidence.stages}
    clients = [name for name in _CLIENTS if _outcome(summary, name, "burst").let_through]
    bursts = [
        off_by_burst(_outcome(summary, client, stage), limits)
        for client in clients
        for stage in _FULL_BUCKET_STAGES
        if stage in reached
    ]
    refills = [
        off_by_refill(
            _outcome(summary, client, "sustained"), _outcome(summary, client, "replenished_half"), limits
        )
        for client in clients
        if "replenished_half" in reached
    ]
    return ShapeFindings(
        (
            _burst_finding(summary, clients, limits),
            _rate_finding(summary, clients, limits),
            _retry_finding(summary, clients),
        ),
        {
            "rate_limit.burst_off_by": Figure(_worst(bursts), _count(bursts), 0.0, timed=False),
            "rate_limit.rate_off_by_percent": _rate_figure(evidence, summary, clients, limits),
            "rate_limit.replenished_off_by": Figure(_worst(refills), _count(refills), 0.0, timed=False),
            "rate_limit.retry_after_broken": _retry_figure(summary, clients, limits),
            "rate_limit.clients": Figure(len(clients), 1, 0.0, timed=False),
        },
    )


def off_by_burst(outcome: StageOutcome, limits: Limits) -> float | None:
    """Return how many messages too few or too many were let through from a full bucket.

    Until the first refusal there were ``burst`` tokens and those added meanwhile. None when
    nothing was sent or nothing was refused.
    """
    if not outcome.let_through or not outcome.refused:
        return None
    added = limits.rate_per_s * (outcome.first_refused_s - outcome.first_s)
    return _distance_from(outcome.let_through, limits.burst, limits.burst + added)


def off_by_refill(before: StageOutcome, after: StageOutcome, limits: Limits) -> float | None:
    """Return how many messages too few or too many were let through after a pause.

    The last message let through before the pause left less than one token; tokens were added from then
    until the first refusal after the pause.
    """
    if not before.let_through or not after.refused:
        return None
    added = limits.rate_per_s * (after.first_refused_s - before.last_s)
    return _distance_from(after.let_through, added - 1, added + 1)


def _distance_from(count: int, low: float, high: float) -> float:
    return max(low - count, count - high, 0.0)


def rate_off_by_percent(outcome: StageOutcome, limits: Limits) -> float | None:
    """Return by how many per cent the rate differs from the limit, in either direction."""
    rate = outcome.rate_per_s
    return None if rate is None else 100 * abs(rate / limits.rate_per_s - 1)


def _outcome(summary: Summary, client: str, stage: str) -> StageOutcome:
    through = summary.values("mcp_let_through_at_ms", client=client, stage=stage)
    refused = summary.values("mcp_refused_at_ms", client=client, stage=stage)
    return StageOutcome(
        int(through.get("count", 0)),
        through.get("min", 0.0) / 1000,
        through.get("max", 0.0) / 1000,
        int(refused.get("count", 0)),
        refused.get("min", 0.0) / 1000,
    )


def _count(deviations: Sequence[float | None]) -> int:
    return sum(deviation is not None for deviation in deviations)


def _worst(deviations: Sequence[float | None]) -> float | None:
    """Return the largest deviation; None when one is missing: a client never refused has no exact limit."""
    measured = [deviation for deviation in deviations if deviation is not None]
    return max(measured) if measured and len(measured) == len(deviations) else None


def _rate_figure(evidence: Evidence, summary: Summary, clients: Sequence[str], limits: Limits) -> Figure:
    outcomes = [_outcome(summary, client, "sustained") for client in clients]
    worst = _worst([rate_off_by_percent(outcome, limits) for outcome in outcomes])
    stage = next((each for each in evidence.stages if each.name == "sustained"), None)
    length_s = stage.end_s - stage.start_s if stage else 0.0
    samples = min((outcome.let_through for outcome in outcomes), default=0)
    return Figure(worst, samples, length_s, timed=False)


def _retries(summary: Summary, clients: Sequence[str]) -> tuple[int, int]:
    kept, broken = (
        sum(summary.count("mcp_retries", client=client, kept=word) for client in clients)
        for word in ("yes", "no")
    )
    return kept, broken


def _retry_figure(summary: Summary, clients: Sequence[str], limits: Limits) -> Figure:
    kept, broken = _retries(summary, clients)
    longest_s = summary.values("mcp_retry_after_s").get("max", 0.0)
    # A client that sends one message at a time waits for one token at most, in whole seconds.
    too_long = int(longest_s > -(-1 // limits.rate_per_s)) if longest_s else 0
    return Figure(broken + too_long if kept + broken else None, kept + broken, 0.0, timed=False)


def _burst_finding(summary: Summary, clients: Sequence[str], limits: Limits) -> Finding:
    parts = []
    values: dict[str, float | str | None] = {"burst": limits.burst}
    for client in clients:
        first, second = (_outcome(summary, client, stage).let_through for stage in _FULL_BUCKET_STAGES)
        parts.append(f"{_words(client)} got {first} at the start and {second} after a long pause")
        values[f"{client}_burst"] = first
    text = f"{limits.burst} messages may be sent at once; {'; '.join(parts) or 'none got through'}."
    return Finding("Burst", text, values)


def _rate_finding(summary: Summary, clients: Sequence[str], limits: Limits) -> Finding:
    parts = []
    values: dict[str, float | str | None] = {"rate_per_s": limits.rate_per_s}
    for client in clients:
        outcome = _outcome(summary, client, "sustained")
        if outcome.rate_per_s is None:
            continue
        parts.append(f"{_words(client)} got {outcome.rate_per_s:.3f}/s over {outcome.let_through} messages")
        values[f"{client}_rate_per_s"] = outcome.rate_per_s
    each = "; ".join(parts) or "none got through"
    text = f"{limits.rate_per_s:g}/s are promised to each client, and all sent more at the same time; {each}."
    return Finding("Sustained rate", text, values)


def _words(client: str) -> str:
    return client.replace("_", " ")


def _retry_finding(summary: Summary, clients: Sequence[str]) -> Finding:
    kept, broken = _retries(summary, clients)
    return Finding(
        "Retry-After",
        f"Followed {kept + broken} times: the next message was let through {kept} times and refused "
        f"{broken} times.",
        {"kept": kept, "broken": broken},
    )


def _long_journeys(_scenario: Scenario, pools: Pools) -> Iterator[str]:
    longest = max((len(journey.steps) for journey in pools.get("mix", ())), default=1)
    if longest > 1:
        yield f"rate-limit counts single messages: expected journeys of one step, got one of {longest}"


SHAPE = Shape(
    name="rate-limit",
    summary="Are burst, rate and Retry-After what they are said to be, for each client?",
    targets=(
        Target("rate_limit.burst_off_by", "<", 0.5, need="After a pause a client may send at once."),
        Target(
            "rate_limit.rate_off_by_percent",
            "<",
            5,
            stretch=2,
            min_samples=50,
            min_duration_s=20,
            need="Each client gets the rate that it was promised, and no more.",
        ),
        Target("rate_limit.replenished_off_by", "<", 0.5, need="A used token is replaced, and only once."),
        Target("rate_limit.retry_after_broken", "<", 1, need="A client that waits is not refused again."),
    ),
    plan=PlanNeeds(own_pace=True, limits=True, pool_problems=_long_journeys),
    figures=(
        "rate_limit.burst_off_by",
        "rate_limit.rate_off_by_percent",
        "rate_limit.replenished_off_by",
        "rate_limit.retry_after_broken",
        "rate_limit.clients",
    ),
    find=find,
    probes_streams=False,
)
