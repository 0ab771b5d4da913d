"""Measuring the capacity of a server, from its start to ``capacity.json`` and its reports."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from perf_core.adapter import Wire
from perf_core.analysis.capacity.limits import limit_of
from perf_core.analysis.capacity.model import CAPACITIES, Capacity
from perf_core.analysis.capacity.objectives import Objective
from perf_core.analysis.capacity.scaling import scaling
from perf_core.analysis.capacity.search import LEVEL, MOST_S, TOLERANCE, CapacitySearch, Conclusion
from perf_core.errors import Interrupted, LabError, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.k6_access import LoadedServer, k6_access
from perf_core.load.plan import Settings
from perf_core.report.documents import save
from perf_core.results.folder import new_folder
from perf_core.results.manifest import make_manifest, usable_cpus
from perf_core.results.secrets import masked_parts
from perf_core.runs.assemble import RunSpec
from perf_core.runs.capacity.stepping import Stepper
from perf_core.runs.expectations import expect_lasting_tokens, expect_tools
from perf_core.runs.questions import Question, on_other_wire, prepare
from perf_core.server.credentials.masking import mask_error
from perf_core.server.listeners import is_local
from perf_core.server.live import StartOptions, live_server
from perf_core.server.subject import Subject, secrets_of

LONGEST_S = 170.0
"""Time for a whole search by default: under three minutes with the end of the server and the reports."""

MOST_JOURNEYS = 5000
"""k6 reads the plan in each step; more journeys would only take longer to read."""

_SHAPE = "quick"
"""Load shape whose script runs the steps: all of its users call the same mix."""


@dataclass(frozen=True)
class CapacityRequest:
    """The question to a server.

    Attributes:
        scenario: Scenario whose calls are made.
        longest_s: Time after which no step begins.
        most_rate: Highest rate that is offered; None for no limit.
    """

    subject: Subject
    objectives: tuple[Objective, ...]
    scenario: str
    wire: Wire
    wire_is_optional: bool = False
    longest_s: float = LONGEST_S
    tolerance: float = TOLERANCE
    most_rate: float | None = None
    seed: int = 1


@dataclass(frozen=True)
class CapacityRun:
    """A capacity and the folder that it was written to."""

    capacity: Capacity
    folder: Path


def prepared(request: CapacityRequest) -> Question:
    """Return the calls of a request, checked before anything starts.

    Raises:
        UsageError: The server has no such scenario, or its calls cannot be made.
        GeneratorError: k6 is missing, or cannot load them.
    """
    scenario = request.subject.scenario(request.scenario)
    calls = replace(scenario, shape=_SHAPE, targets=(), wires=(request.wire,))
    settings = Settings(seed=request.seed)
    question = prepare(request.subject, calls, request.wire, settings, is_optional=request.wire_is_optional)
    pools = {"mix": question.plan.pools["mix"][:MOST_JOURNEYS]}
    return replace(question, plan=replace(question.plan, pools=pools))


def measure_capacity(
    request: CapacityRequest,
    question: Question,
    output_dir: Path,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> CapacityRun:
    """Search for the capacity of a server, and write ``capacity.json`` and its reports.

    Raises:
        TargetError: The server does not start or answer.
        GeneratorError: k6 failed.
        ResultsError: The results cannot be written.
        Interrupted: The user interrupted before a step was complete.
    """
    folder = new_folder(output_dir, f"capacity-{question.subject.name}")
    try:
        capacity = _searched(request, question, folder, interruption=interruption, on_progress=on_progress)
    except LabError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, TargetError) and (other := on_other_wire(question, error)) is not None:
            on_progress(f"the server offers the {other.wire} wire only, which is used", None)
            pools = {"mix": other.plan.pools["mix"][:MOST_JOURNEYS]}
            other = replace(other, plan=replace(other.plan, pools=pools))
            return measure_capacity(
                request, other, output_dir, interruption=interruption, on_progress=on_progress
            )
        mask_error(error, secrets_of(question.subject, question.launch))
        raise
    capacity = masked_parts(capacity, secrets_of(question.subject, question.launch))
    save(CAPACITIES, capacity, folder)
    return CapacityRun(capacity, folder)


def _searched(
    request: CapacityRequest,
    question: Question,
    folder: Path,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Capacity:
    began, started_at = time.monotonic(), datetime.now(UTC)
    subject, plan, launch = question.subject, question.plan, question.launch
    search = CapacitySearch(request.objectives, request.tolerance)
    if request.most_rate is not None:
        search.most_rate = request.most_rate
    reasons: list[str] = []
    on_progress(f"starting {subject.name}", None)
    with ExitStack() as stack:
        start = StartOptions(folder / "server.log", None, launch, on_progress)
        live = stack.enter_context(live_server(subject, question.wire, start, interruption))
        k6_variables = stack.enter_context(
            k6_access(LoadedServer(live.url, live.access, live.handshake.revision))
        )
        expect_tools(plan, live)
        expect_lasting_tokens(live, request.longest_s)
        manifest = make_manifest(
            subject,
            plan,
            live.handshake,
            question.k6_version,
            live.ready_s,
            launch=launch,
            transport=live.transport,
        )
        spec = RunSpec(
            run_id=folder.name,
            plan=plan,
            targets=(),
            server=subject.name,
            manifest={},
            period_s=0.0,
            cpus=usable_cpus(),
            server_elsewhere=live.pid is None and not is_local(subject.url or live.url),
        )
        stepper = Stepper(
            plan,
            request.objectives,
            question.k6,
            k6_variables,
            live,
            launch,
            spec,
            folder,
            interruption,
            on_progress,
        )
        while (step := search.next()) is not None:
            left_s = request.longest_s - (time.monotonic() - began)
            if stepper.length_s(step) > left_s:
                reasons.append(f"the time limit of {request.longest_s:.0f} s was reached")
                break
            if interruption.requested:
                break
            result, load = stepper.measure(step, _progress(search.conclusion(), step.rate_per_s))
            if load.interrupted:
                break
            ended = live.ended()
            if ended:
                result = replace(result, state="broken", sustained=False, reasons=(ended,))
            search.add(result)
            if ended:
                reasons.append(f"{ended.partition(';')[0]}, at {step.rate_per_s:,.4g} per second")
                break
        transport, is_visible = live.transport, live.pid is not None
    if interruption.requested and not search.steps:
        raise Interrupted("interrupted before a step was complete; nothing was recorded")
    conclusion = search.conclusion()
    limit, words = limit_of(search.steps, usable_cpus(), is_visible=is_visible)
    reasons = [*_reasons(search, conclusion), *reasons]
    if interruption.requested:
        reasons.insert(0, "the user interrupted; the answer is from the steps until then")
    if len(reasons) == 0 and conclusion.answer == "interval" and conclusion.width > request.tolerance:
        reasons.append(f"the interval is wider than {request.tolerance:.0%}")
    return Capacity(
        target=subject.name,
        wire=question.wire,
        transport=transport,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_s=round(time.monotonic() - began, 1),
        objectives=tuple(each.text for each in request.objectives),
        answer=conclusion.answer,
        low_per_s=conclusion.low_per_s,
        high_per_s=conclusion.high_per_s,
        best_per_s=conclusion.best_per_s,
        level=LEVEL,
        tolerance=request.tolerance,
        reasons=tuple(reasons),
        limit=limit,
        limit_words=words,
        steps=tuple(search.steps),
        scaling=scaling(search.steps),
        interrupted=interruption.requested,
        manifest=manifest,
    )


def _progress(so_far: Conclusion, rate: float) -> str:
    at = f"at {rate:,.4g} per second"
    if so_far.answer == "interval":
        return f"{at}; so far {so_far.low_per_s:,.4g} to {so_far.high_per_s:,.4g}"
    return at


def _reasons(search: CapacitySearch, conclusion: Conclusion) -> Sequence[str]:
    reasons = []
    unclear = [step for step in search.steps if step.state == "unclear"]
    if unclear:
        causes = {reason for step in unclear for reason in (*step.health_problems, *step.reasons[:1])}
        reasons.append(
            f"{len(unclear)} of {len(search.steps)} steps said nothing: {'; '.join(sorted(causes)[:3])}"
        )
    if conclusion.answer == "at least" and conclusion.low_per_s == search.most_rate:
        reasons.append(f"no higher rate than {search.most_rate:,.4g} was offered")
    every_s = search.stall_every_s()
    if every_s is not None:
        text = f"the server stood still about every {every_s:.1f} s"
        if every_s > MOST_S:
            text += f": steps of {MOST_S:.0f} s see none or one, so that shares of slow calls are vague"
        reasons.append(text)
    return reasons
