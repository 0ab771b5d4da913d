"""Measuring one scenario of one server: plan, server, load, samples, record and reports."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from perf_core import report
from perf_core.analysis.token_cost import token_cost
from perf_core.analysis.tokenizer import tokenizer
from perf_core.errors import GeneratorError, LabError, NothingToCall, TargetError, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_access import LoadedServer, k6_access
from perf_core.load.k6_process import Generator
from perf_core.results import record_file
from perf_core.results.folder import new_folder
from perf_core.results.manifest import make_manifest, usable_cpus
from perf_core.results.plan_file import write_plan
from perf_core.results.record import RunRecord
from perf_core.results.secrets import without_secrets
from perf_core.runs.assemble import RunSpec, assemble
from perf_core.runs.bridge_watch import watch_bridge
from perf_core.runs.expectations import expect_lasting_tokens, expect_process, expect_tools
from perf_core.runs.loading import LoadContext, apply_load, warmed_up_snapshot
from perf_core.runs.probing import stream_probe
from perf_core.runs.profiling import profiling_of
from perf_core.runs.questions import Question, on_other_wire
from perf_core.runs.unmeasured import unmeasured_record
from perf_core.sampling.kills import ProcessKiller
from perf_core.sampling.snapshot import SnapshotPair, take_settled_snapshot
from perf_core.server.checks import Discovery
from perf_core.server.credentials.masking import mask_error
from perf_core.server.listeners import is_local
from perf_core.server.live import StartOptions, live_server
from perf_core.server.subject import secrets_of
from perf_core.shapes.registry import shape_named

_LONG_RUN_S = 120.0

CpuSets = tuple[Sequence[int] | None, Sequence[int] | None]
"""CPUs of the server and of the generator; None is all."""

DASHBOARD_PORT = 5665
"""Default port of k6's live dashboard."""


@dataclass(frozen=True)
class Options:
    """Options of a run that do not affect the load, as on the command line.

    Attributes:
        py_spy: Profiler that records the server during the load; None for no profile.
    """

    output_dir: Path
    dashboard: bool = False
    pin: bool = False
    py_spy: Path | None = None


@dataclass(frozen=True)
class MeasuredRun:
    """The record of a run and the folder that it was written to.

    Attributes:
        error: Error because of which nothing was measured; None if the record has figures or k6 left none.
    """

    record: RunRecord
    folder: Path
    error: LabError | None = None


def measure(
    question: Question, options: Options, *, interruption: Interruption, on_progress: OnProgress
) -> MeasuredRun:
    """Measure one scenario of one server on one wire, and write the record and its reports.

    A failure of the server or of k6 is recorded, too.

    Raises:
        UsageError: The request is invalid.
        ResultsError: The results cannot be written.
        Interrupted: The user interrupted before the load began.
    """
    cpu_sets = _cpu_sets(options.pin)
    folder = new_folder(
        options.output_dir, f"{question.scenario.name}-{question.subject.name}-{question.wire}"
    )
    failure: LabError | None = None
    try:
        record = _measured(
            question, options, folder, cpu_sets, interruption=interruption, on_progress=on_progress
        )
    except (TargetError, GeneratorError) as error:
        if (other := on_other_wire(question, error)) is not None:
            # Nothing but the plan and the server's log is in the folder, and both are written again.
            shutil.rmtree(folder, ignore_errors=True)
            on_progress(f"the server offers the {other.wire} wire only, which is used", None)
            return measure(other, options, interruption=interruption, on_progress=on_progress)
        failure = error
        mask_error(error, secrets_of(question.subject, question.launch))
        record = unmeasured_record(question, folder.name, error)
    if question.not_offered is not None:
        record = replace(record, reasons=(*record.reasons, _remark(question)))
    return _written(question, record, folder, failure)


def record_unasked(question: Question, error: TargetError, output_dir: Path) -> MeasuredRun:
    """Write the record of a question for which no calls could be drawn, and its reports.

    Args:
        question: A question without calls; see :func:`perf_core.runs.unmeasured.unasked`.
        error: Why the server could not be asked what it can do.

    Raises:
        ResultsError: The results cannot be written.
    """
    folder = new_folder(output_dir, f"{question.scenario.name}-{question.subject.name}-{question.wire}")
    if isinstance(error, NothingToCall) and isinstance(error.discovery, Discovery):
        question = replace(question, subject=replace(question.subject, discovery=error.discovery))
    return _written(question, unmeasured_record(question, folder.name, error), folder, error)


