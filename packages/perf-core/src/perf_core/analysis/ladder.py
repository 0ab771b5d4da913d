"""The arithmetic of cost ladders: estimates over rounds, and what each rung adds; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.adapter import Wire
from perf_core.analysis.health import OTHERS_LIMIT
from perf_core.analysis.quantiles import quantile
from perf_core.results.ladder import Estimate, Rung
from perf_core.results.record import Health
from perf_core.sampling.machine import MachineReading

ROUND_S = 0.15
"""Time of the calls through one layer in one round: long beside a stop of some milliseconds."""

MOST_CALLS = 500_000


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of rounds with its interval."""
    middle = quantile(values, 0.5)
    return Estimate(middle.value, middle.low, middle.high, len(values))


def calls_in_round(call_s: float, round_s: float = ROUND_S) -> int:
    """Return the number of calls that fill a round.

    Args:
        call_s: Time of one call.
    """
    return max(1, min(MOST_CALLS, round(round_s / max(call_s, 1e-9))))


@dataclass(frozen=True)
class Step:
    """One rung with what it adds to the one before it on the same wire, in microseconds.

    Attributes:
        added_cpu_us: Additional CPU time; negative if the rung costs less than the one before.
        added_wall_us: Additional time.
        is_certain: Whether the intervals of the CPU time of both rungs lie apart.
    """

    rung: Rung
    added_cpu_us: float
    added_wall_us: float
    is_certain: bool


def steps(rungs: Sequence[Rung]) -> list[Step]:
    """Return every rung with its additional cost; the first of each wire follows the last without one."""
    previous: dict[Wire | None, Rung] = {}
    result = []
    for rung in rungs:
        base = previous.get(rung.wire) or previous.get(None)
        cpu_us, wall_us = (base.cpu_us.median, base.wall_us.median) if base else (0.0, 0.0)
        result.append(
            Step(
                rung,
                rung.cpu_us.median - cpu_us,
                rung.wall_us.median - wall_us,
                base is None or lie_apart(base.cpu_us, rung.cpu_us),
            )
        )
        previous[rung.wire] = rung
    return result


def lie_apart(one: Estimate, other: Estimate) -> bool:
    """Return whether the intervals of two estimates have nothing in common; False if one has no interval."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def machine_health(
    before: MachineReading | None, after: MachineReading | None, *, elapsed_s: float, own_s: float
) -> Health | None:
    """Return whether others used the machine meanwhile; None where the system does not count that.

    Args:
        own_s: CPU seconds of all that was measured and of the lab.
    """
    if before is None or after is None or elapsed_s <= 0:
        return None
    others = max(0.0, after.busy_s - before.busy_s - own_s) / elapsed_s
    steal = max(0.0, after.steal_s - before.steal_s) / (elapsed_s * after.cpus)
    taken = others + steal * after.cpus
    if taken <= OTHERS_LIMIT * after.cpus:
        return Health("sound", others_cores=others, steal_share=steal)
    problem = f"the machine was busy: others used {taken:.1f} of {after.cpus} CPUs"
    return Health("bounded", (problem,), others_cores=others, steal_share=steal)
