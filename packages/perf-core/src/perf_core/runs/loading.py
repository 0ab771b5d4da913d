"""The load on a running server: k6, the samples beside it, and what is looked at afterwards."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perf_core.adapter import Scenario
from perf_core.analysis.k6_summary import WAITING_CLASSES
from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_access import K6Access
from perf_core.load.k6_events import Events
from perf_core.load.k6_process import Generator, Preview
from perf_core.load.plan import PLAN_NAME
from perf_core.runs.assemble import LoadResult
from perf_core.runs.bridge_watch import BridgeWatch
from perf_core.runs.probing import Probing
from perf_core.runs.profiling import NO_PROFILING, Profiling
from perf_core.sampling.kills import ProcessKiller
from perf_core.sampling.pauses import PauseReader
from perf_core.sampling.pulse import Pulse
from perf_core.sampling.sampler import Sampler
from perf_core.sampling.session_count import SessionCounter
from perf_core.sampling.snapshot import ResourceSnapshot, take_settled_snapshot
from perf_core.server.client import endpoints
from perf_core.server.client.diagnosis import server_requests
from perf_core.server.client.sessions import LONGEST_S, delete_sessions
from perf_core.server.interruptible import interruptible
from perf_core.server.live import LiveServer

_POLL_S = 0.1
_OVERDUE_S = 60.0
"""k6 ends by itself; it hangs if it is this late."""

_AFTER_INTERRUPTION_S = 3.0
"""Longest time for deletions after an interruption."""


@dataclass(frozen=True)
class LoadContext:
    """Settings and callbacks while a load runs.

    Attributes:
        period_s: Time between two samples of the processes.
        k6_variables: What k6 needs to reach the server.
    """

    preview: Preview
    period_s: float
    interruption: Interruption
    on_progress: OnProgress
    k6_variables: K6Access


def warmed_up_snapshot(
    k6: Path, scenario: Scenario, live: LiveServer, folder: Path, context: LoadContext
) -> ResourceSnapshot | None:
    """Apply the load once, unmeasured, and take a snapshot: one-time allocations are no growth then."""
    warm_up = folder / "warm_up"
    warm_up.mkdir()
    env = {**k6_process.script_env(folder / PLAN_NAME, live.url, warm_up), **context.k6_variables.env}
    max_vus = context.preview.max_vus
    secrets = live.access.secrets
    with Generator(
        k6, scenario.shape, env, warm_up, period_s=None, max_vus=max_vus, secrets=secrets
    ) as k6_run:
        faults = _wait_for(k6_run, live, context, "warm-up")
        generated = k6_run.result()
        faults += generated.script_faults
        delete_sessions(generated.events.open_sessions, live.access)
        if faults:
            raise TargetError(f"the warm-up failed: {'; '.join(faults)}", "See the log of the server.")
    return take_settled_snapshot(live, scenario.gauges, None, lambda: context.interruption.requested)


def _wait_for(k6_run: Generator, live: LiveServer, context: LoadContext, step: str) -> list[str]:
    """Wait until k6 has ended; end it early if it is overdue, the server ended or the user interrupts."""
    faults: list[str] = []
    longest_s, load_s = context.preview.duration_s, max(context.preview.load_s, 1e-3)
    began = time.monotonic()
    while not k6_run.wait(_POLL_S):
        elapsed_s = time.monotonic() - began
        context.on_progress(step, min(1.0, elapsed_s / load_s))
        ended = live.ended()
        overdue = elapsed_s > longest_s + _OVERDUE_S
        if ended:
            faults.append(ended)
        if overdue:
            faults.append(f"k6 hung: expected it to end within {longest_s:.0f} s")
        if ended or overdue or context.interruption.requested:
            k6_run.interrupt()
            break
    return faults


def apply_load(
    k6_run: Generator,
    live: LiveServer,
    context: LoadContext,
    killer: ProcessKiller,
    *,
    probing: Probing,
    bridge: BridgeWatch | None,
    profiling: Profiling = NO_PROFILING,
) -> LoadResult:
    """Apply the load of a run, delete the sessions that it left open, and return its results.

    Args:
        k6_run: k6, not started yet.
        killer: Kills processes of the server meanwhile, in the shapes that measure that.
        bridge: Watch over the bridge to the server; None without one.
        profiling: Profiler of the server, not started yet.
    """
    with (
        probing as probe,
        profiling as profiler,
        Sampler(live.pid, context.period_s, bridge_pid=live.bridge_pid) as sampler,
        k6_run,
        Pulse(k6_run.pid) as pulse,
        SessionCounter(live.url, live.access) as sessions,
        PauseReader(live.url, live.access) as pauses,
    ):
        sampler.watch_generator(k6_run.pid)
        faults = _wait_for(k6_run, live, context, "load")
        profile = profiler.finish() if profiler else None
        observations = probe.finish() if probe else None
        generated = k6_run.result()
    with contextlib.suppress(Interrupted):
        interruptible(pauses.finish, context.interruption)
    bridge_observations = bridge.observations() if bridge else None
    faults += [*context.k6_variables.problems, *generated.script_faults]
    interrupted = context.interruption.requested
    events = generated.events
    longest_s = _AFTER_INTERRUPTION_S if interrupted else LONGEST_S
    deletions = delete_sessions(events.open_sessions, live.access, longest_s)
    unresponsive = ""
    if not faults and not interrupted:
        killed = {kill.pid for kill in killer.kills}
        try:
            change = interruptible(lambda: live.changed(killed), context.interruption)
            faults += [change] if change else []
        except TargetError as error:
            unresponsive = error.message
        except Interrupted:
            interrupted = True
    wire = live.handshake.wire
    sessions_left: int | None = None
    requests: dict[str, str] = {}
    # The server may not answer: after an interruption it is not waited for.
    with contextlib.suppress(Interrupted):
        if wire == "session":
            count_sessions = partial(endpoints.open_sessions, live.url, access=live.access)
            sessions_left = interruptible(count_sessions, context.interruption)
        diagnose = partial(server_requests, live.url, wire, _unanswered_calls(events), access=live.access)
        requests = interruptible(diagnose, context.interruption)
    return LoadResult(
        generated=generated,
        samples=sampler.samples,
        stills=pulse.stills,
        observations=observations,
        bridge=bridge_observations,
        session_counts=sessions.counts if live.handshake.wire == "session" else (),
        pauses=pauses.readings,
        faults=tuple(faults),
        interrupted=interrupted,
        unresponsive=unresponsive,
        sessions_left=sessions_left,
        deletions=deletions,
        requests=requests,
        profile=profile,
    )


def _unanswered_calls(events: Events) -> dict[str, dict[str, object]]:
    """Return the arguments of one unanswered call of each tool, unless they were shortened."""
    calls: dict[str, dict[str, object]] = {}
    for failure in events.failures:
        if failure.error_class in WAITING_CLASSES:
            with contextlib.suppress(ValueError):
                calls.setdefault(failure.tool, json.loads(failure.arguments))
    return calls