def _written(question: Question, record: RunRecord, folder: Path, failure: LabError | None) -> MeasuredRun:
    record = without_secrets(
        replace(record, discovery=question.subject.discovery), secrets_of(question.subject, question.launch)
    )
    record_file.write(record, folder)
    report.write_all(record, folder)
    return MeasuredRun(record, folder, failure)


def _measured(
    question: Question,
    options: Options,
    folder: Path,
    cpu_sets: CpuSets,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> RunRecord:
    subject, scenario, wire = question.subject, question.scenario, question.wire
    plan, preview, launch = question.plan, question.preview, question.launch
    k6, k6_version = question.k6, question.k6_version
    shape = shape_named(plan.shape)
    server_cpus, generator_cpus = cpu_sets
    plan_path = write_plan(plan, folder)

    on_progress(f"starting {subject.name}", None)
    start = StartOptions(folder / "server.log", server_cpus, launch, on_progress)
    with (
        live_server(subject, wire, start, interruption) as live,
        k6_access(LoadedServer(live.url, live.access, live.handshake.revision)) as k6_variables,
    ):
        expect_tools(plan, live)
        expect_lasting_tokens(live, preview.load_s)
        expect_process(shape, live)
        env = {**k6_process.script_env(plan_path, live.url, folder), **k6_variables.env}
        period_s = 1.0 if preview.load_s >= _LONG_RUN_S else k6_process.SHORTEST_PERIOD_S
        manifest = make_manifest(
            subject,
            plan,
            live.handshake,
            k6_version,
            live.ready_s,
            launch=launch,
            transport=live.transport,
            not_offered=[question.not_offered] if question.not_offered else (),
        )
        k6_run = Generator(
            k6,
            plan.shape,
            env,
            folder,
            period_s=period_s,
            max_vus=preview.max_vus,
            dashboard_port=DASHBOARD_PORT if options.dashboard else None,
            cpus=generator_cpus,
            secrets=live.access.secrets,
        )
        context = LoadContext(preview, period_s, interruption, on_progress, k6_variables)
        before = None
        if shape.resource_snapshots:
            before = warmed_up_snapshot(k6, scenario, live, folder, context)
        kill_pattern = scenario.kill_pattern if shape.kills_processes else ""
        probing = stream_probe(question, live, interruption)
        bridge = watch_bridge(live, launch or subject.adapter.launch, preview.first_users)
        with ProcessKiller(live.pid, kill_pattern, preview.load_s) as killer:
            load = apply_load(
                k6_run,
                live,
                context,
                killer,
                probing=probing,
                bridge=bridge,
                profiling=profiling_of(live, options.py_spy, folder),
            )
        load = replace(load, kills=killer.kills)
        if before is not None and not load.faults:
            after = take_settled_snapshot(live, scenario.gauges, before, lambda: interruption.requested)
            load = replace(load, snapshots=SnapshotPair(before, after) if after else None)

    spec = RunSpec(
        run_id=folder.name,
        plan=plan,
        targets=scenario.targets,
        server=subject.name,
        manifest=manifest,
        period_s=period_s,
        cpus=usable_cpus() if generator_cpus is None else len(generator_cpus),
        pinned=generator_cpus is not None,
        # What the lab sees of the server's processes is here, whatever name the URL has for this machine.
        server_elsewhere=live.pid is None and not is_local(subject.url or live.url),
        # Not earlier: tokens may have been renewed during the load.
        secrets=live.access.secrets(),
    )
    handshake = live.handshake
    cost = token_cost(handshake.listed, handshake.instructions, tokenizer())
    return without_secrets(replace(assemble(spec, load), token_cost=cost), spec.secrets)


def _remark(question: Question) -> str:
    return (
        f"the server does not offer the {question.not_offered} wire, on which {question.scenario.name} is "
        f"usually measured; this is the {question.wire} wire"
    )


def _cpu_sets(pin: bool) -> CpuSets:
    if not pin:
        return None, None
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        raise UsageError(
            "--pin: expected a system with CPU affinity, got one without, such as macOS", "Leave --pin out."
        )
    first, *others = process.cpu_affinity()
    if not others:
        raise UsageError("--pin: expected at least two usable CPUs, got one", "Leave --pin out.")
    return [first], others
