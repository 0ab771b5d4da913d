"""Content of ``capacity.json``: the steps of the search, and the capacity that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from perf_core.errors import ExitCode
from perf_core.results.documents import DocumentKind
from perf_core.results.record import HealthState

StepState = Literal["kept", "broken", "unclear"]
"""Whether a step kept all objectives; ``unclear`` where something else than the server may have broken
them."""

Answer = Literal["interval", "at least", "none", "cannot tell"]
"""``interval``: the capacity lies in it. ``at least``: only its lower end is known. ``none``: not even the
lowest rate kept the objectives. ``cannot tell``: no step said anything."""

Limit = Literal[
    "refusals", "server CPU", "machine CPU", "machine", "generator", "errors", "waiting", "stalls", ""
]
"""Limit that ended the growth: ``machine CPU`` where server and k6 used all of it, ``machine`` where
other work on it did; empty where nothing tells."""

Phase = Literal["look", "doubling", "narrowing"]


@dataclass(frozen=True)
class Waits:
    """Latency of the calls of a step, in milliseconds."""

    avg: float
    med: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class Broken:
    """Calls of a step that broke one objective.

    Attributes:
        objective: As typed: ``p99<200ms``.
        calls: Calls that count; 1 where only the whole step kept or broke it, as for an average.
        broken: Those that broke it; a share of them, between two quantiles, is no whole number.
    """

    objective: str
    calls: float
    broken: float


@dataclass(frozen=True)
class Step:
    """Some seconds at one arrival rate.

    Attributes:
        rate_per_s: Calls offered per second.
        hold_s: Length without the warm-up.
        calls: Calls that began.
        answered_per_s: Right answers per second.
        waits_ms: None if no call was answered.
        error_rate: Share of the calls that failed, 0 to 1.
        errors: Failed calls by class.
        broken: What became of each objective.
        sustained: Whether the server kept up: its calls did not wait ever longer, and all could begin.
        reasons: Why the step is broken or unclear, in sentences.
        in_flight: Mean number of calls at one time: rate times mean latency (Little's law).
        server_cores: CPU cores that the server used; None if it is not visible.
        server_processes: Its processes.
        stalls_s: Times at which the server answered nothing for a while, in seconds from the start of the
            search.
        saturated: Whether k6 was the limit.
    """

    phase: Phase
    rate_per_s: float
    start_s: float
    hold_s: float
    state: StepState
    calls: int
    answered_per_s: float
    waits_ms: Waits | None
    error_rate: float
    errors: Mapping[str, int]
    broken: tuple[Broken, ...]
    sustained: bool
    reasons: tuple[str, ...] = ()
    in_flight: float | None = None
    server_cores: float | None = None
    server_processes: int | None = None
    generator_cores: float | None = None
    loop_lag_ms: float | None = None
    stalls_s: tuple[float, ...] = ()
    saturated: bool = False
    health: HealthState = "unknown"
    health_problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scaling:
    """The universal scalability law, fitted to throughput over calls in flight.

    Attributes:
        per_s: Throughput of one call at a time.
        contention: Share of the work that cannot be done at the same time, 0 to 1.
        coherency: Cost of agreement between each two calls.
        peak_in_flight: Calls in flight beyond which throughput falls; None if it does not.
        peak_per_s: Throughput at that number; without one, what throughput tends to; None if it only grows.
    """

    per_s: float
    contention: float
    coherency: float
    peak_in_flight: float | None
    peak_per_s: float | None
    points: int


@dataclass(frozen=True)
class Capacity:
    """Result of ``perf-core capacity``.

    Attributes:
        objectives: As typed.
        low_per_s: Lower end of the interval, in calls per second; None if it is not known.
        high_per_s: Upper end; None if it is not known.
        best_per_s: Best guess; None without an interval.
        level: Probability with which the capacity lies in the interval.
        tolerance: Width of the interval, as a share of the best guess, at which the search ends.
        limit: What ended the growth, with a sentence in ``limit_words``.
        reasons: Sentences on the answer: why there is none, or why the interval is wider than asked for.
    """

    target: str
    wire: str
    transport: str
    started_at: str
    duration_s: float
    objectives: tuple[str, ...]
    answer: Answer
    low_per_s: float | None
    high_per_s: float | None
    best_per_s: float | None
    level: float
    tolerance: float
    reasons: tuple[str, ...]
    limit: Limit
    limit_words: str
    steps: tuple[Step, ...]
    scaling: Scaling | None = None
    interrupted: bool = False
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command: nothing was judged, so that only a missing answer is no success."""
        return ExitCode.INVALID if self.answer == "cannot tell" or self.interrupted else ExitCode.PASS

    @property
    def width(self) -> float | None:
        """Width of the interval as a share of the best guess."""
        if self.low_per_s is None or self.high_per_s is None or not self.best_per_s:
            return None
        return (self.high_per_s - self.low_per_s) / self.best_per_s


CAPACITIES = DocumentKind("capacity", 1, Capacity)
