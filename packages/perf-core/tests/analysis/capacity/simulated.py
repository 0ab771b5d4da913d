"""Servers simulated call by call, for searches without k6: what a step of known truth would look like."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perf_core.analysis.capacity.model import Broken, Step, Waits
from perf_core.analysis.capacity.objectives import ERRORS, Objective
from perf_core.analysis.capacity.observation import grows, stalls
from perf_core.analysis.capacity.search import WARM_UPS_S, CapacitySearch, Conclusion, Plan

Column = npt.NDArray[np.float64]
PERIOD_S = 0.2
STEP_COSTS_S = 1.6
"""Time of a step beside its load."""

DEFAULT = (Objective("p99", 200.0), Objective(ERRORS, 0.001))


@dataclass
class Queue:
    """A queue in front of some workers.

    Attributes:
        pause_s: Time in which no worker works, in every ``pause_every_s`` of a clock that runs on between
            steps.
        noise_ms: Mean of the exponential noise of k6, the network and the scheduler.
    """

    workers: int
    service_ms: float
    is_exponential: bool = False
    pause_s: float = 0.0
    pause_every_s: float = 10.0
    noise_ms: float = 1.0

    def latencies_ms(self, at_s: Column, rng: np.random.Generator) -> Column:
        """Return how long each call waits that arrives at these times."""
        n = len(at_s)
        service_s = np.full(n, self.service_ms / 1000)
        if self.is_exponential:
            service_s = rng.exponential(self.service_ms / 1000, n)
        if self.workers == 1 and not self.pause_s:
            # Lindley's recursion, without a loop.
            steps = np.concatenate([[0.0], service_s[:-1] - np.diff(at_s)])
            walk = np.cumsum(steps)
            waits = walk - np.minimum.accumulate(np.minimum(walk, 0.0))
            done_s: Column = waits + service_s
        else:
            free = [-math.inf] * self.workers
            done_s = np.empty(n)
            for index, (arrival_s, work_s) in enumerate(zip(at_s, service_s, strict=True)):
                start_s = max(arrival_s, heapq.heappop(free))
                end_s = self._end(start_s, work_s)
                heapq.heappush(free, end_s)
                done_s[index] = end_s - arrival_s
        latencies: Column = 1000 * done_s + rng.exponential(self.noise_ms, n)
        return latencies

    def _end(self, now_s: float, left_s: float) -> float:
        if not self.pause_s:
            return now_s + left_s
        while True:
            into_s = now_s % self.pause_every_s
            if into_s < self.pause_s:
                now_s += self.pause_s - into_s
                continue
            until_s = self.pause_every_s - into_s
            if left_s <= until_s:
                return now_s + left_s
            now_s, left_s = now_s + until_s, left_s - until_s


@dataclass
class Cap:
    """A token bucket that refuses; it is empty when a step counts, as
    :mod:`perf_core.runs.capacity.stepping` sees to."""

    rate_per_s: float
    latency_ms: float = 2.0


def simulated_step(
    server: Queue | Cap,
    plan: Plan,
    now_s: float,
    rng: np.random.Generator,
    objectives: Sequence[Objective] = DEFAULT,
) -> Step:
    """Return what a step would say."""
    rate, warm_up_s = plan.rate_per_s, WARM_UPS_S[plan.phase]
    length_s = warm_up_s + plan.hold_s
    at_s = now_s + np.arange(1, int(rate * length_s) + 1) / rate
    held = at_s > now_s + warm_up_s
    refused = np.zeros(len(at_s), dtype=bool)
    if isinstance(server, Cap):
        refused = np.diff(np.floor(np.arange(len(at_s) + 1) * min(1.0, server.rate_per_s / rate))) == 0
        latencies = server.latency_ms + rng.exponential(1.0, len(at_s))
    else:
        latencies = server.latencies_ms(at_s, rng)
    counted = latencies[held & ~refused]
    failed, calls = int(refused[held].sum()), int(held.sum())
    ends_s = at_s + latencies / 1000 - now_s
    edges = np.arange(warm_up_s, length_s + PERIOD_S / 2, PERIOD_S)
    places = np.digitize(ends_s, edges)
    by_period = [latencies[(places == index) & ~refused] for index in range(1, len(edges))]
    medians = [(edges[i + 1], float(np.median(each))) for i, each in enumerate(by_period) if len(each)]
    longest = [float(each.max()) if len(each) else None for each in by_period]
    growing = grows([t for t, _ in medians], [m for _, m in medians], 200.0)
    broken = tuple(
        Broken(each.text, calls, failed)
        if each.name == ERRORS
        else Broken(each.text, len(counted), float((counted >= each.level).sum()))
        for each in objectives
    )
    kept = not growing and all(
        each.broken < (objective.budget or 0.5) * each.calls
        for each, objective in zip(broken, objectives, strict=True)
    )
    quantiles = np.quantile(counted, [0.5, 0.95, 0.99]) if len(counted) else [0.0, 0.0, 0.0]
    return Step(
        phase=plan.phase,
        rate_per_s=rate,
        start_s=now_s,
        hold_s=plan.hold_s,
        state="kept" if kept else "broken",
        calls=calls,
        answered_per_s=min(rate, (calls - failed) / plan.hold_s),
        waits_ms=Waits(float(counted.mean()), *map(float, quantiles), float(counted.max()))
        if len(counted)
        else None,
        error_rate=failed / max(calls, 1),
        errors={"rate_limited": failed} if failed else {},
        broken=broken,
        sustained=not growing,
        stalls_s=tuple(now_s + start_s for start_s in stalls(list(edges[1:]), longest)),
    )


def searched(
    server: Queue | Cap,
    seed: int,
    *,
    limit_s: float = 165.0,
    watch: Callable[[Step], None] = lambda _step: None,
) -> tuple[Conclusion, CapacitySearch, float]:
    """Search for the capacity of a simulated server; return the time that it would have taken, too."""
    rng = np.random.default_rng(seed)
    search = CapacitySearch(DEFAULT)
    now_s = float(rng.uniform(0, 20))
    began_s = now_s
    while (plan := search.next()) is not None:
        takes_s = STEP_COSTS_S + WARM_UPS_S[plan.phase] + plan.hold_s
        if now_s - began_s + takes_s > limit_s:
            break
        step = simulated_step(server, plan, now_s + 1.0, rng)
        watch(step)
        search.add(step)
        now_s += takes_s
    return search.conclusion(), search, now_s - began_s


def evenly_fed_capacity(service_ms: float, level_ms: float, share: float) -> float:
    """Return the rate at which a share of the calls waits longer than a level: one worker, exponential
    service.

    Arrivals are evenly spaced (D/M/1), so that the latency is exponential with rate mu (1 - s), where s
    solves s = exp(-mu (1 - s) / lambda). Source: Kleinrock, "Queueing Systems" volume 1 (1975), section 6.4.
    """
    mu = 1000 / service_ms
    decay = -math.log(share) / (level_ms / 1000)
    s = 1 - decay / mu
    return -decay / math.log(s)
