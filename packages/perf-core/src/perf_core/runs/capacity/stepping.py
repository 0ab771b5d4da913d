"""One step of a search: some seconds of k6 at one arrival rate against a running server."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perf_core.adapter import Launch
from perf_core.analysis.capacity.model import Step
from perf_core.analysis.capacity.objectives import Objective, longest_ms
from perf_core.analysis.capacity.search import WARM_UPS_S
from perf_core.analysis.capacity.search import Plan as StepPlan
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_access import K6Access
from perf_core.load.k6_process import Generator, Preview
from perf_core.load.paced import PacedStage, paced
from perf_core.load.plan import Plan
from perf_core.results.plan_file import write_plan
from perf_core.results.record import RunRecord
from perf_core.runs.assemble import LoadResult, RunSpec, assemble
from perf_core.runs.bridge_watch import watch_bridge
from perf_core.runs.capacity.judging import HOLD, hold_alone, judged
from perf_core.runs.loading import LoadContext, apply_load
from perf_core.sampling.kills import ProcessKiller
from perf_core.sampling.sampler import TreeMeter
from perf_core.server.client import endpoints
from perf_core.server.live import LiveServer

RAMP_S = 1.0
LONGEST_WARM_UP_S = 10.0

EMPTYING_S = 2.0
"""Stage before the warm-up that empties the bucket of a server that refuses calls: a step ends before a
bucket is empty that takes a few percent more than flows into it."""

_REFUSAL_S = 0.05
"""Longest time of a refusal for which users are provided."""

STARTING_S = 2.0
"""Time that a step takes beside its load: k6 starts, sessions are deleted."""

_LONGEST_WITHOUT_LIMIT_MS = 1000.0
"""Longest wait for which users are provided where no objective is about time."""

_MOST_USERS = 2000
"""Each takes about 0.35 MB of k6's memory."""

_SPARE_USERS = 20

_MOST_PROCESSES = 40
"""Users of a server on stdio, each of whom has a process of the server."""

_SHORTEST_TIMEOUT_S = 5.0
_TIMEOUT_LEVELS = 20.0
"""Time-out of a call, as a multiple of the longest objective: a call that is lost must not hold up the
search."""

_IDLE_CORES = 0.1
_LOOK_S = 0.25
_LONGEST_DRAIN_S = 10.0


