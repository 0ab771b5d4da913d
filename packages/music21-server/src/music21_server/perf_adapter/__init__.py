"""Adapter of the music21 server for the performance lab: the published guide's scenarios and targets.

The standard scenarios (``load``, ``stress`` and the others) run over the same journeys.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from music21_server.perf_adapter.journeys import (
    by_tool,
    faulty,
    large_scores,
    list_scores_only,
    mixed,
)
from perf_core import Launch, Limits, Scenario, Target
from perf_core.scenarios import MOST_SUCCEED, NO_LEAKS_IN_HOURS, further_scenarios, standard_scenarios

__all__ = ["Music21Adapter", "adapter"]

LIMITS = Limits(rate_per_s=2.0, burst=20)
"""Rate limit of the server in ``rate-limit``: so low that a burst is over before the next token arrives."""

_TOKENS = tuple(f"perf-lab-client-{number}" for number in range(3))

_P95 = Target(
    "latency_ms.all.p95",
    "<",
    5000,
    stretch=1000,
    min_samples=200,
    need="Users get answers while they still wait.",
)

STANDARD_TARGETS: Mapping[str, Sequence[Target]] = {
    "quick": (MOST_SUCCEED, _P95),
    "load": (MOST_SUCCEED, replace(_P95, figure="latency_ms.all.p95@hold_100")),
    "stress": (
        Target(
            "stress.vus_carried", ">", 50, stretch=100, min_samples=500, need="The server survives a rush."
        ),
    ),
    "endurance": (
        MOST_SUCCEED,
        Target("server.uptime_percent", ">", 99.9, stretch=99.99, need="The server is up when it is needed."),
        Target("sessions_left", "<", 1, need="Closed sessions leave nothing behind."),
        *NO_LEAKS_IN_HOURS,
    ),
    "spike": (
        MOST_SUCCEED,
        Target(
            "spike.recovery_s", "<", 60, stretch=10, min_duration_s=30, need="A rush has no lasting effect."
        ),
    ),
    "benchmark": (MOST_SUCCEED,),
}
"""Targets of the standard scenarios. The guide gives success rate and latency, but not per scenario."""

FURTHER_TARGETS: Mapping[str, Sequence[Target]] = {
    "concurrent": (_P95,),
    "recovery": (
        Target("recovery.slowest_s", "<", 2, stretch=1, need="Users hardly notice the crash of a worker."),
    ),
    "rate-limit": (
        Target(
            "rate_limit.rate_off_by_percent",
            "<",
            2,
            stretch=1,
            min_samples=50,
            min_duration_s=20,
            need="Each client gets its configured rate, and no more.",
        ),
    ),
}


def _launch(*options: str, tokens: tuple[str, ...] = ()) -> Launch:
    command = (sys.executable, "-m", "music21_server", "--port", "0", "--ready-file", "{ready_file}")
    return Launch(argv=(*command, *options), tokens=tokens)


def _limited() -> Launch:
    options = {"rate-limit-per-s": LIMITS.rate_per_s, "rate-limit-burst": LIMITS.burst}
    words = [word for name, value in options.items() for word in (f"--{name}", f"{value:g}")]
    return _launch(*words, "--auth-tokens", ",".join(_TOKENS), tokens=_TOKENS)


def _scenarios() -> dict[str, Scenario]:
    standard = standard_scenarios(mixed, STANDARD_TARGETS)
    further = further_scenarios(
        {
            "concurrent": mixed,
            "large-scores": large_scores,
            "memory": mixed,
            "tools": by_tool,
            "rate-limit": list_scores_only,
            "cleanup": faulty,
            "stability": mixed,
            "recovery": mixed,
        },
        FURTHER_TARGETS,
        launches={"rate-limit": _limited()},
        limits=LIMITS,
        kill_pattern="music21_server.workers.fork_server",
        gauges={"scores": "music21_scores", "workers": "music21_workers"},
        # The server's own timeout is 90 s.
        request_timeout_s=90.0,
    )
    return {**standard, "benchmark": replace(standard["benchmark"], journeys=by_tool), **further}


@dataclass(frozen=True)
class Music21Adapter:
    """Launch command and scenarios of the music21 server."""

    name: str = "music21"
    server_name: str | None = "music21"
    launch: Launch = field(default_factory=_launch)
    scenarios: Mapping[str, Scenario] = field(default_factory=_scenarios)


adapter = Music21Adapter()
