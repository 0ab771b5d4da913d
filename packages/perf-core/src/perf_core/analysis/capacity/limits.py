"""The limit that ended the growth of the rate: refusals, CPU, the generator, or none; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from perf_core.analysis.capacity.model import Limit, Step

_BUSY = 0.85
"""Share of a core, or of all of them, from which it counts as used up."""

_NEAR = 0.8
"""Steps at rates from this share of the lowest broken one on tell what ended the growth."""

_MAJORITY = 0.5
_LAG_SHARE = 0.5


def limit_of(steps: Sequence[Step], cpus: int, *, is_visible: bool) -> tuple[Limit, str]:
    """Return what limited the server, and a sentence on how that shows.

    Args:
        cpus: CPUs of this machine that the lab may use.
        is_visible: Whether the server's processes could be sampled.
    """
    broken = [step for step in steps if step.state == "broken"]
    if not broken:
        return _of_the_measurement([step for step in steps if step.state == "unclear"])
    lowest = min(step.rate_per_s for step in broken)
    near = [step for step in broken if step.rate_per_s <= lowest * 2] or broken
    step = min(near, key=lambda each: each.rate_per_s)
    refused = _refusals(near)
    failed = "" if refused else _failures(near)
    if refused or failed:
        return ("refusals", refused) if refused else ("errors", failed)
    if all(each.stalls_s for each in near) and step.sustained and _is_idle(step, cpus):
        return "stalls", (
            "The server stood still now and then, and the calls that waited for it spent the budget; "
            "its CPU was "
            "not used up."
        )
    if step.server_cores is None or not is_visible:
        return "", "The server's processes are not visible from here, so that nothing tells what was used up."
    return _cpu(step, cpus)


def _of_the_measurement(unclear: Sequence[Step]) -> tuple[Limit, str]:
    """Return what kept the search from going on, where the server did not."""
    busy = [step for step in unclear if step.health_problems]
    saturated = [step for step in unclear if step.saturated and not step.health_problems]
    if busy:
        return "machine", (
            f"From {min(step.rate_per_s for step in busy):,.4g} calls/s on other work on this machine "
            "may have slowed the server: nobody can tell."
        )
    if saturated:
        return "generator", (
            f"From {min(step.rate_per_s for step in saturated):,.4g} calls/s on k6 used nearly all CPU "
            "that the server left: the server may carry more."
        )
    return "", "No step came to a limit."


def _failures(steps: Sequence[Step]) -> str:
    failures = sum(sum(each.errors.values()) for each in steps)
    late = any(
        each.broken > 0 and not each.objective.startswith("errors") for step in steps for each in step.broken
    )
    if not failures or late:
        return ""
    kinds = sorted({name for each in steps for name in each.errors})
    calls = sum(each.calls for each in steps)
    return f"Calls failed ({', '.join(kinds)}): {failures:,} of {calls:,} in the steps beyond the limit."


def _refusals(steps: Sequence[Step]) -> str:
    refused = sum(step.errors.get("rate_limited", 0) for step in steps)
    failed = sum(sum(step.errors.values()) for step in steps)
    if not refused or refused < _MAJORITY * failed:
        return ""
    admitted = sorted(step.answered_per_s for step in steps)
    middle = admitted[len(admitted) // 2]
    return (
        f"The server refused {refused:,} calls with 429 and answered {middle:,.4g}/s of what was "
        "offered beyond the limit: its rate limit."
    )


def _is_idle(step: Step, cpus: int) -> bool:
    return step.server_cores is not None and step.server_cores < min(_BUSY, _BUSY * cpus)


def _cpu(step: Step, cpus: int) -> tuple[Limit, str]:
    cores = step.server_cores or 0.0
    processes = step.server_processes or 1
    others = step.generator_cores or 0.0
    lag = "" if step.loop_lag_ms is None else f" Its event loop was late by {step.loop_lag_ms:.3g} ms."
    if cores + others >= _BUSY * cpus and cores >= _BUSY * min(1, cpus):
        return "machine CPU", (
            f"All {cpus} CPUs of the machine were used up: {cores:.2f} by the server, {others:.2f} by k6 "
            f"(at {step.rate_per_s:,.4g} calls/s).{lag}"
        )
    if cores >= _BUSY:
        one = "one core" if cores < 1 + _BUSY else f"{cores:.2f} cores"
        owner = "one process" if processes == 1 else f"{processes} processes"
        return (
            "server CPU",
            f"The server used {one} ({cores:.2f}) in {owner}, at {step.rate_per_s:,.4g} calls/s.{lag}",
        )
    return "waiting", (
        f"The server used {cores:.2f} cores only at {step.rate_per_s:,.4g} calls/s: its calls waited "
        "for something else than the CPU, such as a limited number of workers, a lock, a disk or another "
        f"server.{lag}"
    )
