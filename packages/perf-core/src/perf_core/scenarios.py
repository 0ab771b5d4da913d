"""The published questions, for any server: an adapter adds journeys and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from perf_core.adapter import WIRES, Journey, Launch, Limits, Pools, Scenario, Target
from perf_core.errors import UsageError

Draw = Callable[[int], Pools]

_SUMMARIES = {
    "quick": "Does it work under a little load, on both wires?",
    "load": "Does it meet its targets at the expected load of 50 and 100 users?",
    "stress": "How many users does it carry, and how does it fail beyond?",
    "endurance": "Does it leak or slow down over two hours at a fixed rate?",
    "spike": "How fast does it recover from sudden jumps to 200 users?",
    "benchmark": "What does each tool cost alone, by kind of argument, and what is protocol?",
}

_FURTHER_SUMMARIES = {
    "concurrent": "How well does it serve 10, 50, 100 and 200 clients, each with work of its own?",
    "large-scores": "Does it cope with what is large, one size after the other?",
    "memory": "Does its memory grow in five minutes at a fixed rate?",
    "tools": "What does each tool cost when nothing else goes on?",
    "rate-limit": "Are burst, rate and Retry-After what they are said to be, for each client?",
    "cleanup": "Does anything stay behind after operations of which many go wrong?",
    "stability": "Does every hour of a day succeed, and does nothing leak?",
    "recovery": "How long does a client wait for its next answer when a worker process is killed?",
}

NO_ERRORS = Target(
    "error_rate",
    "<",
    0.001,
    need="An answer that is wrong or missing breaks its user's work.",
    stretch=0.0005,
)

MOST_SUCCEED = Target(
    "success_percent", ">", 90, stretch=99, need="Clients get on with their work.", min_samples=10
)

FURTHER_TARGETS: Mapping[str, tuple[Target, ...]] = {
    "concurrent": (MOST_SUCCEED,),
    "large-scores": (
        Target("failed_calls", "<", 1, need="Whoever has a large score has no other."),
        Target("pools.unreached", "<", 1, need="Every size must have been tried."),
    ),
    "memory": (
        MOST_SUCCEED,
        Target(
            "server.rss_growth_mb_per_5_min", "<", 100, stretch=10, min_duration_s=120,
            need="It runs for days on a machine with other things to do.",
        ),
    ),
    "tools": (MOST_SUCCEED,),
    "rate-limit": (
        Target("rate_limit.burst_off_by", "<", 0.5, need="After a pause a client may send at once."),
        Target(
            "rate_limit.rate_off_by_percent", "<", 5, stretch=2, min_samples=50, min_duration_s=20,
            need="Each client gets the rate that it was promised, and no more.",
        ),
        Target("rate_limit.replenished_off_by", "<", 0.5, need="What was used comes back, and no more."),
        Target("rate_limit.retry_after_broken", "<", 1, need="Who does as told is not refused again."),
    ),
    "cleanup": (
        Target("failed_calls", "<", 1, need="A mistake is answered with an error that says so."),
        Target("cleanup.rss_growth_mb", "<", 10, need="Mistakes must not cost memory for ever."),
        *(
            Target(f"cleanup.{what}", "<", 1, need=need)
            for what, need in (
                ("fds", "Open files run out."),
                ("temporary_files", "Disks fill up."),
                ("processes", "Processes pile up."),
                ("held", "What was deleted must be gone."),
            )
        ),
    ),
    "stability": (
        Target("success_percent", ">", 99, min_samples=100, need="It is there all day."),
        Target("stability.worst_hour_percent", ">", 95, min_samples=20, need="No hour of the day is bad."),
        Target(
            "server.rss_growth_mb_per_5_min", "<", 100, stretch=10, min_duration_s=120,
            need="A day must not end in a restart.",
        ),
    ),
    "recovery": (
        Target("recovery.slowest_s", "<", 60, stretch=10, need="One crash must not stop everybody's work."),
        Target("recovery.unrecovered", "<", 1, need="Every client gets on with its work."),
        Target("recovery.strikes", ">", 0, need="A failure must have been caused, for recovery to be seen."),
    ),
}  # fmt: skip
"""The published levels of :func:`further_scenarios`; graded ones are met from "acceptable" on."""


def standard_scenarios(
    journeys: Draw, targets: Mapping[str, Sequence[Target]] | None = None
) -> dict[str, Scenario]:
    """Return the scenarios of the first guide over one way of drawing journeys.

    Args:
        journeys: Draws the pools from a seed; they need ``mix``, and one pool per tool for
            ``benchmark`` (see :func:`with_pools_by_tool`).
        targets: Targets by scenario; a scenario without an entry wants an error rate below 0.1 %.

    Raises:
        UsageError: There are targets for a scenario that does not exist.
    """
    given = targets or {}
    _expect_known(given, _SUMMARIES)
    return {
        name: Scenario(
            name=name,
            shape=name,
            summary=summary,
            journeys=journeys,
            targets=tuple(given.get(name, (NO_ERRORS,))),
            wires=WIRES if name == "quick" else ("session",),
        )
        for name, summary in _SUMMARIES.items()
    }


def further_scenarios(
    journeys: Mapping[str, Draw],
    targets: Mapping[str, Sequence[Target]] | None = None,
    *,
    launches: Mapping[str, Launch] | None = None,
    limits: Limits | None = None,
    strikes_at: str = "",
    gauges: Mapping[str, str] | None = None,
    request_timeout_s: float = 30.0,
) -> dict[str, Scenario]:
    """Return those scenarios of the second guide for which there are journeys.

    Args:
        journeys: Draws the pools of a scenario from a seed, by scenario.
        targets: Further or other targets by scenario: one for the same figure takes the place of the usual
            one (:data:`FURTHER_TARGETS`).
        launches: How to start the server, by scenario, where that is not as usual.
        limits: What the server started for ``rate-limit`` lets one client send.
        strikes_at: What the command lines of the processes have in common that ``recovery`` may kill.
        gauges: What must be back where it was after ``cleanup``: name of a gauge of ``/metrics``, by what it
            counts.
        request_timeout_s: Time that an answer may take.

    Raises:
        UsageError: There is something for a scenario that does not exist.
    """
    given, started = targets or {}, launches or {}
    for each in (journeys, given, started):
        _expect_known(each, _FURTHER_SUMMARIES)
    return {
        name: Scenario(
            name=name,
            shape=name,
            summary=summary,
            journeys=journeys[name],
            targets=_with(FURTHER_TARGETS[name], given.get(name, ())),
            launch=started.get(name),
            limits=limits if name == "rate-limit" else None,
            strikes_at=strikes_at if name == "recovery" else "",
            gauges=dict(gauges or {}) if name == "cleanup" else {},
            request_timeout_s=request_timeout_s,
        )
        for name, summary in _FURTHER_SUMMARIES.items()
        if name in journeys
    }


def _with(usual: Sequence[Target], given: Sequence[Target]) -> tuple[Target, ...]:
    replaced = {target.figure for target in given}
    return (*(target for target in usual if target.figure not in replaced), *given)


def _expect_known(given: Mapping[str, object], known: Mapping[str, str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        # They would be left out in silence, and nothing would ever miss them.
        raise UsageError(
            f"targets are given for {', '.join(unknown)}; the scenarios are {', '.join(known)}",
            "Correct the name in the adapter.",
        )


def with_pools_by_tool(mix: Sequence[Journey]) -> Pools:
    """Return the pool ``mix`` and one pool per tool, of the journeys that begin with it."""
    pools: dict[str, list[Journey]] = {"mix": list(mix)}
    for journey in mix:
        pools.setdefault(journey.steps[0].tool, []).append(journey)
    return pools