@dataclass
class Stepper:
    """Measures steps against one server.

    Attributes:
        plan: Calls, without stages.
        spec: Inputs of every run but its plan and its name.
        folder: Folder of the search; each step has one of its own below it while it runs.
    """

    plan: Plan
    objectives: Sequence[Objective]
    k6: Path
    k6_variables: K6Access
    live: LiveServer
    launch: Launch
    spec: RunSpec
    folder: Path
    interruption: Interruption
    on_progress: OnProgress
    began_s: float = field(default_factory=time.time)
    number: int = 0
    _wait_ms: float | None = None
    _limiter: _Limiter | None = None

    def warm_up_s(self, step: StepPlan) -> float:
        """Return the time at the rate of a step before anything counts."""
        longest_ms_ = longest_ms(self.objectives) or _LONGEST_WITHOUT_LIMIT_MS
        return min(max(WARM_UPS_S[step.phase], 1.3 * longest_ms_ / 1000), LONGEST_WARM_UP_S)

    def length_s(self, step: StepPlan) -> float:
        """Return how long a step will take."""
        return STARTING_S + self.warm_up_s(step) + step.hold_s + (EMPTYING_S if self._limiter else 0.0)

    def measure(self, step: StepPlan, progress: str) -> tuple[Step, LoadResult]:
        """Offer the load of a step, wait until the server is idle again, and return what came of it."""
        self.number += 1
        folder = self.folder / f"step-{self.number:02d}"
        folder.mkdir()
        plan = self._planned(step)
        plan_path = write_plan(plan, folder)
        warm_up_s = self.warm_up_s(step)
        load_s = warm_up_s + step.hold_s + (EMPTYING_S if self._limiter else 0.0)
        most = int(str((plan.paced or {})["most_vus"]))
        preview = Preview(
            load_s + 2 * plan.settings.request_timeout_s + 30,
            load_s,
            most,
            lowest_rate_per_s=step.rate_per_s,
        )
        period_s = k6_process.SHORTEST_PERIOD_S
        generator = Generator(
            self.k6,
            plan.shape,
            {**k6_process.script_env(plan_path, self.live.url, folder), **self.k6_variables.env},
            folder,
            period_s=period_s,
            max_vus=most,
            secrets=self.live.access.secrets,
        )

        def report_share(_step: str, share: float | None) -> None:
            self.on_progress(progress, share)

        context = LoadContext(preview, period_s, self.interruption, report_share, self.k6_variables)
        users = int(str((plan.paced or {})["vus"]))
        bridge = watch_bridge(self.live, self.launch, users)
        lag = _LoopLag(self.live)
        with ProcessKiller(self.live.pid, "", load_s) as killer:
            load = apply_load(
                generator, self.live, context, killer, probing=contextlib.nullcontext(), bridge=bridge
            )
        lag_ms = lag.since_ms()
        spec = replace(self.spec, run_id=folder.name, plan=plan, secrets=self.live.access.secrets())
        load = hold_alone(load)
        record = assemble(spec, load)
        result = judged(step, record, load, self.objectives, self.plan, search_began_s=self.began_s)
        result = replace(result, loop_lag_ms=lag_ms)
        self._learn_burst(step, result, record)
        if result.state == "kept" and result.waits_ms is not None:
            self._wait_ms = result.waits_ms.p99
        # All that counts is in the result; twenty plans and recordings are tens of megabytes.
        shutil.rmtree(folder, ignore_errors=True)
        self._drain()
        return result, load

    def _planned(self, step: StepPlan) -> Plan:
        """Return the plan of a step: a ramp, the rest of the warm-up, and the hold."""
        rate = step.rate_per_s
        emptying = (
            []
            if self._limiter is None
            else [PacedStage("emptying", "pause", self._limiter.emptying_rate(), EMPTYING_S)]
        )
        stages = [
            *emptying,
            PacedStage("ramp", "ramp", rate, RAMP_S),
            PacedStage("warm_up", "ramp", rate, self.warm_up_s(step) - RAMP_S),
            PacedStage(HOLD, "hold", rate, step.hold_s),
        ]
        longest_s = (longest_ms(self.objectives) or _LONGEST_WITHOUT_LIMIT_MS) / 1000
        # Twice what has been seen, since calls wait longer at a higher rate; others start when they are
        # needed.
        usual_s = min(longest_s, max(0.02, 3 * (self._wait_ms or 1000 * longest_s) / 1000))
        limit = _MOST_PROCESSES if self._has_processes() else _MOST_USERS
        users = math.ceil(1.5 * rate * usual_s) + 2
        if self._limiter is not None:
            # Refusals come at once, but their users must all be there.
            users = max(users, math.ceil(_REFUSAL_S * self._limiter.emptying_rate()))
        if not self._has_processes():
            # Some more cost little, and need not be started when a few calls are late.
            users = max(users, min(_SPARE_USERS, math.ceil(rate)))
        users = min(users, limit // 2)
        most = min(max(users, math.ceil(2 * rate * longest_s)) + 10, limit)
        timeout_s = min(
            self.plan.settings.request_timeout_s, max(_SHORTEST_TIMEOUT_S, _TIMEOUT_LEVELS * longest_s)
        )
        settings = replace(self.plan.settings, request_timeout_s=timeout_s)
        return replace(self.plan, settings=settings, paced=paced(stages, vus=users, most_vus=most))

    def _learn_burst(self, step: StepPlan, result: Step, record: RunRecord) -> None:
        """Keep the burst of a server that refuses calls, which it would otherwise get anew in each step."""
        if not result.errors.get("rate_limited"):
            return
        columns = record.series.load
        rows = zip(columns["t_s"], columns["errors_per_s"], strict=True)
        first_s = next((t_s for t_s, errors in rows if t_s is not None and errors), None)
        if first_s is None:
            return
        cap = result.answered_per_s
        offered = step.rate_per_s * max(0.0, first_s - RAMP_S / 2)
        burst = max(0.0, offered - cap * first_s)
        if self._limiter is None:
            self._limiter = _Limiter(cap, burst)

    def _has_processes(self) -> bool:
        return self.live.transport == "stdio"

    def _drain(self) -> None:
        """Wait until the server is idle again: what is left of one step must not spoil the next."""
        if self.live.pid is None:
            return
        meter = TreeMeter(self.live.pid, root_apart=self.live.bridge_pid == self.live.pid)
        deadline = time.monotonic() + _LONGEST_DRAIN_S
        before_s, used_s = time.monotonic(), meter.read().cpu_s
        while time.monotonic() < deadline and not self.interruption.requested and not self.live.ended():
            time.sleep(_LOOK_S)
            now_s, now_used_s = time.monotonic(), meter.read().cpu_s
            if now_used_s - used_s <= _IDLE_CORES * (now_s - before_s):
                return
            before_s, used_s = now_s, now_used_s


@dataclass(frozen=True)
class _Limiter:
    """A limit of the server's own, as a token bucket: see RFC 2697 for the names.

    Attributes:
        rate_per_s: Calls per second that it lets through in the long run.
        burst: Calls that it lets through at once after a pause.
    """

    rate_per_s: float
    burst: float

    def emptying_rate(self) -> float:
        """Return the rate that takes all that was saved within :data:`EMPTYING_S`, with half as much
        again."""
        return round(self.rate_per_s * 1.5 + 1.5 * self.burst / EMPTYING_S, 1)


class _LoopLag:
    """Mean lag of the server's event loop over a time, if its ``/metrics`` has it."""

    _NAMES = ("mcp_event_loop_lag_seconds_sum", "mcp_event_loop_lag_seconds_count")

    def __init__(self, live: LiveServer) -> None:
        self._live = live
        self._before = self._read()

    def _read(self) -> tuple[float, float] | None:
        if self._live.bridge_pid is not None:
            return None
        values = endpoints.gauges(self._live.url, self._NAMES, access=self._live.access)
        total, count = (values[name] for name in self._NAMES)
        return None if total is None or count is None else (total, count)

    def since_ms(self) -> float | None:
        """Return the mean lag since it was made, in milliseconds; None if the server does not tell."""
        after = self._read() if self._before else None
        if self._before is None or after is None or after[1] <= self._before[1]:
            return None
        return 1000 * (after[0] - self._before[0]) / (after[1] - self._before[1])
