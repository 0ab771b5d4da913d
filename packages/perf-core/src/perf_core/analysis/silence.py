"""Silence: time during which calls were offered and the server answered none; pure functions.

The resolution is one period of k6's recording: a silence begins and ends within the periods beside its empty
ones. The longest wait in the period that ends it tells its length, if calls were in flight all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from perf_core.analysis.k6_summary import FIGURE_KINDS
from perf_core.analysis.series import Period
from perf_core.results.record import Latency, Stage

SHORTEST_S = 1.0
"""Shortest silence that counts against a server whose calls are short."""

_TYPICAL_WAITS = 3.0
"""Slow calls explain a silence of up to this many times the 90th percentile of the slowest tool."""

_ARRIVALS = 5.0
"""A silence of fewer arrivals than this is none, at a low arrival rate."""

_ARRIVALS_OF_SLOW_CALLS = 20.0
"""So many calls are not all slower than the median by chance (once in a million)."""


@dataclass(frozen=True)
class Silence:
    """Time without an answer, in seconds from the start of the load."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    def within(self, start_s: float, end_s: float) -> float:
        """Return the seconds of it between two times."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


def silences(
    periods: Iterable[Period],
    stages: Sequence[Stage],
    *,
    started_at_s: float,
    until_s: float,
    period_s: float,
    timeout_s: float,
) -> tuple[Silence, ...]:
    """Return every time of at least two periods without an answer while load was offered.

    A period counts as answered if a request ended in it, unless all that ended were refused connections or
    calls that had timed out. Time for which k6 itself stood still is not the server's.

    Args:
        until_s: End of the load.
        timeout_s: Time after which k6 stops waiting for an answer.
    """
    all_silences: list[Silence] = []
    start_s: float | None = None
    before_s = 0.0
    for period in periods:
        end_s = min(period.end_s - started_at_s, until_s)
        if end_s <= before_s:
            continue
        stood_still = end_s - before_s > 2 * period_s + 0.5
        silent = (
            not stood_still and not _is_answered(period, timeout_s) and _is_loaded(stages, before_s, end_s)
        )
        if silent and start_s is None:
            start_s = before_s
        if not silent and start_s is not None:
            longest_wait_s = (period.value("mcp_tool_call_duration_ms", "max") or 0.0) / 1000
            all_silences.append(_refined(start_s, before_s, 0.0 if stood_still else longest_wait_s, period_s))
            start_s = None
        before_s = end_s
    if start_s is not None:
        all_silences.append(Silence(start_s, until_s))
    return tuple(each for each in all_silences if each.length_s >= 2 * period_s * 0.9)


def _refined(start_s: float, end_s: float, longest_wait_s: float, period_s: float) -> Silence:
    """Return the silence of some empty periods, widened towards the longest wait that ended it."""
    more_s = min(max(0.0, longest_wait_s - (end_s - start_s)), 2 * period_s)
    return Silence(max(0.0, start_s - more_s / 2), end_s + more_s / 2)


def _is_answered(period: Period, timeout_s: float) -> bool:
    requests = period.value("http_reqs", "count") or 0.0
    errors = period.value("mcp_errors", "count") or 0.0
    if requests == 0:
        return False
    if errors < requests:
        return True
    shortest_ms = period.value("http_req_duration", "min")
    only_timeouts = shortest_ms is not None and shortest_ms >= 950 * timeout_s
    # k6 waits for no answer where the connection was refused.
    only_refused = period.value("http_req_waiting", "max") == 0
    return not only_timeouts and not only_refused


def _is_loaded(stages: Sequence[Stage], start_s: float, end_s: float) -> bool:
    """Return whether the plan had at least one user, or one call per second, over all of a period."""
    return all(_level(stages, at_s) >= 1 for at_s in (start_s, end_s))


def _level(stages: Sequence[Stage], at_s: float) -> float:
    level = 0.0
    for stage in stages:
        target = float(stage.vus or 0) if stage.rate_per_s is None else 1.0
        if stage.start_s <= at_s <= stage.end_s:
            if stage.kind != "ramp" or stage.rate_per_s is not None:
                return target
            share = (at_s - stage.start_s) / max(stage.end_s - stage.start_s, 1e-3)
            return level + (target - level) * share
        level = target
    return level


def limit_s(stage: Stage, latency_ms: Mapping[str, Latency], think_time_s: float) -> float:
    """Return the longest silence of a stage that slow calls, pauses or a low rate explain.

    Args:
        latency_ms: Latency by tool.
        think_time_s: Pause of each user after an iteration.
    """
    slowest_s = max((_usual_s(each) for tool, each in latency_ms.items() if tool != "all"), default=0.0)
    limit = max(SHORTEST_S, _TYPICAL_WAITS * slowest_s + think_time_s)
    if not stage.rate_per_s:
        return limit
    # A server that stalls makes many calls slow where calls keep arriving, and must not be excused by them.
    every = latency_ms.get("all")
    median_s = every.med / 1000 if every is not None and every.count else 0.0
    arrivals = max(
        SHORTEST_S, _TYPICAL_WAITS * median_s + think_time_s, _ARRIVALS_OF_SLOW_CALLS / stage.rate_per_s
    )
    return min(max(limit, _ARRIVALS / stage.rate_per_s), arrivals)


def _usual_s(latency: Latency) -> float:
    """Return the 90th percentile; zero where it falls among calls that nobody answered."""
    is_answered = latency.lower_bounds <= 0.1 * latency.count
    return latency.p90 / 1000 if latency.count and is_answered else 0.0


def with_silence(
    stages: Sequence[Stage],
    all_silences: Sequence[Silence],
    latency_ms: Mapping[str, Latency],
    *,
    think_time_s: float,
    period_s: float,
) -> tuple[Stage, ...]:
    """Return the stages with their longest silence and whether it is too long for their calls.

    Only stages whose figures are judged have one: at the ends of ramps there is hardly any load.
    """
    limits = [limit_s(stage, latency_ms, think_time_s) for stage in stages]
    pairs = zip(stages, limits, strict=True)
    return tuple(_with_silence(stage, all_silences, limit, period_s) for stage, limit in pairs)


def _with_silence(stage: Stage, all_silences: Sequence[Silence], limit: float, period_s: float) -> Stage:
    if stage.kind not in FIGURE_KINDS:
        return stage
    lengths = [each.length_s for each in all_silences if each.within(stage.start_s, stage.end_s) >= period_s]
    longest_s = round(max(lengths, default=0.0), 3)
    return replace(stage, longest_silence_s=longest_s, is_silent=longest_s > limit)


def certainly_silent(
    stages: Sequence[Stage],
    all_silences: Sequence[Silence],
    latency_ms: Mapping[str, Latency],
    kept_s: Callable[[Silence], float | None],
    *,
    think_time_s: float,
    period_s: float,
) -> frozenset[str]:
    """Return the names of the stages that would be silent too long even if nothing else used the machine.

    Args:
        kept_s: Returns the time of a silence for which server or k6 may have been kept from the CPU; None if
            that is not known.
    """
    names = set()
    for stage in stages:
        limit = limit_s(stage, latency_ms, think_time_s)
        for each in all_silences:
            kept = (
                kept_s(each)
                if stage.is_silent and each.within(stage.start_s, stage.end_s) >= period_s
                else None
            )
            if kept is not None and each.length_s - kept > limit:
                names.add(stage.name)
    return frozenset(names)


def silent_times(stages: Sequence[Stage], all_silences: Sequence[Silence]) -> tuple[tuple[float, float], ...]:
    """Return start and end of each silence that counts as downtime: those in stages that are silent."""
    silent = [stage for stage in stages if stage.is_silent]
    return tuple(
        (each.start_s, each.end_s)
        for each in all_silences
        if any(
            each.within(stage.start_s, stage.end_s) > 0 and each.length_s >= SHORTEST_S for stage in silent
        )
    )
