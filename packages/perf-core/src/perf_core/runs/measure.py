"""One run: plan, server, load, samples, record, verdict, reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from perf_core import report
from perf_core.adapter import Scenario, Wire
from perf_core.errors import TargetError, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_process import Generator, Preview
from perf_core.load.plan import PLAN_NAME, Plan, Settings, make_plan
from perf_core.load.plan import write as write_plan
from perf_core.results import record
from perf_core.results.folder import new_folder
from perf_core.results.manifest import make_manifest, usable_cpus
from perf_core.results.record import RunRecord
from perf_core.runs.assemble import Job, Load, assemble
from perf_core.sampling.kills import Striker
from perf_core.sampling.sampler import Sampler
from perf_core.sampling.snapshot import Stock, Stocks, take_settled_stock
from perf_core.server import endpoints
from perf_core.server.live import Live, Place, live_server
from perf_core.server.subject import Subject

_POLL_S = 0.1
_OVERDUE_S = 60.0
"""k6 ends by itself; one that is this late hangs."""

_LONG_RUN_S = 120.0

DASHBOARD_PORT = 5665
"""Where k6 serves its live dashboard by default."""


@dataclass(frozen=True)
class Options:
    """How to run, apart from what to measure.

    Attributes:
        output_dir: Folder that gets one folder per run.
        dashboard: Serve k6's live dashboard while the load runs.
        pin: Keep server and generator on different CPUs.
    """

    output_dir: Path
    dashboard: bool = False
    pin: bool = False


@dataclass(frozen=True)
class Finished:
    """A run that has been recorded.

    Attributes:
        record: The record.
        folder: Where it and its reports lie.
    """

    record: RunRecord
    folder: Path


REHEARSED_SHAPES = frozenset({"cleanup"})
"""Shapes before and after which stock is taken: what a first load makes for good must not count as left."""


@dataclass(frozen=True)
class Course:
    """What goes on beside a load.

    Attributes:
        preview: What k6 is going to do.
        period_s: Between two samples of the processes.
        interruption: Ends the load when the user interrupts.
        tell: Told how far it is.
    """

    preview: Preview
    period_s: float
    interruption: Interruption
    tell: OnProgress


def run_scenario(
    subject: Subject,
    scenario: Scenario,
    wire: Wire,
    settings: Settings,
    options: Options,
    *,
    interruption: Interruption,
    tell: OnProgress,
) -> Finished:
    """Measure one scenario of one server on one wire, and write the record and its reports.

    Raises:
        UsageError: The request makes no sense.
        TargetError: The server did not start, or lacks a tool that the plan calls.
        GeneratorError: k6 is missing or failed by itself.
        ResultsError: The results cannot be written.
        Interrupted: The user stopped before the load began.
    """
    launch = scenario.launch or subject.adapter.launch
    # A server that runs already was started by somebody else, with tokens that the lab does not know.
    tokens = launch.tokens if subject.url is None else ()
    plan = make_plan(scenario, wire, settings, tokens=tokens)
    k6 = k6_process.find_k6()
    k6_version = k6_process.k6_version(k6)
    server_cpus, generator_cpus = _pinned(options.pin)
    folder = new_folder(options.output_dir, f"{scenario.name}-{subject.name}-{wire}")
    plan_path = write_plan(plan, folder)

    tell(f"starting {subject.name}", None)
    place = Place(folder / "server.log", server_cpus, launch)
    with live_server(subject, wire, place, interruption) as live:
        _expect_tools(plan, live)
        env = k6_process.script_env(plan_path, live.url, folder)
        preview = k6_process.preview(k6, plan.shape, env)
        period_s = 1.0 if preview.duration_s >= _LONG_RUN_S else k6_process.SHORTEST_PERIOD_S
        manifest = make_manifest(subject, plan, live.handshake, k6_version, live.ready_s, launch=launch)
        k6_run = Generator(
            k6,
            plan.shape,
            env,
            folder,
            period_s=period_s,
            max_vus=preview.max_vus,
            dashboard_port=DASHBOARD_PORT if options.dashboard else None,
            cpus=generator_cpus,
        )
        course = Course(preview, period_s, interruption, tell)
        takes_stock = plan.shape in REHEARSED_SHAPES
        before = _rehearsed_stock(k6, scenario, live, folder, course) if takes_stock else None
        with Striker(live.pid, scenario.strikes_at, preview.load_s) as striker:
            load = _apply_load(k6_run, live, course)
        load = replace(load, strikes=striker.strikes)
        if before is not None and not load.faults:
            after = take_settled_stock(live, scenario.gauges, before, lambda: interruption.requested)
            load = replace(load, stocks=Stocks(before, after) if after else None)

    job = Job(
        run_id=folder.name,
        plan=plan,
        targets=scenario.targets,
        server=subject.name,
        manifest=manifest,
        period_s=period_s,
        cpus=usable_cpus() if generator_cpus is None else len(generator_cpus),
        pinned=generator_cpus is not None,
    )
    finished = assemble(job, load)
    record.write(finished, folder)
    report.write_all(finished, folder)
    return Finished(finished, folder)


def _pinned(pin: bool) -> tuple[Sequence[int] | None, Sequence[int] | None]:
    if not pin:
        return None, None
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        raise UsageError(
            "--pin needs a system that binds processes to CPUs, macOS does not", "Leave --pin out."
        )
    first, *others = process.cpu_affinity()
    if not others:
        raise UsageError("--pin needs at least two CPUs, one is usable here", "Leave --pin out.")
    return [first], others


def _expect_tools(plan: Plan, live: Live) -> None:
    missing = sorted(set(plan.tools) - set(live.handshake.tools))
    if missing:
        raise TargetError(
            f"the plan calls {', '.join(missing)}; "
            f"{live.url} lists {', '.join(live.handshake.tools) or 'no tools'}",
            "Is it the right server for this adapter?",
        )


def _rehearsed_stock(k6: Path, scenario: Scenario, live: Live, folder: Path, course: Course) -> Stock | None:
    """Apply the load once without measuring it, so that everything lazy is there; then take stock."""
    rehearsal = folder / "rehearsal"
    rehearsal.mkdir()
    env = k6_process.script_env(folder / PLAN_NAME, live.url, rehearsal)
    most = course.preview.max_vus
    with Generator(k6, scenario.shape, env, rehearsal, period_s=None, max_vus=most) as k6_run:
        _wait_for(k6_run, live, course, "rehearsal")
    return take_settled_stock(live, scenario.gauges, None, lambda: course.interruption.requested)


def _wait_for(k6_run: Generator, live: Live, course: Course, what: str) -> list[str]:
    """Wait until k6 has ended; end it early when it is overdue, the server is gone or the user says so."""
    faults: list[str] = []
    longest_s = course.preview.duration_s
    began = time.monotonic()
    while not k6_run.wait(_POLL_S):
        elapsed_s = time.monotonic() - began
        course.tell(what, min(1.0, elapsed_s / max(longest_s, 1e-3)))
        ended = live.ended()
        overdue = elapsed_s > longest_s + _OVERDUE_S
        if ended:
            faults.append(ended)
        if overdue:
            faults.append(f"k6 hung: it should have ended after {longest_s:.0f} s at the latest")
        if ended or overdue or course.interruption.requested:
            k6_run.interrupt()
            break
    return faults


def _apply_load(k6_run: Generator, live: Live, course: Course) -> Load:
    with Sampler(live.pid, course.period_s) as sampler, k6_run:
        sampler.watch_generator(k6_run.pid)
        faults = _wait_for(k6_run, live, course, "load")
        generated = k6_run.result()
        interrupted = course.interruption.requested
        if not faults and not interrupted:
            faults += [change for change in [live.changed()] if change]
    return Load(
        generated=generated,
        samples=sampler.samples,
        faults=tuple(faults),
        interrupted=interrupted,
        sessions_left=endpoints.open_sessions(live.url, token=live.token)
        if live.handshake.wire == "session"
        else None,
    )
